"""The contracts bite: what breaks a promise is found, by the test that is named after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import gevent
import pytest
from support.sums import Sums

from nuphar import Refused
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Call
from nuphar.actors.sessions.membership_table import Grant
from nuphar.actors.sessions.messages import Request, Verdict
from nuphar.actors.targets.log import ACCEPTED, AppendAnswer, Appended, Log, Record
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.actors.targets.order import Order
from nuphar.actors.words.store import Store
from nuphar.testing import MemoryConnector, contracts
from nuphar.testing.contracts import running
from nuphar.testing.logs import ScriptedLog
from nuphar.transport import Handler, Transport
from nuphar.transport.server.framing import BARE, CborFraming, write_to_each

from .encoding import BareCase
from .sink import MemorySinkCase
from .target_kind import OwnStoreCase, ToyCase


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is broken shall be found soon."""
    monkeypatch.setattr(running, "WAIT_LIMIT", 0.3)


def found_by(contract: type) -> set[str]:
    """Return the tests that fail, without the ``test_``."""
    found = set()
    for name in contracts.names(contract):
        try:
            getattr(contract(), name)()
        except (Exception, gevent.Timeout):
            found.add(name.removeprefix("test_"))
    return found


# Sinks.


class Reversed(contracts.MemorySink):
    def _take(self, joined: Any, bound: int) -> bool:
        before, self.arrived = self.arrived, []
        is_taken = super()._take(joined, bound)
        self.arrived += before
        return is_taken


class Lossy(contracts.MemorySink):
    def write(self, joined: Any, /) -> None:
        if joined != b"7;":
            super().write(joined)


class RefusesOffers(contracts.MemorySink):
    def offer(self, joined: Any, /) -> bool:
        return False


class AlwaysFull(contracts.MemorySink):
    @property
    def pending(self) -> int:
        return 1

    @pending.setter
    def pending(self, value: int) -> None:
        """It says so whatever there is."""


class Waits(contracts.MemorySink):
    def write(self, joined: Any, /) -> None:
        gevent.sleep(0)
        super().write(joined)


class Undead(contracts.MemorySink):
    def end(self) -> None:
        """It goes on."""


class RaisesAfterTheEnd(contracts.MemorySink):
    def write(self, joined: Any, /) -> None:
        if self._is_over:
            raise BrokenPipeError
        super().write(joined)


class CountsPieces(contracts.MemorySink):
    def _take(self, joined: Any, bound: int) -> bool:
        before = self.pending
        is_taken = super()._take(joined, bound)
        self.pending = before + (self.pending > before)
        return is_taken


class TakesAHalf(contracts.MemorySink):
    def offer(self, joined: Any, /) -> bool:
        is_taken = super().offer(joined)
        if not is_taken and not self._is_over:
            self.pending += len(joined) // 2
        return is_taken


class OffersFillItUp(contracts.MemorySink):
    def offer(self, joined: Any, /) -> bool:
        return self._take(joined, self._bound)


class GivesUpOnAnOffer(contracts.MemorySink):
    def offer(self, joined: Any, /) -> bool:
        is_taken = super().offer(joined)
        self.is_too_slow = not is_taken
        return is_taken


class NeverGivesUp(contracts.MemorySink):
    def _take(self, joined: Any, bound: int) -> bool:
        return super()._take(joined, 1 << 40)


class TellsTwice(contracts.MemorySink):
    def drain(self) -> None:
        callback = self._on_empty
        super().drain()
        if callback is not None and not self._is_over:
            callback()


class TellsEarly(contracts.MemorySink):
    def on_empty(self, callback: Callable[[], None], /) -> None:
        callback()


class TellsAfterTheEnd(contracts.MemorySink):
    def drain(self) -> None:
        is_over, self._is_over = self._is_over, False
        super().drain()
        self._is_over = is_over


SINKS: dict[type[contracts.MemorySink], set[str]] = {
    Reversed: {"what_is_written_arrives_in_its_order"},
    Lossy: {"what_is_written_arrives_in_its_order"},
    RefusesOffers: {"what_is_offered_arrives_in_order_with_what_is_written"},
    AlwaysFull: {"nothing_waits_for_a_client_that_takes_all"},
    Waits: {"a_write_lets_nobody_else_run"},
    Undead: {"what_is_written_after_the_end_is_nobody_s_and_raises_nothing"},
    RaisesAfterTheEnd: {"the_end_comes_to_whom_it_has_come_already"},
    CountsPieces: {"what_waits_is_counted_in_bytes"},
    TakesAHalf: {"an_offer_is_taken_whole_or_not_at_all"},
    GivesUpOnAnOffer: {"an_offer_is_taken_whole_or_not_at_all"},
    OffersFillItUp: {"an_offer_leaves_room_for_what_has_to_be_written"},
    NeverGivesUp: {"a_client_that_takes_nothing_is_given_up"},
    TellsTwice: {"who_waits_for_room_is_told_once_when_nothing_waits"},
    TellsEarly: {"who_waits_for_room_is_told_once_when_nothing_waits"},
    TellsAfterTheEnd: {"nobody_is_told_of_room_if_the_connection_ends_before"},
}


@pytest.mark.parametrize("sink", SINKS)
def test_a_sink_that_breaks_a_promise_is_found(sink: type[contracts.MemorySink]) -> None:
    class Case(MemorySinkCase):
        def __init__(self) -> None:
            self.sink = sink(50_000)

    class Contract(contracts.SlowSinkContract):
        def make(self) -> contracts.SlowSinkCase:
            return Case()

    assert SINKS[sink] <= found_by(Contract)


# Encodings.


def encoding(**changes: Any) -> CborFraming:
    """Return the encoding without an envelope, with some of its methods replaced."""
    broken = CborFraming(bytes, list, write_to_each)
    for name, method in changes.items():
        setattr(broken, name, method)
    return broken


ENCODINGS: dict[str, CborFraming] = {
    "an_acknowledge_is_read_as_it_was_written": encoding(
        acknowledge=lambda target, seq, refs, final, extra=None: BARE.acknowledge(
            target, seq, refs if extra else refs[:1], final, extra
        )
    ),
    "a_rejected_is_read_as_it_was_written": encoding(
        rejected=lambda ref, target, code, text, details: BARE.rejected(ref, target, code, text, None)
    ),
    "an_out_is_read_as_it_was_written": encoding(
        out=lambda target, code, text, join: BARE.out(target, code, text, join % 256)
    ),
    "a_server_message_is_read_as_it_was_written": encoding(
        server_message=lambda target, seq, payload, extra=None: BARE.server_message(
            target, seq if extra else min(seq, 65_535), payload, extra
        )
    ),
    "what_is_told_besides_is_read_as_it_was_written": encoding(
        server_message=lambda target, seq, payload, extra=None: BARE.server_message(target, seq, payload)
    ),
    "a_push_is_read_as_it_was_written": encoding(push=lambda target, payload: BARE.push(target[:20], payload)),
    "a_snapshot_is_read_as_it_was_written": encoding(
        snapshot=lambda target, epoch, seq, state, reason: BARE.snapshot(target, "e2", seq, state, reason)
    ),
    "pieces_are_joined_in_their_order": encoding(join=lambda pieces: list(reversed(pieces))),
    "what_is_joined_is_delivered_to_all": encoding(
        deliver=lambda sinks, joined, refused=None: write_to_each(
            sinks if refused is not None else sinks[:2], joined, refused
        )
    ),
    "what_is_offered_and_not_taken_is_listed_and_nobody_is_given_up": encoding(
        deliver=lambda sinks, joined, refused=None: write_to_each(sinks, joined)
    ),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_that_breaks_a_promise_is_found(name: str) -> None:
    class Case(BareCase):
        encoding = ENCODINGS[name]

    class Contract(contracts.EncodingContract):
        def make(self) -> contracts.EncodingCase:
            return Case()

    assert found_by(Contract) == {name}


# Logs.


class OffersEverything(MemoryLog):
    def open(self, target: str, store: Store, level: str = ACCEPTED) -> Order:
        return super().open(target, store)


class KeepsNothing(MemoryLog):
    def open(self, target: str, store: Store, level: str = ACCEPTED) -> Order:
        self._orders.pop(target, None)
        return super().open(target, store, level)


class ForgetsNothing(MemoryLog):
    def forget(self, target: str) -> None:
        """It remembers."""


class OneEpoch(MemoryLog):
    def open(self, target: str, store: Store, level: str = ACCEPTED) -> Order:
        order = super().open(target, store, level)
        order.epoch = "e1"
        return order


class KnowsEverything(MemoryLog):
    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        answer(Appended(records[-1].seq))


class NeverAnswers(ScriptedLog):
    def _later(self, call: Callable[[], None]) -> None:
        """Nobody ever hears of it."""


class IsOvertaken(ScriptedLog):
    """A look-up says that a record is not there, and then its append arrives."""

    def __init__(self) -> None:
        delays = cycle([0.004, 0.001])
        super().__init__(delay=lambda: next(delays))

    def _look_up(self, number: int, target: str, epoch: str, records: Sequence[Record], answer: AppendAnswer) -> None:
        super()._look_up(0, target, epoch, records, answer)


LOGS: dict[type[Log], set[str]] = {
    IsOvertaken: {"what_a_look_up_says_while_an_append_is_on_its_way_stays_so"},
    OffersEverything: {"it_offers_levels_and_no_others"},
    KeepsNothing: {"what_is_opened_again_is_the_same_order"},
    ForgetsNothing: {"what_was_forgotten_begins_anew_in_another_epoch"},
    OneEpoch: {"each_target_has_an_order_of_its_own", "what_was_forgotten_begins_anew_in_another_epoch"},
    KnowsEverything: {"what_was_appended_is_found_and_what_was_not_is_not"},
    NeverAnswers: {
        "nothing_is_heard_before_it_is_confirmed_and_everybody_hears_the_same",
        "models_that_are_changed_in_place_go_back_as_well",
        "who_joins_meanwhile_gets_what_is_confirmed",
    },
}


@pytest.mark.parametrize("log", LOGS)
def test_a_log_that_breaks_a_promise_is_found(log: Callable[[], Log]) -> None:
    class Contract(contracts.LogContract):
        def make(self) -> Log:
            return log()

    assert LOGS[log] <= found_by(Contract)  # type: ignore[index]


# Connectors.


class Changed:
    """A line in memory with another handler or transport than it should have."""

    def __init__(self, line: MemoryConnector) -> None:
        self.line = line

    def __call__(self, handler: Handler) -> Transport:
        self.handler = handler
        self.transport = self.line(self.heard(handler))
        return self.said(self.transport)

    def heard(self, handler: Handler) -> Handler:
        return handler

    def said(self, transport: Transport) -> Transport:
        return transport

    def handler_but(self, **changes: Any) -> Handler:
        return Handler(**(vars(self.handler) | changes))

    def transport_but(self, **changes: Any) -> Transport:
        return Transport(**(vars(self.transport) | changes))


class SaysItTwice(Changed):
    def heard(self, handler: Handler) -> Handler:
        return self.handler_but(on_reconnect=lambda: (handler.on_reconnect(), handler.on_reconnect()))


class Swaps(Changed):
    """Every second frame waits for the next one."""

    def heard(self, handler: Handler) -> Handler:
        kept: list[bytes] = []

        def receive(frame: bytes) -> None:
            kept.append(frame)
            if len(kept) == 2 or frame[1] == 16:
                while kept:
                    handler.on_receive(kept.pop())

        return self.handler_but(on_receive=receive)


class SendsIntoNothing(Changed):
    def said(self, transport: Transport) -> Transport:
        def send(frame: bytes) -> None:
            try:
                transport.send(frame)
            except OSError:
                return

        return self.transport_but(send=send)


class GivesNoReason(Changed):
    def heard(self, handler: Handler) -> Handler:
        return self.handler_but(on_fault=lambda why: None)


class StaysOpen(Changed):
    def said(self, transport: Transport) -> Transport:
        return self.transport_but(close=lambda: None)


class TellsOfItsOwnClose(Changed):
    def said(self, transport: Transport) -> Transport:
        return self.transport_but(close=lambda: (transport.close(), self.handler.on_close(1000, "")))


class HearsOn(Changed):
    """What comes after its close is told all the same."""

    def said(self, transport: Transport) -> Transport:
        def close() -> None:
            for frame in self.late:
                self.handler.on_receive(frame)
            transport.close()

        return self.transport_but(close=close)

    def heard(self, handler: Handler) -> Handler:
        self.late = [b"\x83\x14\x6atopic:news\x61x"]
        return handler


class ConnectsAfterItsClose(Changed):
    def said(self, transport: Transport) -> Transport:
        def close() -> None:
            transport.close()
            self.handler.on_reconnect()

        return self.transport_but(close=close)


class LeavesForGood(Changed):
    def said(self, transport: Transport) -> Transport:
        return self.transport_but(leave=transport.close)


class ReopensForGood(Changed):
    """The session is over, and another one begins."""

    def said(self, transport: Transport) -> Transport:
        def reopen() -> None:
            transport.close()
            self.handler.on_disconnect()
            self.line(self.handler)

        return self.transport_but(reopen=reopen)


class KeepsAFinalClose(Changed):
    def heard(self, handler: Handler) -> Handler:
        return self.handler_but(on_close=lambda code, reason: None)


CONNECTORS: dict[type[Changed], set[str]] = {
    SaysItTwice: {"it_connects_by_itself_and_says_so_once"},
    Swaps: {"frames_go_both_ways_whole_in_order_and_one_at_a_time"},
    SendsIntoNothing: {"a_send_without_a_connection_is_an_oserror"},
    GivesNoReason: {"a_line_that_is_lost_is_said_with_a_reason_and_mended"},
    StaysOpen: {"a_close_ends_the_session"},
    TellsOfItsOwnClose: {"a_close_is_not_told_to_who_has_closed_and_may_come_twice"},
    HearsOn: {"nothing_is_heard_after_a_close"},
    ConnectsAfterItsClose: {"a_close_while_nothing_gets_through_is_final"},
    LeavesForGood: {"who_leaves_keeps_the_session"},
    ReopensForGood: {"who_reopens_comes_back_by_itself_and_keeps_the_session"},
    KeepsAFinalClose: {"a_close_of_the_server_s_that_is_final_is_told_and_it_does_not_come_back"},
}


@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_connector_that_breaks_a_promise_is_found(connector: type[Changed]) -> None:
    class Case(contracts.ConnectorCase):
        def __init__(self) -> None:
            super().__init__()
            self.connector = self._changed = connector(MemoryConnector(self.server))

        def cut(self) -> None:
            self._changed.line.cut()

        def restore(self) -> None:
            self._changed.line.restore()

    class Contract(contracts.ConnectorContract):
        def make(self) -> contracts.ConnectorCase:
            return Case()

    assert CONNECTORS[connector] <= found_by(Contract)


# Kinds of targets.


class Broken(Sums):
    """The toy, whose verbs the others get wrong, each one of them."""


class LetsInWithoutAJoin(Broken):
    def open(self, verdict: Verdict) -> Grant | None:
        grant = super().open(verdict)
        return None if grant is None else grant._replace(join=None)


class ForgetsTheSecond(Broken):
    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        return None if request.ref == 2 else super().judge(request, hint)


def refuse(model: int, message: int) -> int:
    raise Refused("no", "it takes nothing")


class TakesNothing(Broken):
    def open(self, verdict: Verdict) -> Grant | None:
        self._books.log.open(verdict.request.target, Store(0, refuse))
        return super().open(verdict)


class HasOneForEach(Broken):
    """Each session gets a target of its own, and it says that all share one."""

    def open(self, verdict: Verdict) -> Grant | None:
        self._mailboxes.clear()
        self._books.log.forget(verdict.request.target)
        return super().open(verdict)


class LetsEverybodyIn(Broken):
    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        return Verdict(request)


class LetsNobodyInTwice(Broken):
    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        return Verdict(request, "denied", "once is enough") if request.ref == 3 else super().judge(request, hint)


class RefusesWhoResumes(Broken):
    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        return Verdict(request, "denied", "who is it?") if request.ref is None else super().judge(request, hint)


class FindsNothing(Broken):
    def locate(self, session: Any, target: str) -> Mailbox | None:
        return None


class WaitsForIt(Broken):
    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        gevent.sleep(0)
        return super().judge(request, hint)


class WaitsToGreet(Broken):
    def greet(self, verdict: Verdict) -> Verdict | None:
        gevent.sleep(0)
        return super().greet(verdict)


class TakesEveryRightAway(Broken):
    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        return Verdict(request, "denied", "not now") if request.is_check else super().judge(request, hint)


class AnswersCallsTwice(Broken):
    def call(self, session: Any, call: Call) -> None:
        super().call(session, call)
        super().call(session, call)


class AnswersAnyCall(Broken):
    def call(self, session: Any, call: Call) -> None:
        session.reply(call.ref, b"\x00")


class SaysThatItIsOnesOwn(Broken):
    is_own = True


TARGET_KINDS: dict[type[Sums], set[str]] = {
    LetsInWithoutAJoin: {"a_subscribe_is_answered_once_and_lets_in"},
    ForgetsTheSecond: {"so_is_each_of_two"},
    TakesNothing: {"a_message_is_answered_once_behind_its_subscribe"},
    HasOneForEach: {"a_message_comes_to_the_others_unless_the_target_is_one_s_own"},
    LetsEverybodyIn: {"who_may_not_is_refused_once_and_in_nothing"},
    LetsNobodyInTwice: {"who_leaves_may_come_again_and_nobody_leaves_its_own"},
    RefusesWhoResumes: {"who_goes_on_with_another_connection_stays_in"},
    FindsNothing: {"where_a_target_is_found_its_messages_go"},
    WaitsForIt: {"no_verb_waits"},
    WaitsToGreet: {"no_verb_waits"},
    TakesEveryRightAway: {"whose_rights_are_good_stays_and_hears_nothing"},
    AnswersCallsTwice: {"a_call_is_answered_once"},
    AnswersAnyCall: {"a_call_is_answered_once"},
    SaysThatItIsOnesOwn: {"a_stop_is_said_to_whoever_shares_the_target"},
}


@pytest.mark.parametrize("kind", TARGET_KINDS)
def test_a_kind_of_targets_that_breaks_a_promise_is_found(kind: type[Sums]) -> None:
    class Contract(contracts.TargetKindContract):
        def make(self) -> contracts.TargetKindCase:
            return ToyCase(kind)

    assert TARGET_KINDS[kind] <= found_by(Contract)


def test_an_own_target_that_outlives_its_session_is_found() -> None:
    class Case(OwnStoreCase):
        def __init__(self) -> None:
            super().__init__()
            self.server.own_stores.close = lambda session: None  # type: ignore[method-assign]

    class Contract(contracts.TargetKindContract):
        def make(self) -> contracts.TargetKindCase:
            return Case()

    assert found_by(Contract) == {OUTLIVES}


OUTLIVES = "of_a_session_that_has_ended_nothing_is_left"


@pytest.mark.parametrize(
    ("contract", "bitten"),
    [
        (contracts.SlowSinkContract, set().union(*SINKS.values())),
        (contracts.EncodingContract, set(ENCODINGS)),
        (contracts.LogContract, set().union(*LOGS.values())),
        (contracts.ConnectorContract, set().union(*CONNECTORS.values())),
        (contracts.TargetKindContract, {OUTLIVES}.union(*TARGET_KINDS.values())),
    ],
)
def test_each_test_of_a_contract_finds_something(contract: type, bitten: set[str]) -> None:
    assert {f"test_{name}" for name in bitten} == set(contracts.names(contract))
