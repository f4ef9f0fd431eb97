"""What the server wants later: refused as too much at once, kept, and sent again in the order of its refs. Pure.

>>> pacing = Pacing()
>>> pacing.hold(7, 0.5), pacing.hold(8, 1.0)
(Paused(turn=1, seconds=0.5), None)
>>> pacing.rested(1, lambda ref: False)
([7], Paused(turn=2, seconds=1.0))

Times are relative to the pause under way, whose end is told, so there is no clock. docs/wire.md, *Too much at once*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .events import Paused

SOON, LATE = 0.05, 60.0
"""Seconds of a pause: no shorter, so that many go at once, and no longer, whatever the server says."""

UNSAID = 1.0
"""Seconds to wait where the server has not said how long."""


class Pacing:
    """``held``: by ref, the seconds from the beginning of the present pause; all of it is to be sent again.

    ``again`` was, and has no answer yet: it may be refused once more, so nothing passes by that either.
    """

    def __init__(self) -> None:
        self.held: dict[int, float] = {}
        self.again: set[int] = set()
        self._turn = 0
        self._pause = 0.0  # seconds; 0 if there is none

    @property
    def is_busy(self) -> bool:
        """Whether something is to be answered before anything new is sent."""
        return bool(self.held or self.again)

    def hold(self, ref: int, seconds: float) -> Paused | None:
        """Keep what has ``ref`` for ``seconds`` at least; return the pause that begins, None if one is under way."""
        self.again.discard(ref)
        self.held[ref] = self._pause + min(seconds, LATE)
        return None if self._pause else self._begin()

    def rested(self, turn: int, is_early: Callable[[int], bool]) -> tuple[list[int], Paused | None]:
        """A pause is over: return the refs that may be sent again, and the next pause, if there has to be one.

        Nothing that is behind what has to wait, in the order of refs, goes before it. ``is_early(ref)``: the server may
        be about to refuse more of what was sent behind it. The end of a pause before a loss is none.
        """
        if turn != self._turn or not self._pause:
            return [], None
        self.held = {ref: self.held[ref] - self._pause for ref in sorted(self.held)}
        self._pause = 0.0
        due: list[int] = []
        for ref, seconds in self.held.items():
            if self.again or seconds > 0 or is_early(ref):
                break
            due.append(ref)
        for ref in due:
            del self.held[ref]
        self.again.update(due)
        return due, self._begin() if self.held else None

    def forget(self, ref: int) -> None:
        """What has ``ref`` was answered after all."""
        self.held.pop(ref, None)
        self.again.discard(ref)

    def clear(self) -> None:
        """The connection is lost: all that has no answer is sent again on the next one."""
        self.held.clear()
        self.again.clear()
        self._pause = 0.0

    def _begin(self) -> Paused:
        self._turn += 1
        first = self.held[min(self.held)]
        self._pause = max(SOON, first)
        return Paused(self._turn, self._pause)


def seconds_in(details: Any) -> float:
    """Return what the details of a ``rate_limited`` ask for: ``{"retry_after": seconds}``.

    >>> seconds_in({"retry_after": 2.5}), seconds_in(None), seconds_in({"retry_after": "soon"})
    (2.5, 1.0, 1.0)
    """
    seconds = details.get("retry_after") if isinstance(details, dict) else None
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < float("inf")
    return float(seconds) if is_number else UNSAID  # type: ignore[arg-type]  # it is a number
