"""How much catching up one client may have: so many bytes a second, and some at once. Pure.

A Resync of 20 bytes brings a Snapshot of a megabyte, and a client may ask for one in a loop. What comes too early is
owed: one debt for each target, however often it is asked for meanwhile, paid when its time has come.

>>> pace = Pace(rate=1_000, burst=2_000)
>>> pace.is_free(5.0), pace.book(5.0, 3_500), pace.is_free(5.0)
(True, 5.0, False)
>>> pace.book(5.0, 1_000), pace.book(5.0, 1_000)
(6.5, 7.5)
>>> pace.is_free(8.0), pace.is_free(8.5)
(False, True)
"""

from __future__ import annotations

RATE = 32 << 20
"""Bytes a second: more than a line of 250 Mbit/s carries, and 4 % of what one core writes (755 MB/s by 200 kB)."""

BURST = 1 << 20
"""Bytes at once, as an outbox holds: 1.5 ms of a core."""

LONGEST = 30.0
"""Seconds that a debt waits at most by what was asked for before it; what comes then is counted no more."""


class Pace:
    """One client's. Times are monotonic seconds."""

    __slots__ = ("_burst", "_free_at", "_rate")

    def __init__(self, rate: float | None = None, burst: float | None = None) -> None:
        self._rate = RATE if rate is None else rate
        self._burst = BURST if burst is None else burst
        self._free_at = float("-inf")

    def is_free(self, now: float) -> bool:
        """May something be written now?"""
        return now >= self._free_at

    def book(self, now: float, size: int) -> float:
        """Count ``size`` bytes, and return when they may be written: now, if it `is_free`, however many they are."""
        at = max(self._free_at, now - self._burst / self._rate)
        if at < now + LONGEST:
            self._free_at = at + size / self._rate
        return max(at, now)
