"""One open GET: it takes the batches of its line, until it is answered or a newer one takes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import gevent.event

from ...wire.batches import Batch, Batches

ANSWER_SLICE = 64 * 1024
"""Bytes of an answer that are given to the WSGI server at once."""


class Readable(Protocol):
    """What a GET needs of its line."""

    closed: bool
    close_code: int | None
    close_reason: str
    batches: Batches
    clock: Callable[[], float]

    def next(self, number: int, /) -> Batch | None:
        """Return the batch after ``number``, if there is one."""

    def gives(self, size: int, /) -> None:
        """A large answer begins."""

    def moved(self) -> None:
        """A part of an answer has gone on its way."""

    def rest(self, reading: Reading, /) -> None:
        """The GET has been answered."""


class Reading:
    """One open GET: takes the batches after ``position``, which moves on with each."""

    def __init__(self, line: Readable, position: int, hang_up: Callable[[], Any]) -> None:
        self.position = position
        self._line = line
        self._hang_up = hang_up
        self._event = gevent.event.Event()
        self._is_waiting = False
        self._is_current = True

    @property
    def ending(self) -> str | None:
        """The close code and reason, once everything before them has been taken."""
        line = self._line
        is_last = self._is_current and line.closed and line.batches.is_over(self.position)
        return f"{line.close_code} {line.close_reason}".rstrip() if is_last else None

    @property
    def is_current(self) -> bool:
        """Whether no newer GET has taken over."""
        return self._is_current

    def wait(self, seconds: float) -> Batch | None:
        """Return the next batch; None after ``seconds`` without one, at the end, or if a newer GET took over."""
        deadline = self._line.clock() + seconds
        while self._is_current:
            self._event.clear()
            batch = self._line.next(self.position)
            if batch is not None:
                self.position = batch.number
                return batch
            left = deadline - self._line.clock()
            if self._line.closed or left <= 0:
                break
            self._is_waiting = True
            try:
                self._event.wait(left)
            finally:
                self._is_waiting = False
        return None

    def slices(self, data: bytes) -> Iterator[bytes]:
        """Give ``data`` to the WSGI server piece by piece: it asks for the next when the one before has moved."""
        if len(data) > ANSWER_SLICE:
            self._line.gives(len(data))
        for at in range(0, len(data), ANSWER_SLICE):
            yield data[at : at + ANSWER_SLICE]
            self._line.moved()

    def wake(self) -> None:
        """Something has come."""
        self._event.set()

    def give_way(self) -> None:
        """A newer GET takes over: return empty, or be cut off if the client does not take what it was sent."""
        self._is_current = False
        if self._is_waiting:
            self._event.set()
        else:
            self._hang_up()

    def cut(self) -> None:
        """End the request now."""
        self._is_current = False
        self._event.set()
        self._hang_up()

    def end(self) -> None:
        """The answer has been written, or its client is gone."""
        self._line.rest(self)
