"""What the contract of `Log` puts in front of a log, to know what it has confirmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...actors.targets.log import Appended, AppendOutcome, Failed, Log, Record
from ...actors.targets.order import Order
from ...actors.targets.tentative import Tentative
from ...actors.words.store import Store


class Witness:
    """Stands in front of a log, and knows what it has confirmed."""

    def __init__(self, log: Log) -> None:
        self.levels = log.levels
        self.asked: list[str] = []
        """The levels that were asked for."""
        self._log = log
        self._order: Order | None = None
        self._confirmed = 0

    @property
    def confirmed(self) -> int:
        """The seq up to which everything is confirmed; an order that is its own log confirms by applying."""
        return self._confirmed if isinstance(self._order, Tentative) else 0 if self._order is None else self._order.seq

    def open(self, target: str, store: Store, level: str = "accepted") -> Order:
        self._order = order = self._log.open(target, store, level)
        if isinstance(order, Tentative):
            order.appends.log = self
        return order

    def forget(self, target: str) -> None:
        self._log.forget(target)

    def append(
        self, target: str, epoch: str, records: Sequence[Record], level: str, answer: Callable[[AppendOutcome], object]
    ) -> None:
        self.asked.append(level)
        self._log.append(target, epoch, records, level, self._hear(answer))

    def look_up(
        self, target: str, epoch: str, records: Sequence[Record], answer: Callable[[AppendOutcome], object]
    ) -> None:
        self._log.look_up(target, epoch, records, self._hear(answer))

    def _hear(self, answer: Callable[[AppendOutcome], object]) -> Callable[[AppendOutcome], None]:
        def heard(outcome: AppendOutcome) -> None:
            match outcome:
                case Appended(seq):
                    self._confirmed = max(self._confirmed, seq)
                case Failed(seq):
                    self._confirmed = max(self._confirmed, seq - 1)
            answer(outcome)

        return heard
