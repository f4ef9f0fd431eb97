"""A log in memory that does what a test says: it is slow, fails, does not know what it has, or says nothing at all.

>>> import nuphar
>>> from nuphar.testing.logs import Fate, ScriptedLog
>>> counter = nuphar.Store(0, lambda count, message: count + message)
>>> log = ScriptedLog([Fate.TAKEN, Fate.FAILED])
>>> with nuphar.Server() as server:
...     topic = server.topic("counter").with_store(counter, log=log, level="durable")
...     seq = topic.dispatch(5)
...     first = topic.model
...     seq = topic.dispatch(2, wait=False)
...     first, topic.model, [record.seq for record in log.records("topic:counter")]
(5, 5, [1])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import partial

from ..actors.runtime.host import GEVENT, Host
from ..actors.targets.appends import Appends
from ..actors.targets.log import (
    ACCEPTED,
    DURABLE,
    AppendAnswer,
    Appended,
    AppendOutcome,
    Failed,
    Record,
    Unknown,
    check_level,
)
from ..actors.targets.order import HISTORY, Order
from ..actors.targets.tentative import Tentative
from ..actors.words.errors import UsageError
from ..actors.words.store import Store

__all__ = ["Fate", "ScriptedLog"]

CALLS_WAITING = 10_000
"""Calls that may wait to be carried out: more are a fault of the test."""


class Fate(Enum):
    """What becomes of one batch."""

    TAKEN = "taken"
    FAILED = "none of it is in the log"
    HALF = "its first half is in the log, and the rest is not"
    LOST = "it is in the log, and the answer is lost"
    HALF_LOST = "its first half is in the log, and the answer is lost"
    DROPPED = "it is not in the log, and the answer is lost"
    SILENT = "it is in the log, and there is never an answer"
    SILENT_DROPPED = "it is not in the log, and there is never an answer"


_SHARES = {Fate.TAKEN: 1, Fate.LOST: 1, Fate.SILENT: 1, Fate.HALF: 0.5, Fate.HALF_LOST: 0.5}
"""How much of a batch is in the log; of what has another fate nothing is."""


class ScriptedLog:
    """Keeps records in lists. ``script`` has the fate of each batch; all others are taken.

    With ``delay`` (seconds; a function that gives them) an answer comes so much later. With ``is_held`` everything
    waits until `go_on`. The next ``deaf`` look-ups are answered `Unknown`, the next ``mute`` ones not at all. What a
    look-up calls failed does not come into the log later, even if its append is still waiting.
    """

    levels: Sequence[str] = (ACCEPTED, DURABLE)

    def __init__(
        self,
        script: Iterable[Fate] = (),
        *,
        is_held: bool = False,
        delay: Callable[[], float] | None = None,
        deaf: int = 0,
        mute: float = 0,
        history: int = HISTORY,
        host: Host = GEVENT,
    ) -> None:
        self.is_held = is_held
        self.deaf = deaf
        self.mute = mute
        self._script: Iterator[Fate] = iter(script)
        self._delay = delay
        self._history = history
        self._host = host
        self._orders: dict[str, Order] = {}
        self._records: dict[tuple[str, str], list[Record]] = {}
        self._asked = 0
        self._fences: dict[str, int] = {}
        """For each target the number of the last append that comes too late, as a look-up has called it failed."""
        self._waiting: list[Callable[[], None]] = []

    def open(self, target: str, store: Store, level: str = ACCEPTED) -> Order:
        check_level(self, level)
        if target not in self._orders:
            order = Tentative(store, self._host.secret(4), Appends(self, level), self._history)
            self._orders[target] = order
            self._records[target, order.epoch] = []
        return self._orders[target]

    def forget(self, target: str) -> None:
        order = self._orders.pop(target, None)
        if order is not None:
            del self._records[target, order.epoch]
            self._fences.pop(target, None)

    def append(self, target: str, epoch: str, records: Sequence[Record], level: str, answer: AppendAnswer) -> None:
        self._asked += 1
        self._later(partial(self._append, self._asked, target, epoch, records, answer))

    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        self._later(partial(self._look_up, self._asked, target, epoch, records, answer))

    def records(self, target: str) -> list[Record]:
        """Return what the log has of a target in its present epoch."""
        order = self._orders.get(target)
        return [] if order is None else list(self._records[target, order.epoch])

    @property
    def waiting(self) -> int:
        """How many calls are held."""
        return len(self._waiting)

    def go_on(self) -> None:
        """Carry out what is held, and hold nothing any more."""
        self.is_held = False
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def _later(self, call: Callable[[], None]) -> None:
        if self.is_held:
            if len(self._waiting) >= CALLS_WAITING:
                raise UsageError(f"{CALLS_WAITING} calls wait: say go_on()")
            self._waiting.append(call)
        elif self._delay is None:
            call()
        else:
            timer = self._host.timer(self._delay())
            timer.start(partial(self._ring, timer, call))

    @staticmethod
    def _ring(timer: object, call: Callable[[], None]) -> None:
        timer.close()  # type: ignore[attr-defined]
        call()

    def _append(self, number: int, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        fate, first, last = next(self._script, Fate.TAKEN), records[0].seq, records[-1].seq
        known = self._records.get((target, epoch))
        if known is None:
            answer(Failed(first, f"there is no {target} of epoch {epoch}"))
            return
        if number <= self._fences.get(target, 0):
            answer(Failed(first, "a look-up has called it failed already"))
            return
        taken = int(len(records) * _SHARES.get(fate, 0))
        if known and records[0].seq != known[-1].seq + 1:
            answer(Failed(first, f"expected seq {known[-1].seq + 1}, got {first}"))
            return
        known += records[:taken]
        if fate in (Fate.SILENT, Fate.SILENT_DROPPED):
            return
        outcome: AppendOutcome = Appended(last)
        if fate in (Fate.LOST, Fate.HALF_LOST, Fate.DROPPED):
            outcome = Unknown("the answer was lost")
        elif taken < len(records):
            outcome = Failed(first + taken, "the log is full")
        answer(outcome)

    def _look_up(self, number: int, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        if self.mute > 0:
            self.mute -= 1
            return
        if self.deaf:
            self.deaf -= 1
            answer(Unknown("the log cannot be asked"))
            return
        known = {(record.seq, record.client_id, record.ref) for record in self._records.get((target, epoch), ())}
        for record in records:
            if (record.seq, record.client_id, record.ref) not in known:
                self._fences[target] = max(number, self._fences.get(target, 0))
                answer(Failed(record.seq, "it is not in the log"))
                return
        answer(Appended(records[-1].seq))
