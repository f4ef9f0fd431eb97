"""The log that is the default: each order is its own log."""

from __future__ import annotations

from collections.abc import Sequence

from ..runtime.host import GEVENT, Host
from ..words.store import Store
from .log import ACCEPTED, AppendAnswer, Appended, Failed, Record, check_level
from .order import HISTORY, Order


class MemoryLog:
    """Orders in this process's memory: what is acknowledged is *accepted*, and survives any actor.

    An order is its own log here: what is applied is in it at once, so the targets append nothing and wait for nothing.
    """

    levels = (ACCEPTED,)

    def __init__(self, history: int = HISTORY, host: Host = GEVENT) -> None:
        self._host = host
        self._history = history
        self._orders: dict[str, Order] = {}

    def open(self, target: str, store: Store, level: str = ACCEPTED) -> Order:
        check_level(self, level)
        order = self._orders.get(target)
        if order is None:
            order = self._orders[target] = Order(store, self._host.secret(4), self._history)
        return order

    def forget(self, target: str) -> None:
        self._orders.pop(target, None)

    def append(self, target: str, epoch: str, records: Sequence[Record], level: str, answer: AppendAnswer) -> None:
        self.look_up(target, epoch, records, answer)

    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        order = self._orders.get(target)
        seq = order.seq if order is not None and order.epoch == epoch else 0
        missing = next((record.seq for record in records if record.seq > seq), None)
        answer(Appended(records[-1].seq) if missing is None else Failed(missing, "it was not applied"))
