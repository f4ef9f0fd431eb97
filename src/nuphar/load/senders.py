"""Which message of each sender came last, and what is missing. Pure.

A run of 10,000 clients in 200 topics has half a million pairs of clients: a pair is a number here as long as nothing is
out of order. Objects in its place would be half a second of the garbage collector's, which is latency to the clients.
"""

from __future__ import annotations

from .rising import NEXT, Rising


class Senders:
    """A `Rising` from ``first`` on for every sender.

    >>> senders = Senders(1)
    >>> [senders.see(7, ref) for ref in (2, 4, 3, 3)], senders.see(8, 2)
    ([0, 0, 1, 2], 0)
    """

    __slots__ = ("_first", "_lasts", "_uneven")

    def __init__(self, first: int) -> None:
        self._first = first
        self._lasts: dict[int, int] = {}
        self._uneven: dict[int, Rising] = {}  # those that had a gap or a copy

    def see(self, sender: int, number: int) -> int:
        """Take the next number of ``sender``, and say how it came: see `Rising.see`."""
        if sender not in self._uneven:
            last = self._lasts.get(sender, self._first)
            if number == last + 1:
                self._lasts[sender] = number
                return NEXT
            self._uneven[sender] = Rising(last)
        return self._uneven[sender].see(number)

    def never_came(self, sender: int, last: int, excused: set[int]) -> int:
        """Count the numbers of ``sender`` up to ``last`` that have not come and are not in ``excused``."""
        rising = self._uneven.get(sender)
        if rising is None:
            seen = self._lasts.get(sender, self._first)
            if seen == last:
                return 0
            rising = Rising(seen)
        return rising.never_came(last, excused)
