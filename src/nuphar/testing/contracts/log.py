"""The contract of `Log`: where each target's order is kept while actors come and go.

>>> from nuphar.actors.targets.log import MemoryLog
>>> from nuphar.testing import contracts
>>> class MemoryCase(contracts.LogCase):
...     def __init__(self):
...         self.log = MemoryLog()
>>> class TestMemoryLog(contracts.LogContract):
...     def make(self):
...         return MemoryCase()
>>> contracts.run(TestMemoryLog)  # pytest runs it by itself
7
"""

from __future__ import annotations

from ...actors.targets.log import Log
from ...actors.words.store import Store
from .running import Case

LIST: Store[tuple[str, ...], str] = Store((), lambda model, message: (*model, message))
"""A store that keeps its messages, so that order and loss show."""


class LogCase(Case):
    """A log, empty at first."""

    log: Log


class LogContract:
    """What every log does. Its tests are those of a subclass with a `make`."""

    def make(self) -> LogCase:
        """Return a new case; called once in each test."""
        raise NotImplementedError

    def test_an_order_begins_with_its_store(self) -> None:
        with self.make() as case:
            order = case.log.open("topic:t", Store(("first",), LIST.update))
            assert order.position == (("first",), 0), f"expected the store's model at seq 0, got {order.position}"

    def test_who_opens_again_finds_the_same_order(self) -> None:
        with self.make() as case:
            order = case.log.open("topic:t", LIST)
            for message in ("a", "b"):
                order.apply(message, message.encode())
            again = case.log.open("topic:t", LIST)
            assert again.epoch == order.epoch, f"expected epoch {order.epoch!r}, got {again.epoch!r}"
            assert again.position == (("a", "b"), 2), f"expected what was applied, got {again.position}"

    def test_another_store_begins_no_other_order(self) -> None:
        with self.make() as case:
            case.log.open("topic:t", LIST).apply("a", b"a")
            again = case.log.open("topic:t", Store(("another",), LIST.update))
            assert again.position == (("a",), 1), f"expected the order that there is, got {again.position}"

    def test_each_target_has_an_order_of_its_own(self) -> None:
        with self.make() as case:
            one, other = case.log.open("topic:one", LIST), case.log.open("topic:other", LIST)
            one.apply("a", b"a")
            assert other.position == ((), 0), f"expected another target's messages elsewhere, got {other.position}"

    def test_after_it_was_forgotten_a_target_begins_anew(self) -> None:
        with self.make() as case:
            order = case.log.open("topic:t", LIST)
            order.apply("a", b"a")
            case.log.forget("topic:t")
            anew = case.log.open("topic:t", LIST)
            assert anew.position == ((), 0), f"expected a new order, got {anew.position}"
            assert anew.epoch != order.epoch, "expected another epoch, or clients would take one order for the other"

    def test_what_is_not_there_can_be_forgotten(self) -> None:
        with self.make() as case:
            case.log.forget("topic:t")
            case.log.open("topic:other", LIST).apply("a", b"a")
            case.log.forget("topic:t")
            assert case.log.open("topic:other", LIST).position == (("a",), 1)

    def test_no_two_orders_have_one_epoch(self) -> None:
        with self.make() as case:
            epochs = {case.log.open(f"topic:{n}", LIST).epoch for n in range(1000)}
            assert len(epochs) == 1000, f"expected 1000 epochs, got {len(epochs)}"
