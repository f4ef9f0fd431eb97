"""The client's core: frames in, frames and events out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuphar import Refused, RemoteProtocolError, Store, UnregisteredType, automatic
from nuphar.transport import decode, encode
from nuphar.transport import frames as f
from nuphar.transport.client_core import QUEUE, ClientCore
from nuphar.transport.client_events import Answered, Changed, Ending, Failed, Live, Pushed

PLAIN = automatic()
T = "topic:t"
WELCOME = f.Welcome("c" * 32, "s", "t", False, {}, 20.0, "")


def append(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    if message == "crash":
        raise ValueError("this update raises")
    return (*model, message)


class Core(ClientCore):
    """A core that is spoken to in frames."""

    def __init__(self, *targets: str) -> None:
        super().__init__(PLAIN, {target: Store((), append) for target in targets})

    def get(self, *got: Any) -> list[Any]:
        events: list[Any] = []
        for frame in got:
            events += self.receive(encode(frame, PLAIN))
        return events

    def take(self) -> list[Any]:
        sent = [decode(data, PLAIN) for data in self.outgoing]
        self.outgoing.clear()
        return sent

    def go_live(self) -> Core:
        """Connect, subscribe to everything, and take what was sent."""
        self.open()
        self.get(WELCOME)
        for frame in self.take():
            if isinstance(frame, f.Subscribe):
                self.get(f.Snapshot(frame.target, "e", 0, [], "subscribed"))
                self.get(f.Acknowledge(frame.target, 0, [frame.ref], False))
        return self

    @property
    def model(self) -> Any:
        return list(self.replicas[T].model)


def live() -> Core:
    return Core(T).go_live()


# Connecting.


def test_hello_is_sent_first_and_nothing_else_before_welcome() -> None:
    core = Core(T)
    core.dispatch(T, 1)
    core.subscribe("topic:u", None)
    assert core.take() == []
    core.open()
    assert core.take() == [f.Hello(1, None, None, {}, {})]
    assert not core.is_live


def test_welcome_brings_the_subscribes_and_then_what_waited() -> None:
    core = Core(T)
    ref = core.dispatch(T, 1)
    core.open()
    core.take()
    assert core.get(WELCOME) == [Live("c" * 32)]
    assert core.take() == [f.Subscribe(2, T, None, None), f.ClientMessage(ref, T, 1)]
    assert core.client_id == "c" * 32


def test_it_is_settled_when_every_subscribe_has_been_answered() -> None:
    core = Core(T, "topic:u")
    core.open()
    assert not core.is_settled()
    core.get(WELCOME)
    assert not core.is_settled()
    core.get(f.Acknowledge(T, 0, [1], False))
    assert not core.is_settled()
    core.get(f.Rejected(2, "topic:u", "denied", "no", None))
    assert core.is_settled()


def test_a_ping_is_answered() -> None:
    core = live()
    core.get(f.Ping(7))
    assert core.take() == [f.Pong(7)]


def test_bye_tells_when_to_come_back() -> None:
    assert live().get(f.Bye("the server stops", 1.5)) == [Ending(1.5)]


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x81\x18\x63", "[", "{}"])
def test_bytes_that_are_no_frame_raise_a_remote_protocol_error(data: bytes | str) -> None:
    core = live()
    with pytest.raises(RemoteProtocolError):
        core.receive(data)
    assert core.get(f.ServerMessage(T, 1, 5)) == [Changed(T, 5)]


@pytest.mark.parametrize(
    "frame",
    [f.Pong(1), f.Presence(T, [], [], True), f.Reply(1, 2), f.Failure(1, "crashed", "text", None, [])],
)
def test_frames_that_it_has_no_use_for_change_nothing(frame: Any) -> None:
    core = live()
    assert core.get(frame) == []
    assert core.take() == []


# Keeping step.


def test_messages_of_others_are_applied_when_they_arrive() -> None:
    core = live()
    assert core.get(f.ServerMessage(T, 1, 5), f.ServerMessage(T, 2, 6)) == [Changed(T, 5), Changed(T, 6)]
    assert (core.model, core.replicas[T].seq) == ([5, 6], 2)


def test_its_own_message_is_applied_when_it_is_acknowledged() -> None:
    core = live()
    ref = core.dispatch(T, 5)
    assert core.model == []
    assert core.get(f.Acknowledge(T, 1, [ref], False)) == [Answered(ref, 1, None), Changed(T, 5)]
    assert core.model == [5]


def test_an_acknowledge_with_k_refs_stands_for_the_k_seqs_that_end_at_its_seq() -> None:
    core = live()
    refs = [core.dispatch(T, n) for n in (10, 11, 12)]
    core.get(f.ServerMessage(T, 1, "other"))
    events = core.get(f.Acknowledge(T, 4, refs, False))
    assert [event for event in events if isinstance(event, Answered)] == [
        Answered(ref, seq, None) for ref, seq in zip(refs, (2, 3, 4), strict=True)
    ]
    assert core.model == ["other", 10, 11, 12]


def test_duplicates_are_ignored() -> None:
    core = live()
    ref = core.dispatch(T, 5)
    core.get(f.Acknowledge(T, 1, [ref], False))
    core.take()
    for frame in (f.Acknowledge(T, 1, [ref], False), f.ServerMessage(T, 1, 5), f.ServerMessage(T, 1, 6)):
        assert core.get(frame) == []
    assert core.model == [5]
    assert core.take() == []


def test_a_gap_asks_for_a_resync_once_and_applies_nothing() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 1))
    assert core.get(*[f.ServerMessage(T, seq, seq) for seq in range(3, 20)]) == []
    assert core.take() == [f.Resync({T: ("e", 1)})]
    assert core.model == [1]
    core.get(*[f.ServerMessage(T, seq, seq) for seq in range(2, 21)])
    assert core.model == list(range(1, 21))
    assert core.take() == []


def test_a_second_gap_asks_again() -> None:
    core = live()
    core.get(f.ServerMessage(T, 2, 2))
    core.get(f.ServerMessage(T, 1, 1), f.ServerMessage(T, 2, 2))
    core.take()
    core.get(f.ServerMessage(T, 4, 4))
    assert core.take() == [f.Resync({T: ("e", 2)})]


def test_a_gap_in_front_of_its_own_message_answers_it_all_the_same() -> None:
    core = live()
    ref = core.dispatch(T, 5)
    core.take()
    assert core.get(f.Acknowledge(T, 3, [ref], False)) == [Answered(ref, 3, None)]
    assert core.take() == [f.Resync({T: ("e", 0)})]
    core.get(f.Snapshot(T, "e", 3, [1, 2, 5], "behind"))
    assert core.model == [1, 2, 5]


def test_a_snapshot_replaces_model_seq_and_epoch() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 1))
    assert core.get(f.Snapshot(T, "new", 40, ["x"], "restarted")) == [Changed(T, None)]
    assert (core.model, core.replicas[T].cursor) == (["x"], ("new", 40))
    core.get(f.ServerMessage(T, 41, "y"))
    assert core.model == ["x", "y"]


def test_messages_before_any_snapshot_ask_for_one() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    core.take()
    core.get(f.ServerMessage(T, 7, 1))
    assert core.take() == [f.Resync({T: None})]


def test_final_resets_the_slice_and_a_reconnect_subscribes_anew() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 5))
    assert core.get(f.Acknowledge(T, 1, [], True)) == [Changed(T, None)]
    assert (core.model, core.replicas[T].cursor) == ([], None)
    core.lose()
    core.open()
    core.get(WELCOME)
    assert core.take()[1:] == [f.Subscribe(2, T, None, None)]


def test_final_for_a_target_that_it_does_not_follow_changes_nothing() -> None:
    assert live().get(f.Acknowledge("topic:u", 1, [], True)) == []


def test_an_update_that_raises_keeps_the_model_and_asks_for_a_snapshot() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 1))
    (failed,) = core.get(f.ServerMessage(T, 2, "crash"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ValueError)
    assert core.get(f.ServerMessage(T, 3, 3), f.ServerMessage(T, 4, 4)) == []
    assert core.take() == [f.Resync({T: None})]
    core.get(f.Snapshot(T, "e", 4, [1, 3, 4], "behind"))
    core.get(f.ServerMessage(T, 5, 5))
    assert core.model == [1, 3, 4, 5]
    assert core.take() == []


def test_an_update_that_raises_on_a_message_that_was_missed_asks_for_a_snapshot_too() -> None:
    core = live()
    core.get(f.ServerMessage(T, 3, 3))
    core.take()
    core.get(f.ServerMessage(T, 1, 1), f.ServerMessage(T, 2, "crash"), f.ServerMessage(T, 3, 3))
    assert core.take() == [f.Resync({T: None})]


def test_a_push_is_told_and_moves_nothing() -> None:
    core = live()
    assert core.get(f.Push(T, "hi"), f.Push("topic:u", "hi")) == [Pushed(T, "hi")]
    assert core.replicas[T].seq == 0


def test_a_message_to_a_topic_without_an_order_is_answered_with_seq_0() -> None:
    core = Core()
    core.subscribe(T, None)
    core.open()
    core.get(WELCOME, f.Acknowledge(T, 0, [1], False))
    ref = core.dispatch(T, "hi")
    assert core.get(f.Acknowledge(T, 0, [ref], False)) == [Answered(ref, 0, None)]


def test_a_target_without_a_store_tells_messages_and_keeps_the_seq() -> None:
    core = Core()
    core.subscribe(T, None)
    core.open()
    core.get(WELCOME, f.Snapshot(T, "e", 3, ["x"], "subscribed"), f.Acknowledge(T, 3, [1], False))
    assert core.get(f.ServerMessage(T, 4, "y")) == [Changed(T, "y")]
    assert core.replicas[T].cursor == ("e", 4)


# Answers.


def test_a_refused_message_is_answered_and_changes_nothing() -> None:
    core = live()
    ref = core.dispatch(T, 5)
    (answered,) = core.get(f.Rejected(ref, T, "crashed", "no", {"trace_id": "x"}))
    assert isinstance(answered, Answered)
    assert answered.refused is not None
    assert (answered.refused.code, answered.refused.details) == ("crashed", {"trace_id": "x"})
    assert core.model == []
    assert core.get(f.Acknowledge(T, 1, [ref], False)) == []


def test_a_message_to_a_target_that_it_does_not_follow_is_answered_and_does_not_make_it_follow() -> None:
    core = live()
    ref = core.dispatch("topic:u", 5)
    (answered,) = core.get(f.Rejected(ref, "topic:u", "not_subscribed", "subscribe first", None))
    assert answered.refused is not None
    core.lose()
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == [f.Resync({T: ("e", 0)})]


def test_a_message_is_answered_although_its_target_is_no_longer_followed() -> None:
    core = live()
    ref = core.dispatch(T, 5)
    core.unsubscribe(T)
    assert core.get(f.Acknowledge(T, 1, [ref], False)) == [Answered(ref, 1, None)]


def test_after_a_loss_what_was_on_its_way_has_an_unknown_outcome() -> None:
    core = live()
    refs = [core.dispatch(T, 5), core.dispatch("topic:u", 6)]
    events = core.lose()
    assert [(event.ref, event.refused.code) for event in events] == [(ref, "unknown_outcome") for ref in refs]
    assert core.lose() == []
    assert not core.is_live
    assert core.take() == []


def test_what_is_sent_without_a_connection_waits_and_goes_after_the_resync() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 1))
    core.lose()
    refs = [core.dispatch(T, n) for n in (5, 6)]
    core.open()
    assert [type(frame) for frame in core.take()] == [f.Hello]
    core.get(WELCOME)
    assert core.take() == [
        f.Resync({T: ("e", 1)}),
        *(f.ClientMessage(ref, T, n) for ref, n in zip(refs, (5, 6), strict=True)),
    ]


def test_the_queue_is_bounded() -> None:
    core = Core(T)
    for n in range(QUEUE):
        core.dispatch(T, n)
    with pytest.raises(Refused) as refused:
        core.dispatch(T, 0)
    assert refused.value.code == "busy"
    core.open()
    core.get(WELCOME)
    core.dispatch(T, 0)
    assert len(core.take()) == 1 + 1 + QUEUE + 1


def test_an_unregistered_type_is_refused_before_anything_is_sent() -> None:
    core = live()
    with pytest.raises(UnregisteredType):
        core.dispatch(T, object())
    assert core.take() == []


def test_refs_rise_by_one_over_everything_and_go_on_after_a_loss() -> None:
    core = live()
    assert core.dispatch(T, 1) == 2
    core.unsubscribe(T)
    core.subscribe("topic:u", None)
    assert [frame.ref for frame in core.take()] == [2, 3, 4]
    core.lose()
    assert core.dispatch(T, 1) == 5


# Subscribing.


def test_subscribe_while_live_is_sent_at_once_and_only_once() -> None:
    core = live()
    core.subscribe("topic:u", None)
    core.get(f.Acknowledge("topic:u", 0, [2], False))
    core.subscribe("topic:u", None)
    assert core.take() == [f.Subscribe(2, "topic:u", None, None)]


def test_unsubscribe_forgets_at_once_and_ignores_what_is_still_coming() -> None:
    core = live()
    core.unsubscribe(T)
    assert core.take() == [f.Unsubscribe(2, T)]
    assert core.get(f.ServerMessage(T, 1, 1), f.Snapshot(T, "e", 1, [1], "behind"), f.Push(T, 1)) == []
    assert core.get(f.Acknowledge(T, 1, [2], False)) == []
    assert core.take() == []
    core.unsubscribe(T)
    assert core.take() == []


def test_unsubscribe_and_subscribe_in_a_row_end_subscribed() -> None:
    core = live()
    core.unsubscribe(T)
    core.subscribe(T, Store((), append))
    core.take()
    core.get(f.Acknowledge(T, 0, [2], False), f.Snapshot(T, "e", 0, [], "subscribed"), f.Acknowledge(T, 0, [3], False))
    core.lose()
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == [f.Resync({T: ("e", 0)})]


def test_a_subscribe_that_was_refused_is_tried_again_on_the_next_connection() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    core.take()
    (answered,) = core.get(f.Rejected(1, T, "denied", "no", None))
    assert answered.refused.code == "denied"
    core.lose()
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == [f.Subscribe(2, T, None, None)]


def test_a_resync_that_was_refused_subscribes_on_the_next_connection() -> None:
    core = live()
    core.get(f.ServerMessage(T, 5, 5))
    core.get(f.Rejected(0, T, "denied", "no", None))
    core.lose()
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == [f.Subscribe(2, T, ("e", 0), None)]


def test_a_loss_while_a_resync_is_on_its_way_asks_again() -> None:
    core = live()
    core.get(f.ServerMessage(T, 5, 5))
    core.lose()
    core.open()
    core.get(WELCOME)
    core.take()
    core.get(f.ServerMessage(T, 5, 5))
    assert core.take() == [f.Resync({T: ("e", 0)})]


# A random life.


class ModelServer:
    """A server of one topic that keeps ``history`` messages; ``wire`` is what it has said and nobody has read."""

    def __init__(self, history: int) -> None:
        self.history = history
        self.epoch = 0
        self.messages: list[Any] = []
        self.wire: list[Any] = []
        self.connected = False
        self.subscribed = False

    def hear(self, frame: Any) -> None:
        match frame:
            case f.Hello():
                self.connected, self.subscribed, self.wire = True, False, [WELCOME]
            case f.Subscribe(ref, target, since, _):
                self.catch_up(since)
                self.wire.append(f.Acknowledge(target, len(self.messages), [ref], False))
            case f.Resync(cursors):
                self.catch_up(cursors[T])
            case f.ClientMessage(ref, target, payload):
                if not self.subscribed:
                    self.wire.append(f.Rejected(ref, target, "not_subscribed", "", None))
                elif payload % 7 == 0:
                    self.wire.append(f.Rejected(ref, target, "crashed", "", None))
                else:
                    self.messages.append(payload)
                    self.wire.append(f.Acknowledge(target, len(self.messages), [ref], False))

    def catch_up(self, since: Any) -> None:
        self.subscribed = True
        seq = len(self.messages)
        if since is None or since[0] != str(self.epoch) or not 0 <= seq - since[1] <= self.history:
            self.wire.append(f.Snapshot(T, str(self.epoch), seq, list(self.messages), "behind"))
        else:
            self.wire += [f.ServerMessage(T, at + 1, self.messages[at]) for at in range(since[1], seq)]

    def other(self, payload: int) -> None:
        self.messages.append(payload)
        if self.subscribed:
            self.wire.append(f.ServerMessage(T, len(self.messages), payload))

    def restart(self) -> None:
        self.epoch += 1
        self.messages = []
        self.cut()

    def cut(self) -> None:
        self.connected = self.subscribed = False
        self.wire = []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.integers(1, 50)),
        st.tuples(st.just("other"), st.integers(1, 50)),
        st.tuples(st.just("deliver"), st.integers(1, 5)),
        st.tuples(st.just("send"), st.integers(1, 5)),
        st.tuples(st.just("lose a frame"), st.just(0)),
        st.tuples(st.just("repeat a frame"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("connect"), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(0, 4))
def test_whatever_happens_it_ends_with_the_servers_model_and_every_message_answered_once(
    steps: list[tuple[str, int]], history: int
) -> None:
    core, server = Core(T), ModelServer(history)
    asked: set[int] = set()
    answered: list[int] = []

    def note(events: list[Any]) -> None:
        for event in events:
            if isinstance(event, Answered) and event.ref in asked:
                answered.append(event.ref)
            assert not isinstance(event, Failed)

    def deliver(count: int) -> None:
        for _ in range(min(count, len(server.wire))):
            note(core.get(server.wire.pop(0)))

    def send(count: int) -> None:
        for _ in range(min(count, len(core.outgoing))):
            server.hear(decode(core.outgoing.popleft(), PLAIN))

    def connect() -> None:
        if not server.connected:
            core.open()
            send(1)

    def cut() -> None:
        note(core.lose())

    def is_message(frame: Any) -> bool:
        return isinstance(frame, f.ServerMessage)

    for what, n in steps:
        match what:
            case "mine":
                asked.add(core.dispatch(T, n))
            case "other":
                server.other(n)
            case "deliver":
                deliver(n)
            case "send" if server.connected:
                send(n)
            case "lose a frame" if server.wire and is_message(server.wire[0]):
                server.wire.pop(0)
            case "repeat a frame" if server.wire and is_message(server.wire[0]):
                server.wire.insert(0, server.wire[0])
            case "cut":
                server.cut()
                cut()
            case "restart":
                server.restart()
                cut()
            case "connect":
                connect()
    connect()
    server.other(1)  # so that a gap at the very end shows itself
    while server.wire or core.outgoing:
        deliver(len(server.wire))
        send(len(core.outgoing))
        if not server.wire and not core.outgoing and core.replicas[T].seq < len(server.messages):
            server.other(1)
            assert server.wire, "it does not follow, and nothing would ever tell it"
    assert core.model == server.messages
    assert core.replicas[T].cursor == (str(server.epoch), len(server.messages))
    assert sorted(answered) == sorted(asked)


def test_whoever_has_params_subscribes_again_on_a_new_connection_as_a_resync_carries_none() -> None:
    core = Core()
    core.open()
    core.get(WELCOME)
    core.subscribe(T, Store((), append), {"delivery": "latest"})
    core.get(f.Snapshot(T, "e", 4, ["a"], "subscribed"), f.Acknowledge(T, 4, [1], False))
    core.take()
    core.lose()
    core.open()
    core.get(WELCOME)
    assert core.take()[1:] == [f.Subscribe(2, T, ("e", 4), {"delivery": "latest"})]


def test_other_params_are_asked_for_at_once_and_the_same_ones_are_not() -> None:
    core = live()
    core.subscribe(T, None, {"delivery": "latest"})
    core.subscribe(T, None, {"delivery": "latest"})
    assert [frame.params for frame in core.take()] == [{"delivery": "latest"}]


def test_an_answer_behind_a_snapshot_that_contains_the_message_applies_nothing() -> None:
    core = live()
    ref = core.dispatch(T, "mine")
    events = core.get(f.Snapshot(T, "e", 3, ["a", "mine", "b"], "slow"), f.Acknowledge(T, 2, [ref], False))
    assert events == [Changed(T, None), Answered(ref, 2, None)]
    assert core.model == ["a", "mine", "b"]
    core.take()
    core.get(f.ServerMessage(T, 4, "c"))
    assert core.take() == []
