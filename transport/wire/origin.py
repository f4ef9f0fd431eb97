"""Who may connect from a browser: the policy on the ``Origin`` header (RFC 6455 section 10.2, RFC 6454)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...actors.words.errors import OriginRefused, UsageError

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ORIGIN = re.compile(r"(https?)://([^\s/?#@,:\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_HOST = re.compile(r"([^\s/?#@,:\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")


class Origins:
    """A policy: `Origins()` is the same origin, `Origins.allow` a list, `Origins.any` everybody.

    It is about browsers, which name the page's origin with each WebSocket and each POST whatever the page says. Other
    programs need not send one, and could send any: a missing origin passes each policy, and says nothing about who
    comes. That is for ``identify`` and the hooks to ask.
    The same origin means the host and port of the request's own ``Host``. A proxy may have taken TLS away, so
    the scheme is not compared; it only says which port an origin without one has. ``X-Forwarded-Host`` is not
    asked, since anybody can send it: behind a proxy that rewrites ``Host``, list the origins.
    """

    __slots__ = ("_allowed", "_any")

    def __init__(self) -> None:
        self._allowed: frozenset[str] | None = None
        self._any = False

    @classmethod
    def allow(cls, origins: Iterable[str]) -> Origins:
        """Pages of these origins alone, as ``scheme://host[:port]`` or ``null``, compared in lower case.

        Raises: UsageError for what no browser sends as its origin.
        """
        if isinstance(origins, str):
            raise UsageError(f"expected a list of origins, got the text {origins!r}")
        policy = cls()
        policy._allowed = frozenset(_checked(origin) for origin in origins)
        return policy

    @classmethod
    def any(cls) -> Origins:
        """Everybody: for public data only, since any web page may then act with its visitor's cookies."""
        policy = cls()
        policy._any = True
        return policy

    def check(self, origin: str | None, host: str | None) -> None:
        """Judge a request by its ``Origin`` and ``Host`` headers, None for a missing one.

        Raises: OriginRefused, whose text says what was got and what is allowed.
        """
        if self._any or origin is None:
            return
        if self._allowed is not None:
            if _plain(origin) not in self._allowed:
                raise OriginRefused(f"origin {origin!r} is not allowed; allowed: {sorted(self._allowed)}")
        elif not _same(_plain(origin), (host or "").lower()):
            raise OriginRefused(f"origin {origin!r} is not allowed; allowed: the same origin, host {host!r}")


def _plain(origin: str) -> str:
    return origin.lower().removesuffix("/")


def _checked(origin: str) -> str:
    plain = _plain(origin)
    if plain != "null" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s/?#@,*]+", plain):
        raise UsageError(f"expected an origin like 'https://example.org:8443' or 'null', got {origin!r}")
    return plain


def _same(origin: str, host: str) -> bool:
    parts, own = _ORIGIN.fullmatch(origin), _HOST.fullmatch(host)
    if parts is None or own is None or parts[2] != own[1]:
        return False
    default = _DEFAULT_PORTS[parts[1]]
    return (parts[3] or default) == (own[2] or default)
