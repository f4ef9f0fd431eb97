"""Latencies in buckets, so that an hour of them takes no more memory than a second. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import accumulate
from math import exp, log

_FINENESS = 50  # buckets for each factor of e: a bucket is 2 % wide
_LEAST = 1e-6  # seconds; the first bucket
_BUCKETS = 1 + int(log(3600.0 / _LEAST) * _FINENESS)  # the last one begins at an hour


class Latencies:
    """A histogram of seconds, true to 1 % from a microsecond to an hour."""

    __slots__ = ("_counts", "count")

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * _BUCKETS))
        self.count = 0

    def add(self, seconds: float) -> None:
        """Count one; what is shorter or longer than the range goes to its end."""
        bucket = 0 if seconds <= _LEAST else int(log(seconds / _LEAST) * _FINENESS)
        self._counts[bucket if bucket < _BUCKETS else _BUCKETS - 1] += 1
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """Return the seconds that ``share`` (0 to 1) of all stay within; None if there are none.

        >>> latencies = Latencies()
        >>> for seconds in (0.001, 0.001, 0.001, 0.5):
        ...     latencies.add(seconds)
        >>> round(latencies.quantile(0.5), 4), round(latencies.quantile(0.99), 1)
        (0.001, 0.5)
        """
        if not self.count:
            return None
        wanted = max(1.0, share * self.count)
        bucket = next(at for at, count in enumerate(accumulate(self._counts)) if count >= wanted)
        return _middle(bucket)

    def counts(self) -> Iterator[tuple[float, int]]:
        """Return the buckets that are not empty: about how many seconds, and how often."""
        return ((_middle(bucket), count) for bucket, count in enumerate(self._counts) if count)


def _middle(bucket: int) -> float:
    return _LEAST * exp((bucket + 0.5) / _FINENESS)
