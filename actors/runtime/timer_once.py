"""An alarm: a message that a mailbox gets from the clock, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent.hub import get_hub

from .mailbox import Mailbox

GRAIN = 0.005
"""Seconds that an alarm is away at least: many subscribers with times of their own share few of them."""


class Alarm:
    """Puts ``message`` into ``mailbox`` when it rings; if the actor that set it has ended, its successor hears it."""

    def __init__(self, mailbox: Mailbox, message: object, clock: Callable[[], float]) -> None:
        self._mailbox = mailbox
        self._message = message
        self._clock = clock
        self._timer: Any = None
        self._at = 0.0

    def set(self, at: float) -> None:
        """Ring at ``at`` (seconds of the clock), or before if it is set already."""
        if self._timer is not None:
            if self._at <= at:
                return
            self.stop()
        self._at = at
        self._timer = get_hub().loop.timer(max(at - self._clock(), GRAIN))
        self._timer.start(self._ring)

    def stop(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _ring(self) -> None:
        self.stop()
        self._mailbox.put_anyway(self._message)
