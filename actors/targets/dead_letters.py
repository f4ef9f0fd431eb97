"""Dead letters: messages that crashed their actor twice, kept for an operator to read, replay or discard."""

from __future__ import annotations

import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ..runtime.mailbox import Mailbox
from ..words.errors import NotRunning
from .messages import Broadcast, Dispatch, Post
from .order import Position

LETTERS_KEPT = 1_000
"""Letters kept; the oldest goes first."""


@dataclass(frozen=True, eq=False)
class DeadLetter:
    """``author`` is a client id, or None for the server's own message; ``position`` is the model and seq before it.

    ``error`` is the traceback of the last crash, for an operator's eyes only.
    """

    target: str
    author: str | None
    message: Any
    payload: bytes
    error: str
    position: Position | None
    trace_id: str
    _letters: DeadLetters = field(repr=False)
    _mailbox: Mailbox = field(repr=False)

    def replay(self) -> None:
        """Send it again, as the server's own message, and take it out of the list; the author was told long ago.

        Raises: NotRunning if its target has no actor any more.
        """
        if self._mailbox.owner is None:
            raise NotRunning(f"{self.target} is not running")
        self.discard()
        if self.position is None:
            self._mailbox.put(Broadcast(self.payload, None))
        else:
            self._mailbox.put(Dispatch(self.message, self.payload))

    def discard(self) -> None:
        """Take it out of the list."""
        self._letters.remove(self)


class DeadLetters:
    """The letters of one server, oldest first."""

    def __init__(self, bound: int = LETTERS_KEPT) -> None:
        self._letters: deque[DeadLetter] = deque(maxlen=bound)
        self.count = 0
        """How many there have been in all."""

    def list(self) -> list[DeadLetter]:
        """Return the letters that are kept."""
        return list(self._letters)

    def add(self, target: str, message: Any, mailbox: Mailbox, position: Position | None, trace_id: str) -> None:
        """Keep ``message``, with why it crashed its actor the last time."""
        author = message.session.client_id if isinstance(message, Post) else None
        error = mailbox.last_error
        text = "".join(traceback.format_exception(error)) if error is not None else ""
        payload = getattr(message, "payload", b"")
        inner = getattr(message, "message", message)
        self._letters.append(DeadLetter(target, author, inner, payload, text, position, trace_id, self, mailbox))
        self.count += 1

    def remove(self, letter: DeadLetter) -> None:
        """Forget ``letter``; nothing happens if it is gone."""
        if letter in self._letters:
            self._letters.remove(letter)
