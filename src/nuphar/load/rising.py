"""Numbers that should rise by exactly one: which of them came late, twice, or never. Pure."""

from __future__ import annotations

NEXT, LATE, AGAIN = 0, 1, 2
"""What `Rising.see` says of a number, the worse the higher."""


class Rising:
    """Remembers the last number and the gaps, not every number: a run may have millions."""

    __slots__ = ("last", "missing")

    def __init__(self, last: int) -> None:
        self.last = last
        self.missing: set[int] = set()
        """Numbers below the last one that have not come."""

    def see(self, number: int) -> int:
        """Take the next number: `NEXT` even after a gap, `LATE` if it fills one, `AGAIN` if it was there.

        >>> rising = Rising(0)
        >>> [rising.see(number) for number in (1, 3, 3, 2)], rising.missing
        ([0, 0, 2, 1], set())
        """
        if number == self.last + 1:
            self.last = number
            return NEXT
        if number > self.last:
            self.missing.update(range(self.last + 1, number))
            self.last = number
            return NEXT
        if number in self.missing:
            self.missing.discard(number)
            return LATE
        return AGAIN

    def never_came(self, last: int, excused: set[int]) -> int:
        """Count the numbers up to ``last`` that have not come and are not in ``excused``."""
        tail = range(self.last + 1, last + 1)
        return len(self.missing - excused) + len(tail) - sum(number in tail for number in excused)
