"""One TCP connection: bytes in order in each direction, delayed, cut anywhere, and heard of late.

It is the socket of the server's end; the client's end gets calls.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from nuphar import Identity
from nuphar.transport.wire.progress import Way

from .hub import Hub, Watcher

MUCH = 100
"""Bytes on their way that are more than Pings."""

HEARTBEAT = 5.0
"""Seconds: the server's."""

LOOKS = 1.5
"""Seconds in which the server has looked at least once whether a client takes what it was sent."""


class Line:
    """``delay()`` gives the seconds of one piece; ``capacity`` is what the system takes before somebody reads."""

    def __init__(self, hub: Hub, fd: int, delay: Callable[[], float], capacity: int) -> None:
        self.hub = hub
        self.watcher: Watcher | None = None
        self.on_data: Callable[[bytes], Any] = lambda data: None
        self.on_end: Callable[[], Any] = lambda: None
        self.may_write: Callable[[], bool] = lambda: True
        """Is it this connection that its session goes on with?"""
        self.on_forbidden: Callable[[], Any] = lambda: None
        self.identity: Identity | None = None
        """As whom its client has connected."""
        self.stalled_until = 0.0
        self.is_cut = False
        self.moved_at = hub.now
        """When it took something of what the server writes."""
        self.confirmed = 0
        """Bytes that have reached the client."""
        self.took_at = float("-inf")
        """When it brought something to the client while it had had much on its way for some time."""
        self._much_since: float | None = None
        self._fd = fd
        self._delay = delay
        self._capacity = capacity
        self._down: deque[bytes] = deque()
        self._up: deque[bytes] = deque()
        self._on_the_way_down = 0
        self._last_down = self._last_up = 0.0
        self._inbox: list[bytes] = []
        self._is_over_for_server = False
        self._is_over_for_client = False
        self._writers: list[Any] = []
        hub.lines[fd] = self

    # The server's end.

    def fileno(self) -> int:
        return self._fd

    @property
    def is_readable(self) -> bool:
        return bool(self._inbox) or self._is_over_for_server

    @property
    def way(self) -> Way:
        """What the system tells of it."""
        return Way(self.confirmed, self._on_the_way_down)

    def read(self, size: int) -> bytes:
        if self._inbox:
            data = b"".join(self._inbox)
            self._inbox.clear()
            return data
        if self._is_over_for_server:
            return b""
        raise BlockingIOError

    def write(self, data: bytes) -> int:
        """Take some of ``data``. Raises: BlockingIOError, BrokenPipeError."""
        if not self.may_write():
            self.on_forbidden()
        return self._write(data)

    def _write(self, data: bytes) -> int:
        if self._is_over_for_server:
            raise BrokenPipeError
        room = self._capacity - self._on_the_way_down
        if room <= 0:
            raise BlockingIOError
        self.moved_at = self.hub.now
        taken = bytes(data[:room])
        self._on_the_way_down += len(taken)
        if self._on_the_way_down >= MUCH and self._much_since is None:
            self._much_since = self.hub.now
        if not self.is_cut:
            self._down.append(taken)
            self._last_down = max(self._last_down, self.hub.now + self._delay())
            self.hub.call_at(self._last_down, self._arrive_down)
        return len(taken)

    def send(self, data: memoryview) -> int:
        """Do the same, and wait until some of it is taken."""
        while True:
            try:
                return self._write(bytes(data))
            except BlockingIOError:
                self._writers.append(self.hub.getcurrent())
                self.hub.switch()

    def shutdown(self, how: int) -> None:
        if how == socket.SHUT_RDWR and not self._is_over_for_server:
            self._end_for_server()
        if not self.is_cut:
            self.hub.call_at(max(self._last_down, self.hub.now + self._delay()), self._end_for_client)

    # The client's end.

    def send_up(self, data: bytes) -> None:
        """Send what a client says."""
        if self.is_cut or self._is_over_for_client:
            return
        self._up.append(data)
        self._last_up = max(self._last_up, self.hub.now + self._delay())
        self.hub.call_at(self._last_up, self._arrive_up)

    def leave(self) -> None:
        """The client closes: what it said before still arrives."""
        self._is_over_for_client = True
        self._down.clear()
        if not self.is_cut:
            self.hub.call_at(max(self._last_up, self.hub.now + self._delay()), self._end_for_server)

    # Faults.

    def mend(self) -> None:
        """Be fast and wide from now on."""
        self.stalled_until = 0.0
        self._capacity = 1 << 20
        self._delay = lambda: 0.01
        if self._writers:
            self._wake_writers()

    def cut(self, rng: Random, server_hears: float, client_hears: float) -> None:
        """Break it: of what is on its way some prefix arrives, in each direction, and each end hears of it later."""
        if self.is_cut:
            return
        self.is_cut = True
        for pieces in (self._down, self._up):
            size = sum(map(len, pieces))
            keep = (0, size, int(rng.random() * (size + 1)))[int(rng.random() * 3)]
            kept: list[bytes] = []
            for piece in pieces:
                if keep > 0:
                    kept.append(piece[:keep])
                    keep -= len(piece)
            pieces.clear()
            pieces.extend(kept)
        now = self.hub.now
        self.hub.call_at(max(now + server_hears, self._last_up), self._end_for_server)
        self.hub.call_at(max(now + client_hears, self._last_down), self._end_for_client)

    def _arrive_down(self) -> None:
        if not self._down:
            return
        if self.hub.now < self.stalled_until:
            self.hub.call_at(self.stalled_until, self._arrive_down)
            return
        data = self._down.popleft()
        self._on_the_way_down -= len(data)
        self.confirmed += len(data)
        if self._much_since is not None and self.hub.now - self._much_since > LOOKS:
            self.took_at = self.hub.now
        if self._on_the_way_down < MUCH:
            self._much_since = None
        if self._writers:
            self._wake_writers()
        if not self._is_over_for_client:
            self.on_data(data)

    def _arrive_up(self) -> None:
        if self._up and not self._is_over_for_server:
            self._inbox.append(self._up.popleft())
            if self.watcher is not None:
                self.watcher.hear()

    def _wake_writers(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            self.hub.call_soon(writer.switch)

    def _end_for_server(self) -> None:
        self._is_over_for_server = True
        self._wake_writers()
        if self.watcher is not None:
            self.watcher.hear()

    def _end_for_client(self) -> None:
        if not self._is_over_for_client:
            if self._down:  # what was sent before the end comes before it
                self.hub.call_at(max(self.stalled_until, self.hub.now + 0.001), self._end_for_client)
                return
            self._is_over_for_client = True
            self.on_end()
