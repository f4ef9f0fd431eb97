"""What becomes of a client that connects: who it is, or why it is not let in. The application is asked once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ...actors.runtime.happenings import IDENTIFIED, tell
from ...actors.runtime.hooks import Hook, HookFailed, call
from ...actors.runtime.host import GEVENT, Host
from ...actors.words.close_codes import FORBIDDEN, UNAUTHORISED
from ...actors.words.errors import Refused
from ...actors.words.identity import EXPIRED, Identity, check_identity, user_of
from ..wire.upgrade import Decline
from .browser_cookie import SIZE, browser_key, cookie
from .connect_request import ConnectRequest
from .tidings import tell_refused

RETRY_AFTER = 5
"""Seconds after which a client comes back when the application could not say who it is."""

_OUTAGE = "the application cannot say at the moment who you are: come back"
_PLAIN_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))

AnswerHeaders = tuple[tuple[str, str], ...]


class Known(NamedTuple):
    """It is let in; ``identity`` is None for an anonymous client. ``headers`` go into the answer."""

    identity: Identity | None
    headers: AnswerHeaders = ()


class TurnedAway(NamedTuple):
    """The application does not let it in: the code and the text of a `Refused`."""

    code: str
    text: str

    @property
    def close_code(self) -> int:
        """With what a WebSocket is closed that was opened to say so."""
        return UNAUTHORISED if self.code == "unauthorised" else FORBIDDEN

    def refuse(self) -> Decline:
        """Return the answer over HTTP."""
        if self.close_code == UNAUTHORISED:
            headers = (*_PLAIN_TEXT, ("WWW-Authenticate", "Bearer"))
            return Decline("401 Unauthorized", self.text, headers, self.code)
        return Decline("403 Forbidden", self.text, _PLAIN_TEXT, self.code)


class Outage(NamedTuple):
    """Nobody could say: no sign-out, so the client comes back. What went wrong is in the log."""

    def refuse(self) -> Decline:
        """Return the answer over HTTP."""
        headers = (*_PLAIN_TEXT, ("Retry-After", str(RETRY_AFTER)))
        return Decline("503 Service Unavailable", _OUTAGE, headers, _OUTAGE)


def identify(
    hook: Hook | None, environ: dict[str, Any], timeout: float, host: Host = GEVENT
) -> Known | TurnedAway | Outage:
    """Ask ``hook``, the option ``identify`` of a server, who sends this request; without one it is anonymous.

    ``timeout`` are the seconds that it may take.
    """
    if hook is None:
        return Known(None)
    request = ConnectRequest(environ)
    try:
        identity = call("identify", _asked, hook, request, timeout=timeout, host=host, may_refuse=True)
    except Refused as error:
        return _turned_away(request, error.code, error.text)
    except HookFailed:
        return Outage()
    if identity is not None and identity.has_expired(host.wall()):
        return _turned_away(request, "unauthorised", EXPIRED)
    tell(IDENTIFIED, user_of(identity), request.address)
    return Known(identity) if identity is None or identity.browser is not None else _with_key(request, identity, host)


def _with_key(request: ConnectRequest, identity: Identity, host: Host) -> Known:
    """Give the browser of a user the key that the application has not given; other programs have no tabs."""
    if (key := browser_key(request)) is not None:
        return Known(replace(identity, browser=key))
    if not request.is_browser:
        return Known(identity)
    key = host.secret(SIZE)
    return Known(replace(identity, browser=key), (cookie(request, key),))


def _asked(hook: Hook, request: ConnectRequest) -> Identity | None:
    return check_identity("identify", hook(request))


def _turned_away(request: ConnectRequest, code: str, text: str) -> TurnedAway:
    tell_refused(request.address, code)
    return TurnedAway(code, text)
