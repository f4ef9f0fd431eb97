"""Clients without a socket, and the barrier that lets a server come to rest."""

from __future__ import annotations

from typing import Any

import gevent

from nuphar import Server, generate_client_id
from nuphar.transport import decode, encode
from nuphar.transport.wire.frames import Frame


def settle(server: Server) -> None:
    """Let the server's actors and hooks run until nothing waits in any of their mailboxes."""
    quiet = 0
    for _ in range(100_000):
        gevent.sleep(0)
        quiet = quiet + 1 if _is_idle(server) else 0
        if quiet == 8:
            return
    raise AssertionError("the server does not come to rest")


def _is_idle(server: Server) -> bool:
    mailboxes = [server.books.router, server.books.topic_starts, server.books.session_starts]
    if server.lifecycle.root is not None and server.lifecycle.root.registry is not None:
        mailboxes += [ref.actor_inbox for ref in server.lifecycle.root.registry.living()]
    return all(mailbox.empty() for mailbox in mailboxes)


class ScriptedClient:
    """A client without a socket: what it sends and what it got are frames."""

    def __init__(self, server: Server, client_id: str | None = None, **options: Any) -> None:
        self.server = server
        self.id = client_id or generate_client_id()
        self.got: list[bytes] = []
        self._codec = server.codec.serialiser
        server.connect(self.id, self.got.append, **options)

    def send(self, *frames: Frame | bytes) -> None:
        """Send frames, or bytes that are none."""
        for frame in frames:
            data = frame if isinstance(frame, bytes) else encode(frame, self._codec)
            self.server.incoming(self.id, data)

    def take(self) -> list[Frame]:
        """Let the server come to rest, then take away what has arrived."""
        settle(self.server)
        return self.peek()

    def peek(self) -> list[Frame]:
        """Take away what has arrived by now."""
        got, self.got[:] = list(self.got), []
        return [decode(data, self._codec) for data in got]
