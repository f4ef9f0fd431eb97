"""The port of a log: where each target's order is kept while actors come and go. Pure.

An order whose log is somewhere else than in its own memory runs ahead of it (`Tentative`): what a topic has applied is
appended, and nobody hears of it before the log has confirmed it (docs/design/log.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ..words.errors import UsageError
from ..words.store import Store
from .order import Order

ACCEPTED, DURABLE = "accepted", "durable"
"""Levels of a promise: the log has it, and it outlives any actor; it is on the disk, and outlives the process."""


class Record(NamedTuple):
    """One message as a log keeps it; what is not known is None.

    ``payload`` is its bytes as they were sent, ``author`` the identity of who wrote it, ``at`` when (seconds since the
    epoch), ``client_id`` and ``ref`` the session's id and its own number for it. None of the last two: the server.
    """

    seq: int
    payload: bytes
    author: str | None
    at: float | None
    client_id: str | None
    ref: int | None


class Appended(NamedTuple):
    """Every record up to ``seq`` is in the log, at the level that was asked for."""

    seq: int


class Failed(NamedTuple):
    """The record with ``seq``, and every one behind it, is not in the log and never will be; ``text`` says why."""

    seq: int
    text: str


class Unknown(NamedTuple):
    """Nobody knows what the log has; ``text`` says why."""

    text: str


AppendOutcome = Appended | Failed | Unknown
AppendAnswer = Callable[[AppendOutcome], object]


class Log(Protocol):
    """Keeps the orders; `nuphar.testing.contracts.LogContract` tests an adapter.

    ``levels`` are those that it offers. ``open`` after ``open`` returns the same order; after ``forget`` a new one, in
    another epoch. ``append`` and ``look_up`` neither wait nor raise: each call has one answer, from any thread, within
    a limit of the log's own. Where that takes longer than the server's ``log_timeout``, the target looks up what the
    log has, again and again, while earlier calls are on their way, and takes the first answer that is certain.

    The records of one target come with rising seqs, a batch only after the one before was settled; a seq that failed
    comes again with another record. A batch has at most 256 records and 256 KiB, but for what one message, or the hook
    of one join, brings by itself. Where an answer is `Appended` its seq is the last one of the batch, or the answer
    counts as `Unknown`.
    """

    @property
    def levels(self) -> Sequence[str]: ...

    def open(self, target: str, store: Store, level: str = ACCEPTED) -> Order:
        """Return the target's order, begun with ``store`` in a new epoch if there is none yet.

        Its appends are confirmed at ``level``. A log that confirms later returns a `Tentative`.
        Raises: UsageError for a level that it does not offer, or a model that it cannot keep.
        """

    def forget(self, target: str) -> None:
        """Let go of a target that has stopped for good."""

    def append(self, target: str, epoch: str, records: Sequence[Record], level: str, answer: AppendAnswer) -> None:
        """Add ``records`` in their order, and call ``answer`` when it is known what became of them."""

    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        """Say which of ``records``, whose append was answered `Unknown` or not at all, are in the log.

        A record is known by seq, client id and ref. An answer is final: what it calls failed must not come into the log
        by an append that is still on its way.
        """


def check_level(log: Log, level: str) -> None:
    """Check that ``log`` offers ``level``. Raises: UsageError."""
    if level not in log.levels:
        offered = " and ".join(map(repr, log.levels))
        raise UsageError(f"level={level!r}: {type(log).__name__} offers {offered}; choose one, or another log")
