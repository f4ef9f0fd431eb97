"""The log: where each target's order is kept while actors come and go.

The memory log lives as long as its server. An actor that is restarted opens its target again and finds model, epoch
and seq.
"""

from __future__ import annotations

from typing import Protocol

from ..runtime.host import GEVENT, Host
from ..words.store import Store
from .order import HISTORY, Order


class Log(Protocol):
    """Keeps the orders. Contract: ``open`` after ``open`` returns the same order; after ``forget`` a new one."""

    def open(self, target: str, store: Store) -> Order:
        """Return the target's order, begun with ``store`` in a new epoch if there is none yet."""

    def forget(self, target: str) -> None:
        """Let go of a target that has stopped for good."""


class MemoryLog:
    """Orders in this process's memory: what is acknowledged is *accepted*, and survives any actor."""

    def __init__(self, history: int = HISTORY, host: Host = GEVENT) -> None:
        self._host = host
        self._history = history
        self._orders: dict[str, Order] = {}

    def open(self, target: str, store: Store) -> Order:
        order = self._orders.get(target)
        if order is None:
            order = self._orders[target] = Order(store, self._host.secret(4), self._history)
        return order

    def forget(self, target: str) -> None:
        self._orders.pop(target, None)
