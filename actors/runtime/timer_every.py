"""A timer: a message that an actor gets from the clock, again and again."""

from __future__ import annotations

from typing import Any

from .actor import Actor


class TimerEvery:
    """Tells ``actor`` its ``message`` each ``seconds``, unless it has not handled the last one; ends with the actor."""

    def __init__(self, actor: Actor, seconds: float, message: object) -> None:
        self._actor = actor
        self._message = message
        self._timer: Any = actor.host.timer(seconds, repeat=seconds)
        self._timer.start(self._tell)

    def stop(self) -> None:
        """Tell it no more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _tell(self) -> None:
        if self._actor.actor_stopped.is_set():
            self.stop()  # it was killed
        elif self._actor.mailbox.empty():
            self._actor.mailbox.put_anyway(self._message)
