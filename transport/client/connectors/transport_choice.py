"""Which transport to use: the best that opens, and now and then another look at the better ones. Pure.

Ranks count from 0, the best. Times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES = 3
"""Failures in a row after which the next rank is used."""

PROBE_AFTER = 60.0
"""Seconds before a better rank is tried again; doubled each time that none of them opens, up to `LONGEST_PAUSE`."""

LONGEST_PAUSE = 1_800.0


@dataclass(frozen=True)
class UseRank:
    """Use this rank, and only this one."""

    rank: int


@dataclass(frozen=True)
class ProbeRank:
    """Try this rank beside the present one."""

    rank: int


@dataclass(frozen=True)
class StopRank:
    """Stop trying this rank."""

    rank: int


@dataclass(frozen=True)
class GiveUp:
    """None of them will do."""


Decision = UseRank | ProbeRank | StopRank | GiveUp


class TransportChoice:
    """Told what happens, it says what to do; ``ranks`` transports are there, and the first is used at once."""

    def __init__(self, ranks: int, tries: int = FAILURES, again: float = PROBE_AFTER) -> None:
        self.rank = 0
        self.probed: int | None = None
        self._ranks = ranks
        self._tries = tries
        self._first = self._again = again
        self._failures = 0
        self._probe_at: float | None = None
        self._next = 0  # the rank to look at: each better one in turn
        self._refused: set[int] = set()

    def opened(self, rank: int, now: float) -> list[Decision]:
        """It is open: a probe that opens is what is used from now on."""
        self._refused.clear()
        if rank == self.rank:
            self._failures = 0
            return []
        return self._use(rank, now) if rank == self.probed else []

    def failed(self, rank: int, now: float, *, is_refused: bool = False) -> list[Decision]:
        """It could not be opened; ``is_refused``: and it will not be. Refused by all, nothing is left to do."""
        if rank == self.probed:
            self.probed = None
            if self._next == self.rank:
                self._again = min(2 * self._again, LONGEST_PAUSE)  # none of the better ones
            self._probe_at = now + self._again
            return [StopRank(rank)]
        if rank != self.rank:
            return []
        if is_refused:
            self._refused.add(rank)
            if len(self._refused) == self._ranks:
                return [GiveUp()]
        self._failures += 1
        if self._failures < self._tries and not is_refused:
            return []
        # Behind the last comes the first again: perhaps the server is down, and none of them is to blame.
        return self._use((rank + 1) % self._ranks, now)

    def tick(self, now: float) -> list[Decision]:
        """Time has passed."""
        if self._probe_at is None or now < self._probe_at or self.rank == 0 or self.probed is not None:
            return []
        self.probed, self._probe_at = self._next % self.rank, None
        self._next = self.probed + 1
        return [ProbeRank(self.probed)]

    def due(self, now: float) -> float | None:
        """Return the seconds until `tick` has something to say, None if it has not."""
        return None if self._probe_at is None or self.rank == 0 else max(0.0, self._probe_at - now)

    def _use(self, rank: int, now: float) -> list[Decision]:
        self.rank, self.probed, self._failures = rank, None, 0
        if rank == 0:
            self._again, self._probe_at = self._first, None
        else:
            self._probe_at = now + self._again
        self._next = 0
        return [UseRank(rank)]
