"""A line: a connection over HTTP, which lives on the server between the requests that serve it.

For its `Connection` it is a socket like any other: what is written waits in numbered batches until a GET takes it, and
what a POST brings is pushed. A line has no greenlet; an open request has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gevent
import gevent.lock

from ....actors.words.close_codes import ABNORMAL, NORMAL_CLOSURE, TOO_SLOW
from ...wire.batches import Batch, Batches
from ...wire.progress import Progress, Traffic
from ...wire.sequences import Sequence
from ..connection import Connection, Socket
from ..gateway import Gateway
from ..limits import share
from .reading import Reading

SLOWEST = 8 * 1024
"""Bytes a second: what a GET was given reaches its client so fast, by whatever proxies, or the client is lost."""

_LOOK = 1.0  # seconds between two looks at an answer that is still on its way


MakeConnection = Callable[[Socket], Connection]
"""Makes the connection of a socket."""


class Line:
    """``connect(line)`` makes its connection, ``forget(line)`` is called once, when it is over.

    ``closed`` is true once nothing more can be written; ``close_code`` and ``close_reason`` then say why: the client's
    if it closed first, ours if we did, 1006 if requests stayed away. ``number`` is that of the last POST applied.
    """

    def __init__(
        self, id: str, sequence: Sequence, gateway: Gateway, connect: MakeConnection, forget: Callable[[Line], Any]
    ) -> None:
        self.id = id
        self.on_refused: Callable[[], None] | None = None
        self.sequence = sequence
        self.closed = False
        self.close_code: int | None = None
        self.close_reason = ""
        self.last_received = gateway.clock()
        self.number = self._received = self._sent = 0
        self.turn = gevent.lock.Semaphore()
        """Whose POST is taken; a hook may wait in the middle of one."""
        self.batches = Batches(gateway.limits.outbox, gateway.limits.outbox_age)
        self.clock = gateway.clock
        self._limits = gateway.limits
        self._on_empty: Callable[[], None] | None = None
        self._forget = forget
        self._lines = gateway.lines
        self._reading: Reading | None = None
        self._progress: Progress | None = None  # of the connection that carries the last answer
        self._since = 0.0  # from when on the next request is waited for
        self._timer: Any = None
        self._is_taking = False
        self._is_finished = self._is_over = False
        self._connection: Connection | None = connect(self)
        self._lines.add(self)
        self._connection.begin()
        self.touch()

    @property
    def outbox(self) -> Line:
        """It is its own; as a field that would be a circle, which only Python's collector frees."""
        return self

    @property
    def subprotocol(self) -> str | None:
        """How frames are written."""
        return self.sequence.framing

    @property
    def pending(self) -> int:
        """How many bytes wait for a GET."""
        return self.batches.pending

    @property
    def too_slow(self) -> bool:
        """Has a piece waited for longer than the limit?"""
        return self.batches.is_too_slow(self.clock())

    def is_taking(self) -> bool:
        """Say whether the client has taken bytes that were on their way to it since this was asked the last time."""
        if self._progress is None or not self._progress.has_moved():
            return False
        self.batches.moved(self.clock())
        return True

    def gives(self, size: int) -> None:
        """Note that a GET is given a large answer: the client may be silent until it has it."""
        self.last_received = max(self.last_received, self.clock() + size / SLOWEST)

    def moved(self) -> None:
        """Note that a part of an answer has gone on its way."""
        self.batches.moved(self.clock())

    def write(self, data: bytes) -> bool:
        """Keep whole frames for the next GET, or wake the one that waits; False if they were not taken."""
        if self._keep(data, self._limits.outbox):
            return True
        if not self.closed and self.on_refused is not None:
            self.on_refused()
        return False

    def offer(self, data: bytes) -> bool:
        """Do the same, but leave room for answers, and let ``on_refused`` hear nothing of a refusal."""
        return self._keep(data, share(self._limits.outbox))

    def _keep(self, data: bytes, bound: int) -> bool:
        if not self.batches.write(data, self.clock(), bound):
            return False
        if self._reading is not None:
            self._reading.wake()
        return True

    def on_empty(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` once, when a GET has taken all that waits; it must not wait."""
        self._on_empty = callback

    def next(self, number: int) -> Batch | None:
        """Return the batch after ``number``, if there is one."""
        batch = self.batches.next(number)
        self._sent += 0 if batch is None else len(batch.data)
        if self._on_empty is not None and not self.batches.pending and not self.closed:
            callback, self._on_empty = self._on_empty, None
            callback()
        return batch

    def receive(self) -> list[bytes | str] | None:
        """Nobody waits here for what a client sends; it is pushed."""
        return None

    def traffic(self) -> Traffic:
        """Return the bytes of the bodies that it has brought, and of those that it was given."""
        return Traffic(self._received, self._sent)

    def push(self, frames: Iterable[bytes | str], size: int = 0) -> None:
        """Take the frames of a POST of ``size`` bytes, in its `turn`; its client waits for the answer, as for hooks."""
        self._is_taking, self._received = True, self._received + size
        if not self.closed:
            self._stop_timer()
        try:
            if self._connection is not None:
                self._connection.receive(frames)
        finally:
            self._is_taking = False
            self.touch()

    def touch(self) -> None:
        """Note a request: the client is there."""
        self.last_received = max(self.last_received, self.clock())
        self._expect()

    def read(self, after: int, hang_up: Callable[[], Any], progress: Progress | None = None) -> Reading:
        """Serve a GET whose client has got the batches up to ``after``; an older GET returns at once."""
        self.batches.acknowledge(after)
        self._progress = progress
        older, self._reading = self._reading, Reading(self, after, hang_up)
        self.touch()
        if not self.closed:
            self._stop_timer()
        if older is not None:
            older.give_way()
        return self._reading

    def rest(self, reading: Reading) -> None:
        """The GET has been answered; without another one in time, the line is lost."""
        if self._reading is reading:
            self._reading = None
            self._expect()

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        """Let what was written go first, except with `TOO_SLOW`, then tell the client; don't wait."""
        if self.closed:
            return
        self.closed = True
        self.close_code, self.close_reason = code, reason
        self.batches.finish(drop=code == TOO_SLOW)
        self._start(self._limits.close, self.abort)
        if self._reading is not None:
            self._reading.wake()

    def abort(self) -> None:
        """End it now, without a word."""
        self.closed = True
        if self.close_code is None:
            self.close_code = ABNORMAL
        if self._reading is not None:
            self._reading.cut()
        self.end()

    def told(self) -> None:
        """The client has been sent the end. It may ask for it again for a while, as any answer may be lost."""
        if not self._is_over:
            self._finish()
            self._start(self._limits.close, self.end)

    def end(self) -> None:
        """The client knows, or cannot be told: forget the line. Does nothing the second time."""
        if self._is_over:
            return
        self._is_over = self.closed = True
        self._stop_timer()
        self.batches.clear()
        self._finish()
        self._connection = None  # which knows this line: a circle, too
        self._lines.discard(self)
        self._forget(self)

    def _finish(self) -> None:
        self._on_empty = None
        if not self._is_finished and self._connection is not None:
            self._is_finished = True
            self._connection.finish()

    def _expect(self) -> None:
        if self._reading is None and not self._is_taking and not self.closed:
            self._since = max(self.last_received, self.clock())
            self._look()

    def _look(self) -> None:
        """Wait for the next request; what is still on its way to the client keeps the line."""
        now = self.clock()
        if self.is_taking():
            self._since = max(self._since, now)
        left = self._since + self._limits.linger - now
        if left <= 0:
            self.abort()
        else:
            is_busy = self._progress is not None and self._progress.is_busy
            self._start(min(left, _LOOK) if is_busy else left, self._look)

    def _start(self, seconds: float, then: Callable[[], Any] | None = None) -> None:
        self._stop_timer()
        self._timer = gevent.get_hub().loop.timer(seconds)
        self._timer.start(then or self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.close()
            self._timer = None
