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


REST = 0.001
"""Seconds that others may work on what one turn has brought them, until the loop looks at the sockets again."""

LEAST = 1 / 8
"""The least share of its time in which a reader takes something: others may be at work on what it has not brought."""

BEGIN, FRESH = 1 / 4, 1.0
"""The share to begin with, when for so many seconds nobody has ended a turn: what follows is not known yet."""


class Share:
    """Which share of their time those take who bring work to others: the less, the more work it is. Pure.

    A reader of a few µs for each frame may bring work of a hundred times as much, as a Resync of many targets does.
    So what follows upon its turns is measured, and the turns are made as long as fits. Times are in seconds.

    >>> share = Share()
    >>> share.at(5.0)
    0.25
    >>> [share.heed(rest, 5.0) for rest in (0.0004, 0.0002, 0.002, 0.001, 1.0)]
    [0.375, 0.5625, 0.28125, 0.28125, 0.125]
    >>> share.at(5.5), share.at(6.5)
    (0.125, 0.25)
    """

    __slots__ = ("_heeded", "_share")

    def __init__(self) -> None:
        self._share = BEGIN
        self._heeded = float("-inf")

    def at(self, now: float) -> float:
        """Return it for a turn that begins now."""
        return self._share if now <= self._heeded + FRESH else BEGIN

    def heed(self, rest: float, now: float) -> float:
        """Hear how many seconds passed from the end of a turn to the look at the sockets, which was now."""
        share = self.at(now)
        if rest > REST:
            share = max(share * REST / rest, LEAST)
        elif rest < REST / 2:
            share = min(share * 1.5, 1.0)
        self._share, self._heeded = share, now
        return share


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

    def is_over(self, now: float, busy: int = 0, share: Share | None = None) -> bool:
        """Say whether others should run before the next piece of work.

        When it begins, as many others are ``busy`` as have ended a turn and wait for the next: they share the time, or
        whoever is not busy would wait for one turn of each. One that ``brings`` work to others has but a ``share``.
        """
        if self._ends is None:
            budget = self._budget * share.at(now) if self._brings and share is not None else self._budget
            self._ends = now + budget / (1 + busy)
            return False
        return now >= self._ends


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


class Contention:
    """How many have ended a turn and wait for the next, and how many others there were at the end of the last wait."""

    waiting = 0
    others = 0
    share = Share()


def is_over(turn: Turn) -> bool:
    """Say whether ``turn`` is over now."""
    return turn.is_over(clock(), Contention.others, Contention.share)


def let_others_run() -> None:
    """Give all others a turn: those who are ready, those who have something to read, and whom these wake."""
    Contention.waiting += 1
    ended = clock()
    try:
        hub = get_hub()
        with hub.loop.timer(0, priority=_LATER) as timer:
            hub.wait(timer)
        Contention.others = Contention.waiting - 1  # now, as all timers ring before anybody goes on
        now = clock()
        Contention.share.heed(now - ended, now)
        gevent.sleep(0)
    finally:
        Contention.waiting -= 1


PULSE = Pulse(is_over, let_others_run)
