"""A timer: a message that a mailbox gets from the clock, once."""

from __future__ import annotations

from typing import Any

from .mailbox import Mailbox

GRAIN = 0.005
"""Seconds that a timer is away at least: many subscribers with times of their own share few of them."""


class TimerOnce:
    """Puts ``message`` into ``mailbox`` when it rings; if the actor that set it has ended, its successor hears it."""

    def __init__(self, mailbox: Mailbox, message: object) -> None:
        self._mailbox = mailbox
        self._message = message
        self._timer: Any = None
        self._at = 0.0

    def set(self, at: float) -> None:
        """Ring at ``at`` (seconds of the host's clock), or before if it is set already."""
        if self._timer is not None:
            if self._at <= at:
                return
            self.stop()
        self._at = at
        host = self._mailbox.host
        self._timer = host.timer(max(at - host.clock(), GRAIN))
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
