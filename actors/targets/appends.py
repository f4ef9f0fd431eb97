"""What a target has applied and its log has not confirmed yet, and what waits behind that. Pure.

One batch is on its way at a time, and until its end the target handles nothing else: so whatever it says, to whomever,
it says at a seq that is confirmed. What comes meanwhile waits in its order, and makes up the next batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from ..words.delivery import OVERHEAD
from ..words.meta import meta_of
from .effects import Append, Crash, Effects, LookUp
from .held import Held, size_of
from .lane import Outcome
from .log import Appended, Failed, Log, Record
from .messages import Dispatch, Post
from .patience import Patience

BATCH = 1 << 18
"""Bytes of payload after which a batch goes to the log, even if more waits."""

RECORDS = 256
"""Messages after which it does."""

HELD_BEHIND = 1 << 20
"""Bytes that may wait behind a batch: more is refused ``busy``."""

LOOK_AGAIN = 0.1, 5.0
"""Seconds until a log that did not know is asked again: at first, and at most."""


MOST_LOOK_UPS = 7
"""Look-ups without a result, which take 6 s at least, after which no more may come until there is one."""


class BatchState(Enum):
    """Where the batch is."""

    NONE = 0
    DECIDED = 1
    """The log is to be asked; the actor may have ended before it did."""
    ASKED = 2
    LOOKED_UP = 3
    """Its outcome was unknown."""


class Appends(Held):
    """The appends of one target to ``log``, at ``level``; plainly mutable, every method leaves it whole."""

    __slots__ = ("_after", "_batch", "_has_given_up", "_looks", "_outcomes", "_posts", "_records", "_size", "_state",
                 "level", "log", "patience")  # fmt: skip

    def __init__(self, log: Log, level: str) -> None:
        super().__init__()
        self.log = log
        self.level = level
        self.patience = Patience()
        self._state = BatchState.NONE
        self._batch = 0  # its number: an answer of an earlier one comes too late
        self._outcomes: list[Outcome] = []
        self._records: Sequence[Record] = ()
        self._after: list[Crash] = []  # refusals that rest on what is on its way
        self._size = self._posts = 0  # bytes and messages that were posted for the next batch
        self._looks = 0
        self._has_given_up = False

    @property
    def is_waiting(self) -> bool:
        """Is a batch on its way?"""
        return self._state is not BatchState.NONE

    @property
    def is_full(self) -> bool:
        """Does so much wait that no more may come?"""
        return self._held_bytes > HELD_BEHIND

    def why_not(self, target: str) -> str:
        """Say why no more may come."""
        if self.patience.is_stuck:
            return f"the log of {target} does not answer: try again later"
        return f"{self._held_bytes} bytes wait for the log of {target}: try again later"

    def ends_batch(self, message: Any) -> bool:
        """Say whether what was applied has to be in the log before ``message`` is handled."""
        if isinstance(message, Post | Dispatch):
            self._size += len(message.payload) + OVERHEAD
            self._posts += 1
            return self._size > BATCH or self._posts > RECORDS
        return True

    @property
    def first_seq(self) -> int:
        """The seq of the first message of the batch that is on its way."""
        return self._records[0].seq

    def begin(self, outcomes: list[Outcome]) -> Effects:
        """Send a batch to the log: nobody hears of ``outcomes`` before it has answered."""
        self._state = BatchState.DECIDED
        self._batch += 1
        self._size = self._posts = self._looks = 0
        self._outcomes = outcomes
        self._records = [_record(outcome) for outcome in outcomes]
        return [Append(self._batch, self._records)]

    def asked(self) -> None:
        """Note that the log has the batch, and will answer."""
        if self._state is BatchState.DECIDED:
            self._state = BatchState.ASKED

    def resume(self) -> Effects:
        """Go on for an actor that has ended: whether it had asked the log may be unknown."""
        return self.look_up() if self._state in (BatchState.DECIDED, BatchState.LOOKED_UP) else []

    def look_up(self, after: float = 0.0) -> Effects:
        """Ask what the log has, if that is still to be known."""
        if not self.is_waiting:
            return []
        self._state = BatchState.LOOKED_UP
        self.patience.rest()
        return [LookUp(self._batch, self._records, after)]

    def overdue(self) -> Effects:
        """Take silence for an unknown outcome, and where it is the answer to a look-up for the last one."""
        self.patience.is_stuck = self._state is BatchState.LOOKED_UP
        return self.again()

    def is_of(self, batch: int) -> bool:
        """Is ``batch`` the one that is on its way?"""
        return self.is_waiting and batch == self._batch

    def confirmed(self, outcome: Any) -> int | None:
        """Return the seq up to which the log has everything, and nothing behind it; None if that is not known."""
        first, last = self._records[0].seq, self._records[-1].seq
        if isinstance(outcome, Failed) and first <= outcome.seq <= last:
            return outcome.seq - 1
        return last if isinstance(outcome, Appended) and outcome.seq == last else None

    def again(self) -> Effects:
        """Ask once more, later each time."""
        first, most = LOOK_AGAIN
        if self._looks >= MOST_LOOK_UPS:
            self.patience.is_stuck = True
        after = min(first * 2 ** (self._looks - 1), most) if self._looks else 0.0
        self._looks += 1
        return self.look_up(after)

    def end(self) -> tuple[list[Outcome], list[Crash]]:
        """End the batch; return what was in it, and the refusals that were to follow it."""
        outcomes, after = self._outcomes, self._after
        self.patience.end()
        self._state = BatchState.NONE
        self._outcomes, self._records, self._after = [], (), []
        return outcomes, after

    def give_up(self) -> tuple[list[Outcome], list[Crash]]:
        """End the batch without an answer, and hold nothing any more: the target stops, and its stop is put back."""
        self._has_given_up = True
        self.drop(self.patience.stop)
        return self.end()

    def defer(self, crash: Crash) -> None:
        """Keep a refusal until it is known whether what it rests on has happened."""
        self._after.append(crash)

    @property
    def holds(self) -> bool:
        """Must what comes now wait? Behind the batch, or behind what waits already and was not put back."""
        if self._has_given_up:
            return False
        return self.is_waiting or (bool(self._held) and not self._is_open)

    def hold(self, message: Any) -> bool:
        """Let ``message`` wait; False for a client's message that may not: see `why_not`."""
        is_too_much = not self._is_open and self._held_bytes + size_of(message) > HELD_BEHIND
        if isinstance(message, Post) and (self.patience.is_stuck or is_too_much):
            return False
        self.take(message)
        return True


def _record(outcome: Outcome) -> Record:
    author, ref, seq, payload = outcome
    meta = meta_of(payload, seq)
    return Record(seq, payload, meta.author, meta.at, author.client_id if author is not None else None, ref or None)
