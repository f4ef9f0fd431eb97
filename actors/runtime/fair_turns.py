"""Turns: how long one greenlet keeps the hub while others want it, and how it lets them have it.

Work is yielded by time, not by count: a thousand small messages may cost less than one that has a hundred subscribers.
What decides is the time of the clock, which is never less than the CPU time that was used.

Measured with gevent 26.9: who calls ``gevent.sleep(0)`` again and again is run up to a thousand times before the loop
looks at any socket, since a callback that is added while callbacks run is run with them. So here a turn ends with a
timer of low priority: the loop looks at the sockets, whoever has something to read reads it, the actors that it wakes
act, and only then the next turn begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
from gevent.hub import get_hub

BUDGET = 0.0005
"""Seconds of a turn of a reader, after which the piece of work in hand is finished, and others run."""

ACTOR_BUDGET = 0.004
"""The same for an actor: what it does between two turns is joined, so shorter ones would make its messages dearer."""

clock = time.monotonic
"""65 ns a look; the CPU time of a thread takes ten times as long to read."""

_LATER = -1  # a priority of libev: after everything of the usual 0 that is due


class Turn:
    """One turn: whether it is over. Pure: ``now`` is in seconds.

    >>> turn = Turn(0.001)
    >>> turn.is_over(5.0), turn.is_over(5.0005), turn.is_over(5.001)
    (False, False, True)
    """

    __slots__ = ("_brings", "_budget", "_ends")

    def __init__(self, budget: float | None = None, *, brings: bool = False) -> None:
        self._budget = BUDGET if budget is None else budget
        self._brings = brings
        self._ends: float | None = None

    def renew(self) -> None:
        """Begin another turn, with the next question: so one that does a single piece of work never reads a clock."""
        self._ends = None

    def is_over(self, now: float, busy: int = 0, share: float = 1.0) -> bool:
        """Say whether others should run before the next piece of work.

        When it begins, as many others are ``busy`` as have ended a turn and wait for the next: they share the time, or
        whoever is not busy would wait for one turn of each. One that ``brings`` work to others has but a ``share``.
        """
        if self._ends is None:
            self._ends = now + self._budget * (share if self._brings else 1.0) / (1 + busy)
            return False
        return now >= self._ends


REST = 0.001
"""Seconds that others may work on what one turn has brought them, until the loop looks at the sockets again."""

LEAST = 1 / 8
"""The least share of its time in which a reader takes something: others may be at work on what it has not brought."""


class Share:
    """Which share of their time those take who bring work to others: the less, the more work it is. Pure.

    A reader of a few µs for each frame may bring work of a hundred times as much, as a Resync of many targets does.
    So what follows upon its turns is measured, and the turns are made as long as fits.

    >>> share = Share()
    >>> share.heed(0.004), share.heed(0.001), share.heed(0.0004), share.heed(1.0)
    (0.25, 0.25, 0.375, 0.125)
    """

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 1.0

    def heed(self, rest: float) -> float:
        """Hear how many seconds passed from the end of a turn to the next look at the sockets; return the share."""
        if rest > REST:
            self.now = max(self.now * REST / rest, LEAST)
        elif rest < REST / 2:
            self.now = min(self.now * 1.5, 1.0)
        return self.now


LOOK = 64
"""Pulses between two looks at the clock, of a µs each."""


class Pulse:
    """Is called again and again by work that may be much, in a greenlet that may wait; it ends its turns.

    ``is_over(turn)`` and ``pause()`` are those of a host. There is one for all greenlets of a process: each has the hub
    to itself until it lets others run, and then begins anew.
    """

    __slots__ = ("_count", "_is_over", "_pause", "_turn")

    def __init__(self, is_over: Callable[[Turn], bool], pause: Callable[[], None]) -> None:
        self._count = 0
        self._turn = Turn()
        self._is_over = is_over
        self._pause = pause

    def __call__(self, weight: int = 1) -> None:
        """Count a µs of work, or so many; look at the clock when there are `LOOK` of them."""
        self._count += weight
        if self._count >= LOOK:
            self._count = 0
            if self._is_over(self._turn):
                self._pause()
                self._turn.renew()


class Busy:
    """How many have ended a turn and wait for the next, and how many others there were at the end of the last wait."""

    waiting = 0
    others = 0
    share = Share()


def is_over(turn: Turn) -> bool:
    """Say whether ``turn`` is over now."""
    return turn.is_over(clock(), Busy.others, Busy.share.now)


def let_others_run() -> None:
    """Give all others a turn: those who are ready, those who have something to read, and whom these wake."""
    Busy.waiting += 1
    ended = clock()
    try:
        hub = get_hub()
        with hub.loop.timer(0, priority=_LATER) as timer:
            hub.wait(timer)
        Busy.others = Busy.waiting - 1  # now, as all timers ring before anybody goes on
        Busy.share.heed(clock() - ended)
        gevent.sleep(0)
    finally:
        Busy.waiting -= 1


PULSE = Pulse(is_over, let_others_run)
