"""The contract of `Log`: where each target's order is kept; alone, and behind a topic that clients follow.

>>> from nuphar.actors.targets.memory_log import MemoryLog
>>> from nuphar.testing import contracts
>>> class TestMemoryLog(contracts.LogContract):
...     def make(self):
...         return MemoryLog()
>>> contracts.run(TestMemoryLog)  # pytest runs it by itself
9
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent

from ...actors.targets.log import Appended, AppendOutcome, Failed, Log, Record, Unknown
from ...actors.targets.order import Order
from ...actors.targets.tentative import Tentative
from ...actors.words.errors import Refused, UsageError
from ...actors.words.store import Store
from ...supervision.root.server import Server
from ...transport.client.client import Client
from ..memory_connector import MemoryConnector
from . import running
from .log_asking import LogAsking, patiently
from .log_witness import Witness

T = "topic:t"
MANY_RECORDS = 60


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


class LogContract:
    """What every log does. Its tests are those of a subclass with a `make`.

    ``silence``: seconds after which an answer does not come any more, for a log that is to be silent; None: each call
    has to have its answer.
    """

    silence: float | None = None

    def make(self) -> Log:
        """Return a new, empty log; called once in each test. It may fail or be slow, as long as it takes something."""
        raise NotImplementedError

    # The log alone.

    def test_it_offers_levels_and_no_others(self) -> None:
        log = self.make()
        assert set(log.levels) <= {"accepted", "durable", "replicated"}
        assert "accepted" in log.levels
        said = ""
        try:
            log.open(T, Store((), append), "eternal")
        except UsageError as error:
            said = str(error)
        for part in ("level='eternal'", "offers 'accepted'"):
            assert part in said, f"expected a UsageError that names both, got {said!r}"

    def test_what_is_opened_again_is_the_same_order(self) -> None:
        log = self.make()
        order = log.open(T, Store((), append))
        assert log.open(T, Store((), append)) is order
        assert order.is_settled
        assert order.position == ((), 0)

    def test_what_was_forgotten_begins_anew_in_another_epoch(self) -> None:
        log = self.make()
        before = log.open(T, Store((), append))
        log.forget(T)
        log.forget("topic:never")
        after = log.open(T, Store((), append))
        assert after is not before
        assert after.epoch != before.epoch

    def test_each_target_has_an_order_of_its_own(self) -> None:
        log = self.make()
        one, other = log.open(T, Store((), append)), log.open("topic:u", Store((), append))
        assert one.epoch != other.epoch

    def test_what_was_appended_is_found_and_what_was_not_is_not(self) -> None:
        log = self.make()
        order = log.open(T, Store((), append))
        taken = [self._take(log, order, seq) for seq in (1, 2, 3)]
        other = Record(4, b"\x04", None, None, "c", 44)
        assert self._known(log, order, taken) == Appended(3)
        assert self._known(log, order, taken[2:]) == Appended(3)
        missing = self._known(log, order, [taken[2], other])
        assert isinstance(missing, Failed)
        assert missing.seq == 4

    def test_what_a_look_up_says_while_an_append_is_on_its_way_stays_so(self) -> None:
        log = self.make()
        order = log.open(T, Store((), append))
        for seq in range(1, 4):
            record = Record(seq, bytes([seq]), None, None, "c", 10 * seq)
            if not isinstance(order, Tentative):
                order.apply(seq, record.payload)
            first, second = LogAsking(), LogAsking()
            log.append(T, order.epoch, [record], log.levels[0], first.answer)
            log.look_up(T, order.epoch, [record], second.answer)
            heard = [outcome for each in (first, second) if not isinstance(outcome := each.get(self.silence), Unknown)]
            certain = self._known(log, order, [record])
            assert {type(outcome) for outcome in heard} <= {type(certain)}, f"{heard}, and then {certain}"
            if isinstance(certain, Failed):
                self._take(log, order, seq)

    # Behind a topic.

    def test_nothing_is_heard_before_it_is_confirmed_and_everybody_hears_the_same(self) -> None:
        log = self.make()
        for level in log.levels:
            self._follow(Witness(log), level, Store((), append), Store((), append))
            log.forget(T)

    def test_models_that_are_changed_in_place_go_back_as_well(self) -> None:
        log = self.make()
        self._follow(Witness(log), log.levels[0], Store([], in_place), Store([], extend))

    def test_who_joins_meanwhile_gets_what_is_confirmed(self) -> None:
        log = self.make()
        witness, store = Witness(log), Store((), append)
        with self._server() as server:
            topic = server.topic("t").with_store(store, log=witness)
            with Client(MemoryConnector(server), stores={T: store}) as author:
                author.wait_live(running.WAIT_LIMIT)
                waiting = [author.dispatch(T, number) for number in range(MANY_RECORDS)]
                for _ in range(5):
                    with Client(MemoryConnector(server), stores={T: store}) as guest:
                        guest.wait_live(running.WAIT_LIMIT)
                        position = guest.confirmed(T)
                        assert len(position) <= witness.confirmed
                        assert patiently(lambda: topic.model)[: len(position)] == position
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

    def _known(self, log: Log, order: Order, records: Sequence[Record]) -> AppendOutcome:
        """Look up until it is known."""
        for _ in range(100):
            outcome = self._ask(lambda answer: log.look_up(T, order.epoch, records, answer))
            if not isinstance(outcome, Unknown):
                return outcome
        raise AssertionError("the log never knows what it has")

    def _ask(self, ask: Callable[[Callable[[AppendOutcome], object]], None]) -> AppendOutcome:
        asking = LogAsking()
        ask(asking.answer)
        return asking.get(self.silence)

    def _server(self, debug: bool | None = None) -> Server:
        return Server(debug=debug) if self.silence is None else Server(debug=debug, log_timeout=self.silence)

    def _follow(self, witness: Witness, level: str, kept: Store, store: Store) -> None:
        """Let two clients and the server send, and see what everybody hears; the server's store is ``kept``."""
        with self._server(debug=False) as server:  # a store that is changed in place comes, too
            topic = server.topic("t").with_store(kept, log=witness, level=level)
            with (
                Client(MemoryConnector(server), stores={T: store}) as one,
                Client(MemoryConnector(server), stores={T: store}) as two,
            ):
                one.wait_live(running.WAIT_LIMIT)
                two.wait_live(running.WAIT_LIMIT)
                taken: dict[int, int] = {}
                for number in range(1, MANY_RECORDS, 10):
                    self._burst(witness, one, two, range(number, number + 10), taken)
                assert taken, "the log takes nothing"
                model = list(patiently(lambda: topic.model))
                assert {seq: model[seq - 1] for seq in taken} == taken
                assert len(model) == len(taken) == witness.confirmed
                expected = model
                while expected == model:
                    patiently(lambda: topic.dispatch("end", wait=False))
                    expected = list(patiently(lambda: topic.model))
                for client in (one, two):
                    with gevent.Timeout(running.WAIT_LIMIT):
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
        return sent.get(timeout=running.WAIT_LIMIT)
    except Refused as refused:
        return refused
