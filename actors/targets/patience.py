"""How long a target waits for its log: until an answer is overdue, and until a stop has waited enough. Pure.

Times are seconds of the host's clock, and come in as arguments.
"""

from __future__ import annotations

from typing import Any

from ..words.exit_reasons import Shutdown

ANSWER_LIMIT = 10.0
"""Seconds that a log may take to answer, unless told otherwise; then it is asked what it has."""

STOP, STOP_ALL = 4.0, 1.0
"""Seconds for which a stop waits for the log: of one topic, whose caller waits for 5 s; of the server, in which a topic
has 1.5 s."""


class Patience:
    """What a target waits for, and until when; plainly mutable. ``asking`` is the number of the newest question."""

    __slots__ = ("_due", "_stop_by", "asking", "is_stuck", "stop")

    def __init__(self) -> None:
        self.asking = 0
        self.is_stuck = False
        """Whether the log does not say what it has, although it was asked: then no more may come."""
        self.stop: Any = None
        """The message that asked to stop, and waits."""
        self._due: float | None = None
        self._stop_by: float | None = None

    @property
    def wakes_at(self) -> float | None:
        """When to look at the clock while a batch is on its way; None if there is no need to."""
        times = [time for time in (self._due, self._stop_by) if time is not None]
        return min(times, default=None)

    def ask(self, now: float, limit: float) -> int:
        """Begin to wait for an answer, ``limit`` seconds at most; return the number of the question."""
        self._due = now + limit
        self.asking += 1
        return self.asking

    def is_overdue(self, now: float) -> bool:
        """Has the log not answered in time?"""
        return self._due is not None and now >= self._due

    def rest(self) -> None:
        """Wait for no answer: the log is to be asked again later."""
        self._due = None

    def end(self) -> None:
        """Wait for nothing any more: the log has answered."""
        self._due = None
        self.is_stuck = False

    def hold_stop(self, stop: Any, reason: Any, now: float) -> None:
        """Note that ``stop`` waits, which asks to end for ``reason``; of several who stop the most impatient counts."""
        deadline = reason.deadline if isinstance(reason, Shutdown) else None
        wait = STOP if deadline is None else min(STOP_ALL, max(0.0, deadline - now) / 2)
        if self._stop_by is None or now + wait < self._stop_by:
            self.stop, self._stop_by = stop, now + wait

    def has_to_stop(self, now: float) -> bool:
        """Has the stop waited for as long as it may?"""
        return self._stop_by is not None and now >= self._stop_by
