"""What a queue could not keep, in order, until it can: a full disk may have room again without anybody saying so. Pure.

Whoever asks for `settle` tries again; how often is the shell's business (`Retry` says how long to wait).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ....actors.words.errors import QueueError, RemoteProtocolError
from ...wire.codec import Codec
from .events import ClientEvent, NotKept
from .outgoing import Queue
from .replica import OwnMessage

SOON, LATE = 1.0, 30.0
"""Seconds before the disk is tried again, doubled each time that it has no room, and at most."""


class Keeping:
    """``queue`` behind a memory of what it has refused: who we are, and which messages are answered.

    A `NotKept` tells of the first refusal only, until everything was kept again.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._welcome: tuple[str, str, int, bool] | None = None
        self._answered: deque[int] = deque()  # no more than the messages that may wait
        self.is_short = False
        """Whether something was refused since everything was kept."""

    def welcomed(self, session: str, token: str, ref: int, is_new: bool) -> list[ClientEvent]:
        """Keep who we are now, in the place of what was refused before; a new session stays one."""
        is_new = is_new or (self._welcome is not None and self._welcome[3])
        self._welcome = (session, token, ref, is_new)
        return self.try_again()

    def answered(self, number: int) -> list[ClientEvent]:
        """Forget a message."""
        self._answered.append(number)
        return self.try_again()

    def settle(self) -> None:
        """Keep what was refused, in front of what comes next: a message must not get a ref of a session unkept.

        Raises: QueueError if there still is no room.
        """
        if self._welcome is not None:
            self._queue.welcomed(*self._welcome)
            self._welcome = None
        while self._answered:
            self._queue.answered(self._answered[0])
            self._answered.popleft()

    def try_again(self) -> list[ClientEvent]:
        """`settle`, with a refusal as an event."""
        try:
            self.settle()
        except QueueError as error:
            return self.refused(error)
        return []

    def refused(self, error: QueueError) -> list[ClientEvent]:
        """Take note that the queue is short; tell of it once."""
        is_first, self.is_short = not self.is_short, True
        return [NotKept(error)] if is_first else []

    def kept(self) -> None:
        """Take note that everything is kept that was to be."""
        self.is_short = self._welcome is not None or bool(self._answered)


def restored(codec: Codec, number: int, ref: int, target: str, payload: bytes) -> OwnMessage:
    """Return a message that a queue has kept.

    Raises: QueueError for one that this serialiser cannot read.
    """
    try:
        message = codec.decode_message(payload)
    except RemoteProtocolError as error:
        text = f"the queue kept a message for {target} that this serialiser cannot read: {error}"
        raise QueueError(text) from error
    return OwnMessage(number, target, message, payload, ref)


@dataclass
class Retry:
    """When to try the disk again. One at a time: ``is_due`` while one is on its way."""

    is_due: bool = False
    delay: float = SOON

    def begin(self) -> float | None:
        """Return the seconds until a try; None if one is on its way already."""
        if self.is_due:
            return None
        self.is_due, self.delay = True, SOON
        return self.delay

    def again(self, is_short: bool) -> float | None:
        """A try has been made: return the seconds until the next one, None if none is needed."""
        self.is_due = is_short
        self.delay = min(2 * self.delay, LATE)
        return self.delay if is_short else None
