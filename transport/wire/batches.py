"""What waits for a client over HTTP: pieces come in, numbered batches go out, and stay until they have arrived. Pure.

What an answer carries may be lost on its way. So a batch is kept, and sent again, until the client has said that it got
it, or until newer batches need its room.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

LARGEST = 256 * 1024
"""Bytes that are joined to one batch; a larger piece is a batch by itself."""


class Batch(NamedTuple):
    """Whole frames. The first batch of a line has the number 1."""

    number: int
    data: bytes


class Batches:
    """Holds at most ``bound`` bytes that wait, and as many that are on their way.

    An empty one takes one piece of any size, so that a snapshot above the bound still reaches a client that reads; the
    bound is for those behind it. After ``max_age`` seconds in which the client took nothing at all, it takes nothing.
    """

    __slots__ = (
        "_bound",
        "_kept",
        "_kept_size",
        "_max_age",
        "_moved_at",
        "_open",
        "_waiting",
        "last",
        "pending",
        "settled",
    )

    def __init__(self, bound: int, max_age: float) -> None:
        self._bound = bound
        self._max_age = max_age
        self._open = True
        self._moved_at = float("-inf")  # when the client took something, or the first piece began to wait
        self._waiting: deque[bytes] = deque()
        self._kept: deque[Batch] = deque()
        self._kept_size = 0
        self.pending = 0
        """How many bytes wait."""
        self.last = 0
        """The number of the newest batch."""
        self.settled = 0
        """The batches up to this number are gone: they have arrived, or newer ones needed the room."""

    def is_too_slow(self, now: float) -> bool:
        """Say whether something waits, and the client has taken nothing for longer than the limit."""
        return bool(self._waiting) and now - self._moved_at > self._max_age

    def moved(self, now: float) -> None:
        """Note that the client has taken something."""
        self._moved_at = now

    def write(self, data: bytes, now: float, bound: int | None = None) -> bool:
        """Keep ``data``, whole frames; False if nothing of it was taken: over the bound, too slow, or finished.

        ``bound`` is a smaller one, for what need not be taken.
        """
        if not self._open:
            return False
        if self._waiting:
            behind = self.pending - len(self._waiting[0])
            if behind + len(data) > (self._bound if bound is None else bound) or self.is_too_slow(now):
                return False
        else:
            self._moved_at = now
        self._waiting.append(data)
        self.pending += len(data)
        return True

    def finish(self, *, drop: bool = False) -> None:
        """Take nothing any more; with ``drop`` forget what waits."""
        self._open = False
        if drop:
            self._waiting.clear()
            self.pending = 0

    def clear(self) -> None:
        """Forget everything."""
        self.finish(drop=True)
        self._kept.clear()
        self._kept_size = 0
        self.settled = self.last

    def is_known(self, number: int) -> bool:
        """Say whether a client that got batch ``number`` last can be given what came after it."""
        return self.settled <= number <= self.last

    def acknowledge(self, number: int) -> None:
        """Forget the batches up to ``number``, one that `is_known`: they have arrived."""
        while self._kept and self._kept[0].number <= number:
            self._forget()

    def next(self, number: int) -> Batch | None:
        """Return the batch after ``number``: one that was sent before, or a new one of what waits, or None."""
        number = max(number, self.settled)
        if number < self.last:
            return self._kept[number - self.settled]
        if not self._waiting:
            return None
        pieces: list[bytes] = []
        size = 0
        while self._waiting and (not pieces or size + len(self._waiting[0]) <= LARGEST):
            piece = self._waiting.popleft()
            pieces.append(piece)
            size += len(piece)
        self.pending -= size
        self.last += 1
        batch = Batch(self.last, b"".join(pieces))
        self._kept.append(batch)
        self._kept_size += size
        while self._kept_size > self._bound and len(self._kept) > 1:
            self._forget()
        return batch

    def is_over(self, number: int) -> bool:
        """Say whether nothing is left to send after batch ``number``, and nothing will come."""
        return not self._open and not self._waiting and number >= self.last

    def _forget(self) -> None:
        batch = self._kept.popleft()
        self._kept_size -= len(batch.data)
        self.settled = batch.number
