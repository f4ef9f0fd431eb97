"""The one reading of a server's URL, for every connector and every scheme. Pure.

>>> Address.of("ws://example.org/live/?room=7").below("poll", "wait=25")
'/live/poll?room=7&wait=25'

Source: RFC 3986 sections 2 and 3; RFC 9112 section 3.2; RFC 5891 (through Python's ``idna`` codec) for names.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from ....actors.words.errors import UsageError

OURS = ("line", "number", "after", "wait", "close")
"""What the query of a request of the protocol over HTTP may say (docs/wire.md): a URL must not say it too."""

_CONTROLS = re.compile(r"[\x00-\x20\x7f\x85\xa0\u2028\u2029]")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_LITERAL = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?")
_VISIBLE = re.compile(r"[!-~]*")
_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is when a path and a query are written so that a request can carry them."""


class Address(NamedTuple):
    """Where a server is: ``host`` as DNS and TLS take it, ``netloc`` as a Host header says it.

    ``resource`` is the path without a slash at its end, and the query; a user name, a password and a fragment are not
    part of it.
    """

    host: str
    port: int
    is_secure: bool
    netloc: str
    resource: str

    @classmethod
    def of(cls, url: str, scheme: str = "ws") -> Address:
        """Take a URL apart; ``scheme`` is ``ws`` or ``http``, and its secure form goes too.

        Raises: UsageError that says what it cannot be reached with.
        """
        parts, port = _split(url, scheme)
        host = _host(url, parts.hostname or "")
        is_secure = parts.scheme == scheme + "s"
        literal = f"[{host}]" if ":" in host else host
        netloc = literal if port is None else f"{literal}:{port}"
        default = 443 if is_secure else 80
        return cls(host, default if port is None else port, is_secure, netloc, _resource(url, parts, scheme))

    def below(self, name: str, query: str = "") -> str:
        """Return the path of ``name`` under this one, with ``query`` behind the URL's own."""
        path, _, own = self.resource.partition("?")
        both = "&".join(part for part in (own, query) if part)
        return f"{path.rstrip('/')}/{name}" + (f"?{both}" if both else "")


def scheme_of(url: str) -> str:
    """Return a URL's scheme in small letters, empty if it has none."""
    scheme, colon, _ = url.partition("://")
    return scheme.lower() if colon else ""


def _split(url: str, scheme: str) -> tuple[SplitResult, int | None]:
    expected = f"expected a URL like {scheme}://127.0.0.1:8000/live, got {url!r}"
    if not isinstance(url, str):
        raise UsageError(expected)
    if (found := _CONTROLS.search(url)) is not None:  # `urlsplit` would drop some of them without a word
        raise UsageError(f"{expected}: a space or control character stands at character {found.start()}; write %20")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:  # a port beyond 65535, a bracket that is not closed
        raise UsageError(f"{expected}: {error}") from None
    if parts.scheme not in (scheme, scheme + "s") or not parts.hostname or port == 0:
        raise UsageError(expected)
    return parts, port


def _host(url: str, host: str) -> str:
    if ":" in host:
        if not _LITERAL.fullmatch(host):
            raise UsageError(f"the host of {url!r} is no IPv6 address")
        return host
    try:
        name = host.encode("idna").decode()
    except UnicodeError as error:
        text = str(error).partition("UnicodeError: ")[2].rstrip(")") or error
        raise UsageError(f"the host of {url!r} is no name that can be looked up: {text}") from None
    if not _NAME.fullmatch(name):
        raise UsageError(f"the host of {url!r} is no name that can be looked up: expected letters, digits, '-', '.'")
    return name


def _resource(url: str, parts: SplitResult, scheme: str) -> str:
    resource = (parts.path.rstrip("/") or "/") + (f"?{parts.query}" if parts.query else "")
    if not _VISIBLE.fullmatch(resource):
        written = quote(resource, safe=_SAFE)
        raise UsageError(f"a request cannot carry the path and query of {url!r}: write them as {written!r}")
    names = {part.partition("=")[0] for part in parts.query.split("&")}
    if scheme == "http" and (taken := sorted(names.intersection(OURS))):
        raise UsageError(
            f"the query of {url!r} has {taken}, which the protocol over HTTP uses itself: call it otherwise"
        )
    return resource
