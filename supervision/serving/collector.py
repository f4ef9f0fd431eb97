"""Python's collector of cycles, kept from stopping a server for long.

A full collection stops the process while it looks at every object. Measured: 24 ms for an idle server's 38 MiB, nearly
all of it modules, and 13 ms more for 500 topics. So what is there at the start is left out (``gc.freeze``), and so is
what has survived a full collection: the next one looks at what came since, and comes early. What is left out is freed
as ever when nothing refers to it; only circles in it wait until everything is looked at. That is when a quarter more
memory is in use than after the last time (and 15 MB more) and the server has little to do, or four times as much
whatever it does.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...actors.runtime.host import GEVENT, Host

EVERY = 1.0
"""Seconds between two looks whether it is time."""

CALM = 0.05
"""The share of a core, in these seconds, below which a server has little to do."""

OFTEN = 1
"""After one more collection of the second generation than this comes a full one (Python: 10). Each of those leaves up
to 7,700 objects to it, so a full one looks at some 20,000, in 1 to 4 ms."""

SOME, MUCH = 0.25, 3.0
"""By how much more memory is in use than the last time: a quarter is Python's own rule."""

LEAST = 250_000
"""Blocks more that are always let be, some 15 MB: else a small server would look at its modules again and again."""


def is_due(before: int, now: int, *, is_calm: bool) -> bool:
    """Say whether it is time to look at everything: so many blocks are in use now, and were after the last time. Pure.

    >>> is_due(4_000_000, 5_000_001, is_calm=True), is_due(4_000_000, 5_000_001, is_calm=False)
    (True, False)
    """
    return now - before > max(LEAST, before * (SOME if is_calm else MUCH))


class Collector:
    """Freezes what survives a full collection, from `start` to `stop`; there is one in a process."""

    def __init__(self, host: Host = GEVENT) -> None:
        self._host = host
        self._timer = host.timer(EVERY, EVERY)
        self._thresholds = gc.get_threshold()
        self._since, self._used = host.clock(), time.thread_time()

    def start(self) -> None:
        """Leave out everything that there is now."""
        self._look_at_all()
        gc.callbacks.append(self._hear)
        gc.set_threshold(*self._thresholds[:2], OFTEN)
        self._timer.start(self.tick)

    def stop(self) -> None:
        """Leave out nothing any more; also if it was never started."""
        self._timer.stop()
        self._timer.close()
        if self._hear in gc.callbacks:
            gc.callbacks.remove(self._hear)
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()

    def tick(self) -> None:
        """Look at everything, if it is time."""
        now, used = self._host.clock(), time.thread_time()
        is_calm = used - self._used < CALM * (now - self._since)
        self._since, self._used = now, used
        # Counting what is left out would take 8 ms for 100,000 objects; this takes 0.1.
        if is_due(self._blocks, sys.getallocatedblocks(), is_calm=is_calm):
            gc.unfreeze()
            self._look_at_all()

    def _look_at_all(self) -> None:
        gc.collect()
        gc.freeze()
        self._blocks = sys.getallocatedblocks()

    def _hear(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()


@contextmanager
def what_survives_stays() -> Iterator[None]:
    """Have a `Collector` at work."""
    collector = Collector()
    collector.start()
    try:
        yield
    finally:
        collector.stop()
