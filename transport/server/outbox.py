"""The only writer of one socket: it never waits, and what may wait in it is bounded by bytes and by age."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from gevent.exceptions import ConcurrentObjectUseError

from ...actors.runtime.fair_turns import Turn
from ...actors.runtime.host import GEVENT, Host
from .kernel import SYSTEM, Kernel
from .limits import share

_JOIN = 64 * 1024  # bytes: the writer joins small pieces up to this, so that many cost one call


def _nobody_hears() -> None:
    pass


class _Touched:
    """What `fan_out.write_to_all` touches. Slots of a base come first: so they are in the header's cache line."""

    __slots__ = ("put", "ready")


class Outbox(_Touched):
    """Writes pieces of one or more whole frames to ``sock``, a gevent socket, in order and never interleaved.

    A write goes straight to the kernel; only what does not fit waits, and only then does a greenlet write. An empty
    outbox takes one piece of any size, so that a snapshot above the bound still reaches a client which reads; behind
    the one under way wait at most ``bound`` bytes, of which what was only offered leaves a part to answers. After
    ``max_age`` seconds in which the client took nothing at all, nothing more is taken either.
    ``on_broken`` is called once when the socket turns out to be dead, ``on_refused`` whenever an open outbox does not
    take a piece that was not only offered; they must not wait.
    Close the outbox before the socket.
    """

    __slots__ = (
        "_bound", "_clock", "_fd", "_host", "_max_age", "_moved_at", "_on_broken", "_on_empty", "_open", "_queue",
        "_rest", "_sock", "_tls", "_writer", "on_refused", "pending",
    )  # fmt: skip

    def __init__(
        self,
        sock: Any,
        bound: int,
        on_broken: Callable[[], None],
        *,
        max_age: float = 30.0,
        host: Host = GEVENT,
        kernel: Kernel = SYSTEM,
    ) -> None:
        self._sock = sock
        self._host = host
        self.put = kernel.write
        self._fd: int = sock.fileno()
        self._tls = hasattr(sock, "do_handshake")
        self._bound = bound
        self._max_age = max_age
        self._clock = host.clock
        self._on_broken = on_broken
        self._on_empty: Callable[[], None] | None = None
        self._open = True  # new pieces are taken
        self.on_refused: Callable[[], None] | None = None
        self._rest: memoryview | None = None  # of the piece that has been started; it is always finished
        self._moved_at = 0.0  # when the client took something, or the first piece began to wait
        self._queue: deque[bytes] = deque()  # whole pieces
        self._writer: Any = None  # a greenlet, while there is something to write
        self.pending = 0
        """How many bytes wait."""
        self.ready = -1 if self._tls else self._fd
        """The descriptor, as long as a piece may go straight to the kernel: open, nothing waits, no TLS. Else -1."""

    @property
    def too_slow(self) -> bool:
        """Has the client taken nothing for longer than the limit? Writes are refused until it does."""
        return self.pending > 0 and self._clock() - self._moved_at > self._max_age

    def moved(self) -> None:
        """The client has taken something, if only what the kernel had."""
        self._moved_at = self._clock()

    def write(self, data: bytes) -> bool:
        """Send or keep ``data``, whole frames, without waiting.

        False means that nothing of it was taken: over the bound, too old, finished or broken.
        """
        if self.ready < 0:
            return self._write_later(data, self._bound) or self._refuse()
        try:
            sent = self.put(self.ready, data)
        except OSError as error:
            return self.failed(data, error)
        if sent < len(data):
            self.keep(data, sent)
        return True

    def offer(self, data: bytes) -> bool:
        """Do the same, but let ``on_refused`` hear nothing of a refusal."""
        return self._write_later(data, share(self._bound)) if self.ready < 0 else self.write(data)

    def on_empty(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` once, when nothing waits any more; it must not wait. Never, if the socket breaks."""
        self._on_empty = callback

    def keep(self, data: bytes, sent: int) -> None:
        """Write the rest of ``data`` as soon as the kernel takes it."""
        self.ready = -1
        self._rest = memoryview(data)[sent:]
        self._moved_at = self._clock()
        self.pending = len(self._rest)
        self._writer = self._host.spawn(self._drain)

    def failed(self, data: bytes, error: OSError) -> bool:
        """Deal with what the kernel said instead of taking ``data``."""
        if isinstance(error, BlockingIOError):
            self.keep(data, 0)
            return True
        self._break()
        return False

    def finish(self, data: bytes, *, drop: bool = False) -> None:
        """Send ``data`` as the last piece, bound or no bound; nothing is taken after it.

        With ``drop`` the pieces that have not been started are forgotten first: the peer then gets the one
        that it was getting, and ``data``. No frame is ever cut.
        """
        if drop and self._queue:
            self._queue.clear()
            self.pending = 0 if self._rest is None else len(self._rest)
        if self.pending:
            if self._open:
                self._queue.append(data)
                self.pending += len(data)
        else:
            self.write(data)
        self._open = False
        self.ready = -1

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is pending, at most ``timeout`` seconds. Was everything written?"""
        writer = self._writer
        if writer is not None:
            writer.join(timeout)
        return self._fd >= 0 and not self.pending

    def close(self) -> None:
        """Forget everything and never touch the descriptor again: its number may soon be another socket's."""
        self._open = False
        self._fd = self.ready = -1
        self._rest = None
        self._queue.clear()
        self.pending = 0
        self._on_empty = None
        self._on_broken = _nobody_hears  # whoever does has this outbox: a circle

    def _write_later(self, data: bytes, bound: int) -> bool:
        if not self._open:
            return False
        if self.pending:
            behind = self.pending - (0 if self._rest is None else len(self._rest))
            if behind + len(data) > bound or self.too_slow:
                return False
            self._queue.append(data)
            self.pending += len(data)
            return True
        try:
            sent = self._send_tls(data)
        except OSError as error:
            return self.failed(data, error)
        if sent < len(data):
            self.keep(data, sent)
        return True

    def _refuse(self) -> bool:
        if self._open and self.on_refused is not None:
            self.on_refused()
        return False

    def _send_tls(self, data: bytes) -> int:
        # gevent's TLS sockets ignore send's timeout argument, so the socket itself is made impatient; no
        # other greenlet runs in between.
        patience = self._sock.gettimeout()
        self._sock.settimeout(0.0)
        try:
            sent: int = self._sock.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        finally:
            self._sock.settimeout(patience)
        return sent

    def _drain(self) -> None:
        """Write until nothing is left: the body of the writer greenlet."""
        turn = Turn()
        try:
            while self._rest is not None:
                if self._host.is_over(turn):
                    self._host.pause()  # a fast reader must not keep us here
                    turn.renew()
                    continue
                sent = self._sock.send(self._rest)  # waits
                if self._rest is None:  # closed meanwhile
                    return
                self.pending -= sent
                self._moved_at = self._clock()
                self._rest = self._rest[sent:] if sent < len(self._rest) else self._next()
            if self._open and not self._tls:
                self.ready = self._fd
        except (OSError, ConcurrentObjectUseError):
            self._break()
        finally:
            self._writer = None
        if (callback := self._on_empty) is not None:
            self._on_empty = None
            callback()

    def _next(self) -> memoryview | None:
        queue = self._queue
        if not queue:
            return None
        piece = queue.popleft()
        if queue and len(piece) < _JOIN:
            pieces, size = [piece], len(piece)
            while queue and size + len(queue[0]) <= _JOIN:
                pieces.append(queue.popleft())
                size += len(pieces[-1])
            piece = b"".join(pieces)
        return memoryview(piece)

    def _break(self) -> None:
        if self._fd >= 0:
            on_broken = self._on_broken
            self.close()
            on_broken()
