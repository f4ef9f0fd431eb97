"""What is held for a target that a session is not in yet: its messages wait for the answer to their Subscribe. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..words.errors import Busy

HELD = 256
"""Messages that may wait for the answer to their own Subscribe, for each target."""


def _ended(message: Any) -> None:
    raise Busy("this subscription has ended")


class Held:
    """``put`` holds a message, at most ``bound`` of them; a derived class may have it do better meanwhile.

    ``wake(cursor)`` is there while nobody has asked for the membership yet, and has it asked for, from ``cursor`` on or
    (None) with a Snapshot. What is to be held asks, so nothing waits for longer than an answer takes.
    """

    __slots__ = ("_bound", "_held", "put", "wake")

    def __init__(self, bound: int = HELD) -> None:
        self._bound = bound
        self._held: list[Any] = []  # not a deque, which takes 0.7 KiB even when nothing waits
        self.put: Callable[[Any], None] = self._hold
        self.wake: Callable[[tuple[str, int] | None], None] | None = None

    def hold_anyway(self, message: Any) -> None:
        """Hold ``message`` even over the bound: for what the server itself wants."""
        self._held.append(message)
        if self.wake is not None:
            self.wake(None)

    def held_bytes(self, each: int) -> int:
        """Return the bytes of what is held: ``each`` for a message, and its payload."""
        return sum(each + len(getattr(message, "payload", b"")) for message in self._held)

    def take_held(self) -> list[Any]:
        """End it, and take away what was held."""
        self.put = _ended  # its own method would be a circle, which only a full collection frees
        held, self._held = self._held, []
        return held

    def _hold(self, message: Any) -> None:
        if len(self._held) >= self._bound:
            raise Busy(f"{self._bound} messages wait for the answer to their Subscribe")
        self.hold_anyway(message)
