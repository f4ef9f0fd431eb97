"""The program that waits for what becomes of a message of its own."""

from __future__ import annotations

from ..runtime.future import Future


class WaitingCaller:
    """Stands where a session stands in a client's message: ``seq`` is answered once, or raises."""

    __slots__ = ("seq",)

    def __init__(self) -> None:
        self.seq: Future[int] = Future()

    def accept(self, seq: int) -> None:
        """Say under which seq the message was applied, as far as its log confirms it."""
        if not self.seq.is_done:
            self.seq.set(seq)

    def fail(self, error: BaseException) -> None:
        """Raise ``error`` where the message was sent."""
        if not self.seq.is_done:
            self.seq.set_exception((type(error), error, None))
