"""What waits behind the batch that is on its way to the log: in the order in which it came, and counted. Pure."""

from __future__ import annotations

from collections import deque
from typing import Any

from ..words.delivery import OVERHEAD
from ..words.errors import Refused
from .effects import Crash, Effects
from .messages import Dispatch, More, Post


class Held:
    """What waits goes back into the mailbox a part at a time; what of a part has to wait again, stays in front."""

    __slots__ = ("_front", "_held", "_held_bytes", "_is_open")

    def __init__(self) -> None:
        self._is_open = False  # what was put back is being handled
        self._front: list[Any] = []  # what was put back, and has to wait again
        self._held: deque[Any] = deque()
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How many bytes wait behind the batch, each message with its overhead."""
        return self._held_bytes

    def take(self, message: Any) -> None:
        """Let ``message`` wait."""
        if self._is_open:
            self._front.append(message)  # it had its turn, and keeps its place
        else:
            self._held.append(message)
        self._held_bytes += size_of(message)

    def drop(self, message: Any) -> None:
        """Take ``message`` itself out, wherever it waits."""
        self._front = [each for each in self._front if each is not message]
        self._held = deque(each for each in self._held if each is not message)

    def refuse_held(self, refused: Refused) -> Effects:
        """Refuse what waits and whose senders hear of it: what is in front of it failed, or may take long."""
        mine = [message for message in self._held if _is_answered(message)]
        self._held = deque(message for message in self._held if not _is_answered(message))
        self._held_bytes -= sum(map(size_of, mine))
        return [
            Crash(each.session, each.ref, refused) if isinstance(each, Post) else Crash(None, 0, refused, each.caller)
            for each in mine
        ]

    def put_back(self, most: int) -> list[Any]:
        """Take out what is to be handled next, at ``most`` so many messages; `More` ends it, if it is not empty."""
        held = self._held
        if not held:
            return []
        taken = [held.popleft() for _ in range(min(most, len(held)))]
        self._held_bytes -= sum(map(size_of, taken))
        self._is_open = True
        return [*taken, More()]

    def take_all(self) -> list[Any]:
        """Take out everything that waits."""
        taken = [*self._front, *self._held]
        self._front, self._held, self._held_bytes, self._is_open = [], deque(), 0, False
        return taken

    def close(self) -> None:
        """Note that everything which was put back has been handled, or waits again."""
        self._is_open = False
        self._held.extendleft(reversed(self._front))
        self._front = []


def size_of(message: Any) -> int:
    """Return how many bytes a message counts for."""
    return len(getattr(message, "payload", b"")) + OVERHEAD


def _is_answered(message: Any) -> bool:
    """Say whether whoever has sent ``message`` hears what becomes of it."""
    return isinstance(message, Post) or (isinstance(message, Dispatch) and message.caller is not None)
