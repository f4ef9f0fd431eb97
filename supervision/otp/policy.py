"""Which children to restart, when, and when to give up. Pure: no actors, no clock.

Source: OTP Design Principles, Supervisor Behaviour; Akka's ``BackoffSupervisor`` for the back-off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from ...actors.words.exit_reasons import Reason, is_orderly


class Restart(Enum):
    """When a child that ended is started again."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class Strategy(Enum):
    """Which others are restarted with a child that ended."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class AutoShutdown(Enum):
    """When a supervisor ends by itself because *significant* children did."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


def should_restart(restart: Restart, reason: Reason) -> bool:
    """Permanent: always. Transient: unless it ended in an orderly way. Temporary: never."""
    return restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and not is_orderly(reason))


def affected(strategy: Strategy, ids: Sequence[str], failed: str) -> list[str]:
    """Return the children to stop and start again, in start order, ``failed`` included."""
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return [failed]
        case Strategy.REST_FOR_ONE:
            return list(ids[ids.index(failed) :])
        case Strategy.ONE_FOR_ALL:
            return list(ids)


@dataclass
class Intensity:
    """At most ``intensity`` restarts within ``period`` seconds; both ends of the period count."""

    intensity: int = 1
    period: float = 5.0
    _times: deque[float] = field(default_factory=deque)

    def allow(self, now: float) -> bool:
        """Record a restart at ``now`` (monotonic seconds); False means give up."""
        while self._times and self._times[0] < now - self.period:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) <= self.intensity


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a child is started again.

    The first restart comes at once; each further one that follows within ``reset`` seconds of a start waits twice as
    long as the one before, from ``least`` to ``most`` seconds, and up to ``random_factor`` of that longer, so that
    children which failed together do not come back together.
    """

    least: float = 0.2
    most: float = 30.0
    random_factor: float = 0.0
    reset: float = 0.2

    def delay(self, failures: int, chance: float = 0.0) -> float:
        """Return the seconds to wait after ``failures`` quick failures in a row; ``chance`` is random, from 0 to 1.

        >>> [Backoff(0.2, 1.0).delay(failures) for failures in range(5)]
        [0.0, 0.2, 0.4, 0.8, 1.0]
        """
        if failures < 1:
            return 0.0
        return min(self.most, self.least * 2.0 ** min(failures - 1, 60)) * (1.0 + chance * self.random_factor)


@dataclass
class Failures:
    """How often one child has failed in a row, for its back-off."""

    started: float = 0.0
    in_a_row: int = 0

    def next_delay(self, backoff: Backoff, now: float, chance: float) -> float:
        """Record a failure at ``now`` and return the seconds until the next start."""
        failures = self.in_a_row if now - self.started < backoff.reset else 0
        self.in_a_row = failures + 1
        return backoff.delay(failures, chance)
