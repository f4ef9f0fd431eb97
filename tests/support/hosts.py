"""Hosts for tests: the real world, with something of it moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from nuphar.actors.runtime.fair_turns import Pulse, Turn
from nuphar.actors.runtime.host import GeventHost


class AtTime(GeventHost):
    """The real world but for its clock, which is ``clock``."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock  # type: ignore[misc, method-assign]


class InTurns(GeventHost):
    """The real world, but ``step`` seconds of a turn pass between two looks, and at its end ``pause()`` is called."""

    def __init__(self, step: float, pause: Callable[[], Any]) -> None:
        self._step = step
        self._looks = count()
        self.pause = pause  # type: ignore[method-assign]
        self.pulse = Pulse(self.is_over, pause)

    def is_over(self, turn: Turn, /) -> bool:  # type: ignore[override]
        return turn.is_over(next(self._looks) * self._step)
