"""What a client shows at each try to connect: its header fields, and a token that may be fresh each time. Pure.

>>> Credentials({"X-Team": "blue"}, "abc").now()
(('X-Team', 'blue'), ('Authorization', 'Bearer abc'))

Where the token comes from a function, a refusal is answered once by a fresh one: the second in a row is for good.

>>> fresh = Credentials(token=iter(["old", "new"]).__next__)
>>> fresh.judge(ConnectionEnd(401, "expired")).code, fresh.judge(ConnectionEnd(401, "expired")).code
(0, 401)

Source: RFC 6750 section 2.1 (the Authorization request header field).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from ....actors.words.close_codes import UNAUTHORISED
from ....actors.words.errors import UsageError
from .ended import ConnectionEnd
from .fields import Fields, HeaderOption, Pairs

Token = str | Callable[[], str | Awaitable[str | None] | None] | None
"""A token, or a function that returns one: it is asked at each try. None, and an empty text, are none."""

REFUSED = frozenset({401, UNAUTHORISED})
"""The ends that a fresh token may mend; what is forbidden stays so."""

MASK = "(token)"
"""What stands in the place of a token in words for people."""

_TOKEN = re.compile(r"[!-~]{0,8192}")


class Credentials:
    """``in_loop``: the token's function may be a coroutine function. No token is in its repr, nor in an error.

    Raises: UsageError for fields or a token that no request can carry.
    """

    def __init__(self, headers: HeaderOption = (), token: Token = None, *, in_loop: bool = False) -> None:
        self._in_loop = in_loop
        self._given = self._checked(Fields(headers), token)
        self._shown = ""  # the token of the last try
        self._refusals = 0  # in a row

    @property
    def may_wait(self) -> bool:
        """Whether a plain function of the program is asked."""
        fields, token = self._given
        return fields.may_wait or (callable(token) and not iscoroutinefunction(token))

    def renew(self, headers: HeaderOption | None = None, token: Token = None) -> None:
        """Show these from the next try on; None keeps what there is. Raises: UsageError; then nothing has changed."""
        fields, before = self._given
        fields = fields if headers is None else Fields(headers)
        self._given = self._checked(fields, before if token is None else token)
        self._refusals = 0

    def now(self, asked: str | None = None) -> Pairs:
        """Return the fields of a try that begins now; ``asked`` is a token that `ask_in_loop` has returned.

        Raises: ConnectionError if a function of the program raised, or what it returned is of no use.
        """
        fields, token = self._given
        pairs = fields.now()
        if asked is None:
            asked = _from(token) if callable(token) else token or ""
        if asked and _names(pairs):
            raise ConnectionError(_TWO)
        self._shown = asked or self._shown
        return (*pairs, ("Authorization", f"Bearer {asked}")) if asked else pairs

    async def ask_in_loop(self) -> str | None:
        """Return the token if it comes from a coroutine function, else None. Raises: as `now`."""
        _, token = self._given
        if not iscoroutinefunction(token):
            return None
        try:
            found = await token()
        except Exception as error:
            raise ConnectionError(_raised(error)) from error
        return _checked_token(found, ConnectionError)

    def welcomed(self) -> None:
        """The server has taken what it was shown."""
        self._refusals = 0

    def judge(self, ended: ConnectionEnd) -> ConnectionEnd:
        """Return what the end of a connection means: not for good if a fresh token may mend it. No token is in it."""
        why = ended.why.replace(self._shown, MASK) if self._shown else ended.why
        _, token = self._given
        if ended.code not in REFUSED or not callable(token):
            return ended._replace(why=why)
        self._refusals += 1
        if self._refusals > 1:
            return ended._replace(why=why)
        return ConnectionEnd(0, f"refused with {ended.code}, and asks for a fresh token: {why}", ended.after)

    def _checked(self, fields: Fields, token: Token) -> tuple[Fields, Token]:
        if iscoroutinefunction(token) and not self._in_loop:
            raise UsageError("token: expected a plain function, got a coroutine function, which an AsyncClient takes")
        if not callable(token):
            token = _checked_token(token, UsageError)
        if token and not fields.may_wait and _names(fields.now()):
            raise UsageError(_TWO)
        return fields, token


_TWO = "token: expected it or an Authorization in headers, got both"


def _names(pairs: Pairs) -> bool:
    return any(name.lower() == "authorization" for name, _ in pairs)


def _from(function: Callable[[], Any]) -> str:
    try:
        found = function()
    except Exception as error:
        raise ConnectionError(_raised(error)) from error
    return _checked_token(found, ConnectionError)


def _raised(error: Exception) -> str:
    return f"the function for token raised {type(error).__name__}: {error}"


def _checked_token(token: Any, kind: type[Exception]) -> str:
    if token is None:
        return ""
    if not isinstance(token, str):
        raise kind(f"token: expected text, a function that returns it, or None, got {type(token).__name__}")
    if not _TOKEN.fullmatch(token):
        raise kind(f"token: expected at most 8192 visible ASCII characters, got {len(token)} with others among them")
    return token
