"""A token bucket: how much somebody may do, and when it may do more. Pure: time comes in as an argument.

It holds at most ``burst`` tokens and gains ``rate`` of them each second. What costs more than it holds has to wait. So
in any ``t`` seconds it lets through at most ``burst + rate * t``, however the calls fall.

>>> bucket = TokenBucket(rate=2.0, burst=3.0, now=10.0)
>>> [bucket.take(10.0) for _ in range(4)]
[0.0, 0.0, 0.0, 0.5]
>>> bucket.take(10.5), bucket.take(10.5)
(0.0, 0.5)
"""

from __future__ import annotations

ROUNDING = 1e-6
"""Seconds that a token may be early: clocks are no finer. What is taken early is owed, so nothing adds up."""


class TokenBucket:
    """``rate`` in tokens a second and ``burst`` in tokens, both above 0; it begins full at ``now``.

    Times are monotonic seconds; one that is before the last is taken for the last. Plainly mutable, as it is on the
    path of every frame.
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Return the seconds until ``cost`` can be taken, 0.0 if it can be now; nothing is taken.

        What costs more than ``burst`` waits for a full bucket.
        """
        missing = (cost if cost < self.burst else self.burst) - self.tokens(now)
        seconds = missing / self.rate
        return seconds if seconds > ROUNDING else 0.0

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take ``cost`` and return 0.0, or take nothing and return the seconds to wait.

        What costs more than ``burst`` is taken from a full bucket, which owes the rest.
        """
        seconds = self.wait(now, cost)
        if not seconds:
            self._tokens -= cost
        return seconds

    def draw(self, now: float, cost: float = 1.0) -> float:
        """Take ``cost`` even if it is not there, and return how many are left, below 0 if some are owed."""
        self._tokens = left = self.tokens(now) - cost
        return left

    def forgive(self) -> None:
        """Owe no more than ``burst``: the debt of a flood would never be paid."""
        if self._tokens < -self.burst:
            self._tokens = -self.burst

    def give_back(self, cost: float = 1.0) -> None:
        """Put back what was taken for something that did not happen."""
        self._tokens = min(self._tokens + cost, self.burst)

    def tokens(self, now: float) -> float:
        """Return how many there are, below 0 if some are owed."""
        if now > self._at:
            tokens = self._tokens + (now - self._at) * self.rate
            self._tokens = tokens if tokens < self.burst else self.burst
            self._at = now
        return self._tokens

    def seconds_to_full(self, now: float) -> float:
        """Return after how long it is as if nothing had been taken."""
        return (self.burst - self.tokens(now)) / self.rate
