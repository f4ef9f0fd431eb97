"""A sink in memory, for tests of what writes to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class MemorySink:
    """A sink that keeps what it takes in ``arrived``; while it is ``stalled`` it waits, at most ``bound`` bytes of it.

    It is public for tests of what writes to a sink, and passes `SlowSinkContract` itself.
    """

    ready = -1
    """It has no descriptor: who writes to many at once has to call `write`."""

    def __init__(self, bound: int = 1 << 20) -> None:
        self.arrived: list[Any] = []
        self.is_stalled = False
        self.is_too_slow = False
        self.pending = 0
        self._bound = bound
        self._waiting: list[Any] = []
        self._is_over = False
        self._on_empty: Callable[[], None] | None = None

    def write(self, joined: Any, /) -> None:
        """Take ``joined``, or note that the client is too slow."""
        if not self._take(joined, self._bound) and not self._is_over:
            self.is_too_slow = self._is_over = True

    def offer(self, joined: Any, /) -> bool:
        """Take ``joined`` if it leaves a quarter of the bound for answers."""
        return self._take(joined, self._bound * 3 // 4)

    def on_empty(self, callback: Callable[[], None], /) -> None:
        """Call ``callback()`` once `drain` was called."""
        self._on_empty = callback

    def fill(self) -> None:
        """Have no room for anything that is only offered, nor for an answer."""
        self.is_stalled = True
        self._waiting.append(b"")
        self.pending = self._bound

    def drain(self) -> None:
        """Have everything arrive that waits."""
        self.is_stalled = False
        if self._is_over:
            return
        self.arrived += self._waiting
        self._waiting.clear()
        self.pending = 0
        if self._on_empty is not None:
            callback, self._on_empty = self._on_empty, None
            callback()

    def end(self) -> None:
        """Take nothing any more."""
        self._is_over = True

    def _take(self, joined: Any, bound: int) -> bool:
        if self._is_over:
            return False
        if not self.is_stalled:
            self.arrived.append(joined)
            return True
        if self.pending and self.pending + len(joined) > bound:
            return False
        self._waiting.append(joined)
        self.pending += len(joined)
        return True
