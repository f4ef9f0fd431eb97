"""When each client of a flaky run is cut, and where. Pure: time and chance come in as arguments."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

TORN = 0.5
"""The share of cuts that come with a write."""

LONGEST_AWAY = 0.5
"""Seconds that a client stays away, at most."""


class Cuts:
    """Clients by number; each is cut about every ``seconds``. ``chance()`` is random, from 0 to 1.

    >>> cuts = Cuts(2, 3.0, 10.0, lambda: 0.5)
    >>> cuts.due(11.0), cuts.due(12.0)
    ([], [0, 1])
    >>> cuts.again(1, 20.0)
    >>> cuts.due(22.9), cuts.due(23.0)
    ([], [1])
    """

    def __init__(self, clients: int, seconds: float, now: float, chance: Callable[[], float]) -> None:
        self._seconds = seconds
        self._chance = chance
        self._times = [(now + seconds * chance(), client) for client in range(clients)]
        heapify(self._times)

    def due(self, now: float) -> list[int]:
        """Return who is to be cut by now; who is cut once is not cut again before `again`."""
        found = []
        while self._times and self._times[0][0] <= now:
            found.append(heappop(self._times)[1])
        return found

    def again(self, client: int, now: float) -> None:
        """A client is back: cut it after half to one and a half of the seconds."""
        heappush(self._times, (now + self._seconds * (0.5 + self._chance()), client))


def place(chance: Callable[[], float]) -> float | None:
    """Return which share of a message is written before the cut, all of it included; None for a cut without a write.

    >>> place(lambda: 0.9) is None, place(iter([0.1, 0.25]).__next__)
    (True, 0.25)
    """
    return chance() if chance() < TORN else None
