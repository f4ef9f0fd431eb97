"""How long to wait before coming back: full jitter, so that thousands do not come back together. Pure.

Source: AWS Architecture Blog, "Exponential Backoff and Jitter".
"""

from __future__ import annotations

from dataclasses import dataclass

from ....actors.words.errors import UsageError
from ....actors.words.quantities import check_seconds, is_seconds


@dataclass
class ReconnectBackoff:
    """Seconds; ``attempt`` counts the tries since `reset`. Raises: UsageError for what are no seconds."""

    base: float = 1.0
    factor: float = 2.0
    most: float = 30.0
    attempt: int = 0

    def __post_init__(self) -> None:
        for name in ("base", "most"):
            check_seconds(name, getattr(self, name))
        if not is_seconds(self.factor) or self.factor < 1:
            raise UsageError(f"factor: expected a number from 1, got {self.factor!r}")

    def delay(self, chance: float) -> float:
        """Return the seconds until the next try; ``chance`` is random, from 0 to 1.

        >>> backoff = ReconnectBackoff()
        >>> [backoff.delay(0.5) for _ in range(3)]
        [0.5, 1.0, 2.0]
        """
        delay = min(self.most, self.base * self.factor ** min(self.attempt, 60)) * chance
        self.attempt += 1
        return delay

    def pause(self, seconds: float, chance: float) -> float:
        """Return the seconds until the next try when the server has asked for a pause: up to twice as long.

        >>> ReconnectBackoff().pause(10.0, 0.5)
        15.0
        """
        return max(self.delay(chance), seconds * (1 + chance))

    def reset(self) -> None:
        """The connection works: begin anew."""
        self.attempt = 0
