"""The clients of an application that has its own transport: what `Server.connect` and its siblings do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.sessions.messages import Disconnect, DispatchTo
from ...actors.sessions.sessions import check_client_id
from ...actors.targets.messages import Dispatch
from ...actors.words.errors import UsageError
from ...actors.words.identity import Identity
from ...actors.words.target_names import SESSION
from ...transport.server.socketless import SocketlessClient
from .books import Books

logger = ThrottledLogger("nuphar.supervision")


class SocketlessClients:
    """By client id. Used only while the server runs."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._clients: dict[str, SocketlessClient] = {}

    def connect(
        self,
        client_id: str,
        send: Callable[[bytes], Any],
        session: Iterable[Any],
        hub: Any,
        identity: Identity | None = None,
    ) -> None:
        """Register a client; ``session`` are messages for its own store, ``hub`` is the server's.

        Raises: UsageError for a ``send`` that cannot be called, UnregisteredType for a message that cannot be written.
        """
        if not callable(send):
            raise UsageError(f"send: expected a callable that takes one frame of bytes, got {send!r}")
        books = self._books
        dispatches = [Dispatch(message, books.codec.encode_message(message)) for message in session]
        rates = books.gateway.rates
        client = SocketlessClient(client_id, send, books.sessions, books.codec, hub, identity, rates)
        if (older := self._clients.get(client_id)) is not None:
            older.end()
        self._clients[client_id] = client
        for dispatch in dispatches:
            books.router.put(DispatchTo(client_id, SESSION, dispatch))

    def disconnect(self, client_id: str) -> None:
        """Unregister any client, also one with a socket; does nothing for an unknown one."""
        check_client_id(client_id)
        if (client := self._clients.pop(client_id, None)) is not None:
            client.end()
        self._books.router.put_anyway(Disconnect(client_id, self._books.sessions.get(client_id)))

    def incoming(self, client_id: str, data: bytes) -> None:
        """Process one frame; an unknown client's is dropped.

        Raises: UsageError for anything but bytes or text.
        """
        if not isinstance(data, bytes | str):
            raise UsageError(f"incoming: expected one frame as bytes, got {data!r}")
        client = self._clients.get(client_id)
        if client is None or client.session.closed:
            logger.debug("dropped a frame of the unknown client %r", client_id)
            return
        client.receive(data)
