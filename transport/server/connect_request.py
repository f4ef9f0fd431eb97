"""The request of a client that connects, as an application reads it to say who that is. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from ...actors.words.identity import Identity

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)  # RFC 6750 section 2.1
_BARE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Headers(Mapping[str, str]):
    """The headers of a WSGI environment, whatever the case of the names that are asked for.

    >>> headers = Headers({"HTTP_USER_AGENT": "a browser"})
    >>> headers["user-agent"], list(headers)
    ('a browser', ['User-Agent'])
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        lower = name.lower()
        key = _BARE.get(lower) or "HTTP_" + lower.replace("-", "_").upper()
        value: str = self._environ[key]
        return value

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            if key.startswith("HTTP_") or key in _BARE.values():
                yield key.removeprefix("HTTP_").replace("_", "-").title()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Headers {sorted(self)}>"


class ConnectRequest:
    """What ``identify(request)`` gets: a WSGI environment, ``environ``, with names for what it asks most.

    It is made for each upgrade to a WebSocket and for each POST that opens a line over HTTP. What it prints shows no
    cookie, no token and no value of its query.
    Source: PEP 3333, docs/identity.md.

    >>> request = ConnectRequest({
    ...     "PATH_INFO": "/live", "REMOTE_ADDR": "127.0.0.1", "QUERY_STRING": "room=7",
    ...     "HTTP_COOKIE": "user=ada; theme=dark", "HTTP_AUTHORIZATION": "Bearer abc.def",
    ... })
    >>> request.cookies["user"], request.query["room"], request.bearer, request.is_browser
    ('ada', '7', 'abc.def', False)
    >>> request
    <ConnectRequest /live from 127.0.0.1>
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ

    def __repr__(self) -> str:
        return f"<ConnectRequest {self.path} from {self.address or 'an unknown address'}>"

    @property
    def headers(self) -> Headers:
        """Its headers by name; ``Cookie`` and ``Authorization`` are among them."""
        return Headers(self.environ)

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """Its cookies; of two with one name the first, which browsers send for the longer path (RFC 6265)."""
        found: dict[str, str] = {}
        for part in self.environ.get("HTTP_COOKIE", "").split(";"):
            name, is_pair, value = part.strip(" \t").partition("=")
            if is_pair and name:
                is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
                found.setdefault(name, value[1:-1] if is_quoted else value)
        return MappingProxyType(found)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """What the query of its URL says; of two values with one name the first."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True):
            found.setdefault(name, value)
        return MappingProxyType(found)

    @property
    def path(self) -> str:
        """The path of its URL."""
        path: str = self.environ.get("SCRIPT_NAME", "") + self.environ.get("PATH_INFO", "")
        return path.encode("latin-1", "replace").decode("utf-8", "replace")

    @property
    def address(self) -> str | None:
        """The address of the peer: behind a proxy that of the proxy, unless the WSGI server knows better."""
        return self.environ.get("REMOTE_ADDR") or None

    @property
    def is_secure(self) -> bool:
        """Whether it came over TLS, as far as the WSGI server sees."""
        return self.environ.get("wsgi.url_scheme") == "https"

    @property
    def is_browser(self) -> bool:
        """Whether it names an origin, as each WebSocket and each POST of a page does."""
        return "HTTP_ORIGIN" in self.environ

    @property
    def bearer(self) -> str | None:
        """The token of ``Authorization: Bearer …`` (RFC 6750), None if there is none."""
        found = _BEARER.fullmatch(self.environ.get("HTTP_AUTHORIZATION", "").strip(" \t"))
        return None if found is None else found[1]


IdentifyHook = Callable[[ConnectRequest], Identity | None] | Callable[[], Identity | None]
"""``identify``: who it is, None for an anonymous client; it may raise `Refused` (docs/identity.md)."""
