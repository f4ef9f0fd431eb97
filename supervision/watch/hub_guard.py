"""The hub guard: a native thread that notices when one actor keeps all the others waiting.

Greenlets share one thread. A handler that computes, or calls something that blocks, stops the whole server for as
long, and nothing in the hub can say so. The guard asks the hub for a sign of life twice in each limit; when none comes
it looks at what the thread is executing, and logs the actor, the function and the line. (gevent's own monitor traces
every switch for this, which costs each of them a microsecond; a sign of life costs ten, and there are few a second.)
If it finds the hub idle, nobody is to blame: the process did not get the processor. That is noted, and not counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from ...actors.runtime.actor import Actor
from ...actors.runtime.host import allocate_lock
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.runtime.mailbox import get_ident
from ...actors.runtime.runtimes import start_new_thread

logger = ThrottledLogger("nuphar.supervision")

LIMIT = 0.1
"""Seconds without a switch, unless told otherwise: what a user of a live page begins to notice."""


class Culprit(NamedTuple):
    """What runs: ``place`` is the innermost file, line and function; ``actor`` and ``handler`` are '' if it is none."""

    place: str
    actor: str = ""
    handler: str = ""

    def __str__(self) -> str:
        return f"actor {self.actor}, {self.handler}, at {self.place}" if self.actor else self.place


class Stall(NamedTuple):
    """The hub did not switch for ``seconds``, because of ``culprit``."""

    seconds: float
    culprit: Culprit


class HubGuard:
    """Guards the hub of the thread that makes it. ``stalls`` counts, ``longest`` is the worst; both have a culprit."""

    def __init__(self, hub: Any, limit: float = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._loop = hub.loop
        self._limit = limit
        self._clock = clock
        self._thread = get_ident()
        self._answered = self._clock()
        self._over = allocate_lock()
        self._gone = allocate_lock()
        self.stalls = 0
        self.longest: Stall | None = None

    def start(self) -> None:
        """Start watching."""
        self._over.acquire()
        self._gone.acquire()
        start_new_thread(self._watch, ())

    def stop(self) -> None:
        """Stop watching, and wait until the thread is gone."""
        if self._over.locked():
            self._over.release()
            self._gone.acquire(True, 2 * self._limit)

    def _watch(self) -> None:
        try:
            while not self._over.acquire(True, self._limit / 2):
                asked = self._clock()
                self._loop.run_callback_threadsafe(self._answer)
                if self._over.acquire(True, self._limit / 2):
                    break
                if self._answered < asked and not self._wait_for_answer(asked):
                    break
        finally:
            self._gone.release()

    def _answer(self) -> None:
        self._answered = self._clock()

    def _wait_for_answer(self, asked: float) -> bool:
        """Wait until the hub switches again, then record the stall; False if we are told to stop meanwhile."""
        culprit, looked = None, False
        while self._answered < asked:
            if self._over.acquire(True, self._limit / 4):
                return False
            silent = self._clock() - asked
            if silent >= self._limit and culprit is None:
                culprit, looked = what_runs(sys._current_frames().get(self._thread), self._hub), True
                if culprit is not None:
                    logger.warning("the hub has not switched for %.0f ms: %s", silent * 1000, culprit)
        if culprit is not None:
            stall = Stall(self._answered - asked, culprit)
            self.stalls += 1
            if self.longest is None or stall.seconds > self.longest.seconds:
                self.longest = stall
            logger.warning("the hub stood still for %.0f ms: %s", stall.seconds * 1000, culprit)
        elif looked:
            logger.info("the process did not run for %.0f ms: the machine is busy", (self._answered - asked) * 1000)
        return True


def what_runs(frame: FrameType | None, hub: Any) -> Culprit | None:
    """Return the innermost place on this stack, and the actor whose handler is on it; None if ``hub`` is idle."""
    if frame is None:
        return Culprit("nothing of Python")
    if frame.f_code.co_name == "run" and frame.f_locals.get("self") is hub:
        return None
    place = _place(frame)
    inner: FrameType | None = frame
    handler = frame
    while inner is not None:
        me = inner.f_locals.get("self")
        if isinstance(me, Actor):
            if inner.f_code.co_name in ("_serve", "_answer", "_end", "_actor_loop"):
                return Culprit(place, str(me.ref), _place(handler))
            handler = inner
        inner = inner.f_back
    return Culprit(place)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
