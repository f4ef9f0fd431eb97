"""``wsgi.input`` of a request that asks for an upgrade: no body, and the connection itself once it is upgraded.

What follows such a request is another request until a 101 was written. So nothing can be read before: else an
application that reads its body would wait for the peer, or be given the next request as a body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from typing import Any

from ..wire.upgrade import has_body, tokens


class UpgradeStream:
    """Reads nothing from ``rfile`` until `take` was called: by whoever writes the 101, or by asking for ``raw``.

    ``on_take()`` is called once, at that moment: whoever has the connection may wait for as long as it likes.
    """

    __slots__ = ("_on_take", "_rfile", "is_taken")

    def __init__(self, rfile: BufferedReader, on_take: Callable[[], Any]) -> None:
        self._rfile = rfile
        self._on_take = on_take
        self.is_taken = False
        """Whether the connection is the application's, so that no request follows on it."""

    def take(self) -> None:
        """Let the application read the connection."""
        if not self.is_taken:
            self.is_taken = True
            self._on_take()

    @property
    def raw(self) -> Any:
        """The connection below the buffer, for packages that write the 101 themselves (simple-websocket)."""
        self.take()
        return self._rfile.raw

    def read(self, size: int | None = -1) -> bytes:
        """Return ``size`` bytes; none before the upgrade."""
        return self._rfile.read(size) if self.is_taken else b""

    def readline(self, size: int | None = -1) -> bytes:
        """Return a line with its end; none before the upgrade."""
        return self._rfile.readline(-1 if size is None else size) if self.is_taken else b""

    def readlines(self, hint: int | None = None) -> list[bytes]:
        """Return all lines; none before the upgrade."""
        return self._rfile.readlines(-1 if hint is None else hint) if self.is_taken else []

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def wants_upgrade(environ: Mapping[str, Any]) -> bool:
    """Say whether a request may be upgraded to anything: it names a protocol, and has no body (RFC 9110, 7.8)."""
    return (
        environ.get("SERVER_PROTOCOL") == "HTTP/1.1"
        and "upgrade" in tokens(environ.get("HTTP_CONNECTION", "").lower())
        and bool(tokens(environ.get("HTTP_UPGRADE", "")))
        and not has_body(environ)
    )
