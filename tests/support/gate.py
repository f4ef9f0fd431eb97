"""A gate in front of a server: it refuses whom a test wants refused, and notes what each newcomer has shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nuphar import Live, Server

Refusal = tuple[str, str, tuple[tuple[str, str], ...]]
"""Status, sentence, further fields."""


class Gate:
    """A WSGI application around `Live`. ``refusals`` are given to the next who open a connection; others pass."""

    def __init__(self, server: Server, *refusals: Refusal) -> None:
        self._live = Live(server)
        self.refusals = list(refusals)
        self.shown: list[str | None] = []
        """The Authorization of each who has opened a connection, or tried."""
        self.queries: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.queries.append(environ.get("QUERY_STRING", ""))
        path = environ["PATH_INFO"]
        if path == "/live" or (path == "/live/send" and "HTTP_NUPHAR_LINE" not in environ):
            self.shown.append(environ.get("HTTP_AUTHORIZATION"))
            if self.refusals:
                status, sentence, fields = self.refusals.pop(0)
                length = ("Content-Length", str(len(sentence)))
                start_response(status, [("Content-Type", "text/plain"), length, *fields])
                return [sentence.encode()]
        return self._live(environ, start_response)


def refusal(status: str, sentence: str, **fields: str) -> Refusal:
    """Return a refusal; ``Retry_After="1"`` is a field of it."""
    return status, sentence, tuple((name.replace("_", "-"), value) for name, value in fields.items())


def put_out(server: Server, code: int, text: str, *rejected: str) -> None:
    """Have ``server`` close every connection with ``code``, behind a Rejected of no ref if it has a code and a text."""
    for connection in list(server.gateway.connections):
        if rejected:
            connection._outbox.write(connection._framing.rejected(0, None, *rejected, None))
        connection._end(code, text)
