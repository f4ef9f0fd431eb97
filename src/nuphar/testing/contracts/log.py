"""What every log has to do (`nuphar.actors.targets.log.Log`): alone, and behind a topic that clients follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent
import pytest
from gevent.event import AsyncResult

from ...actors.targets.log import Appended, Failed, Log, Outcome, Record, Unknown
from ...actors.targets.order import Order
from ...actors.targets.tentative import Tentative
from ...actors.words.errors import Refused, UsageError
from ...actors.words.store import Store
from ...supervision.root.server import Server
from ...transport.client.client import Client
from ..memory_connector import MemoryConnector

LIMIT = 10.0
"""Seconds that any wait here may take."""

T = "topic:t"
MANY = 60


def append(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    """Keep every message."""
    return (*model, message)


def extend(model: list[Any], message: Any) -> list[Any]:
    """Do the same, with lists."""
    return [*model, message]


def in_place(model: list[Any], message: Any) -> list[Any]:
    """Do the same to the model itself."""
    model.append(message)
    return model


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
        self, target: str, epoch: str, records: Sequence[Record], level: str, answer: Callable[[Outcome], object]
    ) -> None:
        self.asked.append(level)
        self._log.append(target, epoch, records, level, self._hear(answer))

    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: Callable[[Outcome], object]) -> None:
        self._log.look_up(target, epoch, records, self._hear(answer))

    def _hear(self, answer: Callable[[Outcome], object]) -> Callable[[Outcome], None]:
        def heard(outcome: Outcome) -> None:
            match outcome:
                case Appended(seq):
                    self._confirmed = max(self._confirmed, seq)
                case Failed(seq):
                    self._confirmed = max(self._confirmed, seq - 1)
            answer(outcome)

        return heard


class LogContract:
    """Fixture ``log``: a new, empty log. It may fail or be slow, as long as it says so; it has to take something."""

    @pytest.fixture
    def log(self) -> Log:
        raise NotImplementedError("a LogContract needs a fixture `log` that returns a Log")

    # The log alone.

    def test_it_offers_levels_and_no_others(self, log: Log) -> None:
        assert set(log.levels) <= {"accepted", "durable", "replicated"}
        assert "accepted" in log.levels
        with pytest.raises(UsageError, match=r"level='eternal'.*offers 'accepted'"):
            log.open(T, Store((), append), "eternal")

    def test_what_is_opened_again_is_the_same_order(self, log: Log) -> None:
        order = log.open(T, Store((), append))
        assert log.open(T, Store((), append)) is order
        assert order.is_settled
        assert order.position == ((), 0)

    def test_what_was_forgotten_begins_anew_in_another_epoch(self, log: Log) -> None:
        before = log.open(T, Store((), append))
        log.forget(T)
        log.forget("topic:never")
        after = log.open(T, Store((), append))
        assert after is not before
        assert after.epoch != before.epoch

    def test_each_target_has_an_order_of_its_own(self, log: Log) -> None:
        one, other = log.open(T, Store((), append)), log.open("topic:u", Store((), append))
        assert one.epoch != other.epoch

    def test_what_was_appended_is_found_and_what_was_not_is_not(self, log: Log) -> None:
        order = log.open(T, Store((), append))
        taken = [self._take(log, order, seq) for seq in (1, 2, 3)]
        other = Record(4, b"\x04", None, None, "c", 44)
        assert self._known(log, order, taken) == Appended(3)
        assert self._known(log, order, taken[2:]) == Appended(3)
        missing = self._known(log, order, [taken[2], other])
        assert isinstance(missing, Failed)
        assert missing.seq == 4

    # Behind a topic.

    def test_nothing_is_heard_before_it_is_confirmed_and_everybody_hears_the_same(self, log: Log) -> None:
        for level in log.levels:
            self._follow(Witness(log), level, Store((), append), Store((), append))
            log.forget(T)

    def test_models_that_are_changed_in_place_go_back_as_well(self, log: Log) -> None:
        self._follow(Witness(log), log.levels[0], Store([], in_place), Store([], extend))

    def test_who_joins_meanwhile_gets_what_is_confirmed(self, log: Log) -> None:
        witness, store = Witness(log), Store((), append)
        with Server() as server:
            topic = server.topic("t").with_store(store, log=witness)
            with Client(MemoryConnector(server), stores={T: store}) as author:
                author.wait_live(LIMIT)
                waiting = [author.dispatch(T, number) for number in range(MANY)]
                for _ in range(5):
                    with Client(MemoryConnector(server), stores={T: store}) as guest:
                        guest.wait_live(LIMIT)
                        position = guest.confirmed(T)
                        assert len(position) <= witness.confirmed
                        assert topic.model[: len(position)] == position
                for each in waiting:
                    _outcome(each)

    def _take(self, log: Log, order: Order, seq: int) -> Record:
        """Have a record appended, however often that fails."""
        record = Record(seq, bytes([seq]), None, None, "c", 10 * seq)
        if not isinstance(order, Tentative):
            order.apply(seq, record.payload)
        for _ in range(100):
            outcome = self._ask(lambda answer: log.append(T, order.epoch, [record], log.levels[0], answer))
            if isinstance(outcome, Unknown):
                outcome = self._known(log, order, [record])
            if outcome == Appended(seq):
                return record
            assert isinstance(outcome, Failed)
            assert outcome.seq == seq
        raise AssertionError("the log takes nothing")

    def _known(self, log: Log, order: Order, records: Sequence[Record]) -> Outcome:
        """Look up until it is known."""
        for _ in range(100):
            outcome = self._ask(lambda answer: log.look_up(T, order.epoch, records, answer))
            if not isinstance(outcome, Unknown):
                return outcome
        raise AssertionError("the log never knows what it has")

    @staticmethod
    def _ask(ask: Callable[[Callable[[Outcome], object]], None]) -> Outcome:
        heard: list[Outcome] = []
        first: AsyncResult[Outcome] = AsyncResult()
        loop = gevent.get_hub().loop

        def answer(outcome: Outcome) -> None:
            heard.append(outcome)
            loop.run_callback_threadsafe(first.set, outcome)  # from whichever thread it comes

        ask(answer)
        outcome: Outcome = first.get(timeout=LIMIT)
        assert heard == [outcome]
        return outcome

    def _follow(self, witness: Witness, level: str, kept: Store, store: Store) -> None:
        """Let two clients and the server send, and see what everybody hears; the server's store is ``kept``."""
        with Server() as server:
            topic = server.topic("t").with_store(kept, log=witness, level=level)
            with (
                Client(MemoryConnector(server), stores={T: store}) as one,
                Client(MemoryConnector(server), stores={T: store}) as two,
            ):
                one.wait_live(LIMIT)
                two.wait_live(LIMIT)
                taken: dict[int, int] = {}
                for number in range(1, MANY, 10):
                    self._burst(witness, one, two, range(number, number + 10), taken)
                assert taken, "the log takes nothing"
                model = list(topic.model)
                assert {seq: model[seq - 1] for seq in taken} == taken
                assert len(model) == len(taken) == witness.confirmed
                topic.dispatch("end")
                while list(topic.model) == model:
                    topic.dispatch("end")
                expected = list(topic.model)
                for client in (one, two):
                    with gevent.Timeout(LIMIT):
                        while list(client.confirmed(T)) != expected:
                            gevent.sleep(0)
                    assert list(client.model(T)) == expected
                assert set(witness.asked) <= {level}

    @staticmethod
    def _burst(witness: Witness, one: Client, two: Client, numbers: range, taken: dict[int, int]) -> None:
        """Send some messages of two clients without a wait, and add to ``taken`` what is acknowledged, by its seq."""
        waiting: list[tuple[int, Any]] = []
        for number in numbers:
            waiting += [(number, one.dispatch(T, number)), (-number, two.dispatch(T, -number))]
            if number % 3 == 0:
                gevent.sleep(0)
        for message, each in waiting:
            outcome = _outcome(each)
            if isinstance(outcome, Refused):
                assert outcome.code == "busy"
            else:
                assert outcome <= witness.confirmed
                taken[outcome] = message


def _outcome(sent: Any) -> Any:
    """Return the seq of what was sent, or why it was refused."""
    try:
        return sent.get(timeout=LIMIT)
    except Refused as refused:
        return refused
