"""The pause of a client that has sent too much: what was refused for now, and when it is sent again. Pure.

A server that answers ``rate_limited`` lets nothing pass by what it has refused, as long as the client cannot know of
that (docs/wire.md, *Too much at once*). So the client holds everything new back, and then sends again, to each target,
what was refused and all behind it that has no answer, in the order of the refs. What has been taken meanwhile is only
answered again.
"""

from __future__ import annotations

from typing import Any

from ....actors.words.errors import Refused
from ....actors.words.quantities import is_seconds
from .events import Limited

CODE = "rate_limited"

LONGEST = 60.0
"""Seconds that a client waits at most, whatever it is told."""


def wait_of(refused: Refused) -> float | None:
    """Return the seconds after which what was refused may come again; None if it was refused for good."""
    details: Any = refused.details
    if refused.code != CODE or not isinstance(details, dict):
        return None
    seconds = details.get("retry_after")
    return min(float(seconds or 0.0), LONGEST) if is_seconds(seconds, or_zero=True) else None


class Pause:
    """``lowest`` are the first refs that were refused, by target; empty while there is no pause."""

    def __init__(self) -> None:
        self.lowest: dict[str, int] = {}
        self.withheld: set[int] = set()
        """Refs of what was asked meanwhile, which are to be sent behind."""
        self._number = 0
        self._due = self._longest = 0.0

    def begin(self, ref: int, target: str, seconds: float) -> list[Limited]:
        """Hold back what goes to ``target``, as ``ref`` was refused for so many seconds."""
        is_first = not self.lowest
        self.lowest[target] = min(ref, self.lowest.get(target, ref))
        if not is_first:
            self._longest = max(self._longest, seconds)
            return []
        self._number += 1
        self._due = self._longest = seconds
        return [Limited(seconds, self._number)]

    def is_over(self, number: int) -> Limited | bool:
        """Say whether the pause ``number`` is over; if more was refused meanwhile, how long it goes on."""
        if number != self._number or not self.lowest:
            return False
        left, self._due = self._longest - self._due, self._longest
        return Limited(left, number) if left > 0 else True

    def is_refused(self, ref: int, target: str) -> bool:
        """Say whether what has ``ref`` is to be sent again behind the pause."""
        return ref in self.withheld or self.lowest.get(target, ref + 1) <= ref

    def end(self) -> None:
        """Hold nothing back any more."""
        self.lowest.clear()
        self.withheld.clear()
