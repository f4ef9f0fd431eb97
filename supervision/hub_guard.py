"""The hub guard: a native thread that notices when one actor keeps all the others waiting.

Greenlets share one thread. A handler that computes, or calls something that blocks, stops the whole server for as
long, and nothing in the hub can say so. The guard asks the hub for a sign of life twice in each limit; when none comes
it looks at what the thread is executing, and logs the actor, the function and the line. (gevent's own monitor traces
every switch for this, which costs each of them a microsecond; a sign of life costs ten, and there are few a second.)
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from ..actors.actor import Actor
from ..actors.mailbox import allocate_lock, get_ident
from ..actors.runtime import start_new_thread

logger = logging.getLogger("nuphar.supervision")

LIMIT = 0.1
"""Seconds without a switch, unless told otherwise: what a user of a live page begins to notice."""


class Stall(NamedTuple):
    """The hub did not switch for ``seconds``; ``place`` is the file, line and function, ``actor`` '' if it was none."""

    seconds: float
    actor: str
    place: str


class HubGuard:
    """Guards the hub of the thread that makes it. ``stalls`` counts; ``longest`` is the worst."""

    def __init__(self, hub: Any, limit: float = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
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
        actor, place, is_told = "", "", False
        while self._answered < asked:
            silent = self._clock() - asked
            if silent >= self._limit and not is_told:
                actor, place = _what_runs(sys._current_frames().get(self._thread))
                logger.warning("the hub has not switched for %.0f ms: %s", silent * 1000, _name(actor, place))
                is_told = True
            if self._over.acquire(True, self._limit / 4):
                return False
        if is_told:
            stall = Stall(self._answered - asked, actor, place)
            self.stalls += 1
            if self.longest is None or stall.seconds > self.longest.seconds:
                self.longest = stall
            logger.warning("the hub stood still for %.0f ms: %s", stall.seconds * 1000, _name(actor, place))
        return True


def _name(actor: str, place: str) -> str:
    return f"actor {actor}, {place}" if actor else place


def _what_runs(frame: FrameType | None) -> tuple[str, str]:
    """Return the actor whose handler is on this stack, and the innermost place in it."""
    if frame is None:
        return "", "nothing of Python"
    place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
    while frame is not None:
        me = frame.f_locals.get("self")
        if isinstance(me, Actor):
            return str(me.ref), place
        frame = frame.f_back
    return "", place
