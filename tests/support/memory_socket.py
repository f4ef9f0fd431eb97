"""A connection's socket in memory."""

from __future__ import annotations

from collections.abc import Callable

from gevent.queue import SimpleQueue


class MemorySocket:
    """A WebSocket without TCP. It is its own outbox, which takes everything unless some bytes are ``pending``."""

    def __init__(self, subprotocol: str = "nuphar.v1.cbor") -> None:
        self.subprotocol = subprotocol
        self.outbox = self
        self.closed = False
        self.close_code: int | None = None
        self.close_reason = ""
        self.last_received = 0.0
        self.pending = 0
        self.ready = -1  # it has no descriptor
        self.on_refused: Callable[[], None] | None = None
        self.too_slow = False
        self.takes = False
        self.room: list[Callable[[], None]] = []
        self.aborted = False
        self.written: list[bytes] = []
        self._arriving: SimpleQueue[list[bytes | str] | None] = SimpleQueue()

    def write(self, data: bytes) -> bool:
        if self.offer(data):
            return True
        if self.on_refused is not None and not self.closed:
            self.on_refused()
        return False

    def offer(self, data: bytes) -> bool:
        if self.pending or self.closed:
            return False
        self.written.append(data)
        return True

    def on_empty(self, callback: Callable[[], None]) -> None:
        self.room.append(callback)

    def is_taking(self) -> bool:
        taking, self.takes = self.takes, False
        return taking

    def drain(self) -> None:
        """Be empty again."""
        self.pending = 0
        room, self.room = self.room, []
        for callback in room:
            callback()

    def receive(self) -> list[bytes | str] | None:
        return self._arriving.get()

    def close(self, code: int = 1000, reason: str = "") -> None:
        if not self.closed:
            self.closed, self.close_code, self.close_reason = True, code, reason
            self._arriving.put(None)

    def abort(self) -> None:
        self.aborted = True
        self.close(1006)

    def arrive(self, *payloads: bytes | str) -> None:
        """Let messages come in one read."""
        self._arriving.put(list(payloads))

    def vanish(self) -> None:
        """Let the peer be gone."""
        self._arriving.put(None)
