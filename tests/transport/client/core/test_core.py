"""The client's core: frames in, frames and events out."""

from __future__ import annotations

from typing import Any

import pytest
from support.following import RESUMED, WELCOME, Core, T, append

from nuphar import Refused, RemoteProtocolError, Store, UnregisteredType
from nuphar.transport import frames as f
from nuphar.transport.client.core.events import Answered, Changed, Ending, Pushed, UpdateFailed, Welcomed
from nuphar.transport.client.core.outgoing import IN_FLIGHT, MemoryQueue
from nuphar.transport.client.core.target_states import target_state


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
    own = core.post(T, 1)
    core.open()
    core.take()
    assert core.get(WELCOME) == [Welcomed("c" * 32, False)]
    assert core.take() == [f.Subscribe(1, T, None, None), f.ClientMessage(2, T, 1)]
    assert own.ref == 2
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
    assert core.get(f.ServerMessage(T, 1, 5)) == [Changed(T, (5,), 5)]


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
    assert core.get(f.ServerMessage(T, 1, 5), f.ServerMessage(T, 2, 6)) == [
        Changed(T, (5,), 5),
        Changed(T, (5, 6), 6),
    ]
    assert (core.model, core.replicas[T].seq) == ([5, 6], 2)


def test_its_own_message_is_shown_at_once_and_confirmed_when_it_is_acknowledged() -> None:
    core = live()
    own, events = core.dispatch(T, 5)
    assert events == [Changed(T, (5,), 5)]
    assert (core.model, core.confirmed, core.pending) == ([5], [], [5])
    assert core.get(f.Acknowledge(T, 1, [own.ref], False)) == [Answered(own, 1, None)]
    assert (core.model, core.confirmed, core.pending) == ([5], [5], [])


def test_an_acknowledge_with_k_refs_stands_for_the_k_seqs_that_end_at_its_seq() -> None:
    core = live()
    own = [core.post(T, n) for n in (10, 11, 12)]
    core.get(f.ServerMessage(T, 1, "other"))
    events = core.get(f.Acknowledge(T, 4, [each.ref for each in own], False))
    assert [event for event in events if isinstance(event, Answered)] == [
        Answered(each, seq, None) for each, seq in zip(own, (2, 3, 4), strict=True)
    ]
    assert core.model == ["other", 10, 11, 12]


def test_duplicates_are_ignored() -> None:
    core = live()
    own = core.post(T, 5)
    core.get(f.Acknowledge(T, 1, [own.ref], False))
    core.take()
    for frame in (f.Acknowledge(T, 1, [own.ref], False), f.ServerMessage(T, 1, 5), f.ServerMessage(T, 1, 6)):
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
    own = core.post(T, 5)
    core.take()
    assert core.get(f.Acknowledge(T, 3, [own.ref], False)) == [Answered(own, 3, None)]
    assert core.take() == [f.Resync({T: ("e", 0)})]
    assert core.model == [5]
    core.get(f.Snapshot(T, "e", 3, [1, 2, 5], "behind"))
    assert (core.model, core.pending) == ([1, 2, 5], [])


def test_a_snapshot_replaces_model_seq_and_epoch() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 1))
    assert core.get(f.Snapshot(T, "new", 40, ["x"], "restarted")) == [Changed(T, ["x"], None)]
    assert (core.model, core.replicas[T].cursor) == (["x"], ("new", 40))
    core.get(f.ServerMessage(T, 41, "y"))
    assert core.model == ["x", "y"]


def test_messages_before_any_snapshot_ask_for_one() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    core.get(f.Acknowledge(T, 0, [1], False))
    core.take()
    core.get(f.ServerMessage(T, 7, 1))
    assert core.take() == [f.Resync({T: None})]


def test_messages_before_the_answer_to_a_subscribe_are_of_a_subscription_before() -> None:
    core = live()
    core.unsubscribe(T)
    core.subscribe(T, Store((), append))
    core.take()
    assert core.get(f.ServerMessage(T, 1, 8)) == []
    assert core.take() == []
    assert core.replicas[T].cursor is None


def test_final_resets_the_slice_and_a_reconnect_subscribes_anew() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, 5))
    assert core.get(f.Acknowledge(T, 1, [], True)) == [Changed(T, (), None)]
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
    assert isinstance(failed, UpdateFailed)
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
    own = core.post(T, "hi")
    assert core.get(f.Acknowledge(T, 0, [own.ref], False)) == [Answered(own, 0, None)]


def test_a_target_without_a_store_tells_messages_and_keeps_the_seq() -> None:
    core = Core()
    core.subscribe(T, None)
    core.open()
    core.get(WELCOME, f.Snapshot(T, "e", 3, ["x"], "subscribed"), f.Acknowledge(T, 3, [1], False))
    assert core.get(f.ServerMessage(T, 4, "y")) == [Changed(T, ["x"], "y")]
    assert core.replicas[T].cursor == ("e", 4)


# Answers.


def test_a_refused_message_is_answered_and_taken_back() -> None:
    core = live()
    own = core.post(T, 5)
    answered, changed = core.get(f.Rejected(own.ref, T, "crashed", "no", {"trace_id": "x"}))
    assert changed == Changed(T, [], None)
    assert isinstance(answered, Answered)
    assert answered.refused is not None
    assert (answered.refused.code, answered.refused.details) == ("crashed", {"trace_id": "x"})
    assert core.model == []
    assert core.get(f.Acknowledge(T, 1, [own.ref], False)) == []


def test_a_message_to_a_target_that_it_does_not_follow_is_answered_and_does_not_make_it_follow() -> None:
    core = live()
    own = core.post("topic:u", 5)
    (answered,) = core.get(f.Rejected(own.ref, "topic:u", "not_subscribed", "subscribe first", None))
    assert answered.refused is not None
    core.lose()
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == [f.Subscribe(3, T, ("e", 0), None)]


def test_a_message_is_answered_although_its_target_is_no_longer_followed() -> None:
    core = live()
    own = core.post(T, 5)
    core.unsubscribe(T)
    assert core.get(f.Acknowledge(T, 1, [own.ref], False)) == [Answered(own, 1, None)]


def test_a_resumed_session_hears_again_what_was_not_answered_under_the_same_refs_and_then_what_waited() -> None:
    core = live()
    own = [core.post(T, 5), core.post("topic:u", 6)]
    core.subscribe("topic:v", None)
    core.lose()
    later = core.post(T, 7)
    core.open()
    assert core.take()[-1] == f.Hello(1, "s", "t", {T: ("e", 0)}, {})
    assert core.get(RESUMED) == [Welcomed("c" * 32, True)]
    assert core.take() == [
        f.ClientMessage(own[0].ref, T, 5),
        f.ClientMessage(own[1].ref, "topic:u", 6),
        f.Subscribe(4, "topic:v", None, None),
        f.ClientMessage(5, T, 7),
    ]
    assert later.ref == 5
    core.lose()
    core.open()
    assert core.take() == [f.Hello(1, "s", "t2", {T: ("e", 0)}, {})]


def test_in_another_session_what_had_been_sent_has_an_unknown_outcome_and_the_rest_gets_new_refs() -> None:
    core = live()
    sent = [core.post(T, 5), core.post("topic:u", 6)]
    core.lose()
    waiting = core.post(T, 7)
    assert core.model == [5, 7]
    core.open()
    core.take()
    events = core.get(WELCOME._replace(session="another"))
    answered = [event for event in events if isinstance(event, Answered)]
    assert [(event.own, event.refused.code) for event in answered if event.refused] == [
        (own, "unknown_outcome") for own in sent
    ]
    assert core.take() == [f.Subscribe(4, T, ("e", 0), None), f.ClientMessage(5, T, 7)]
    assert (core.pending, waiting.ref) == ([7], 5)


def test_a_loss_alone_answers_nothing_and_takes_nothing_back() -> None:
    core = live()
    core.post(T, 5)
    core.lose()
    assert not core.is_live
    assert (core.model, core.pending) == ([5], [5])
    assert core.take() == []


def test_the_queue_is_bounded_in_messages() -> None:
    core = Core(T)
    for n in range(8):
        core.post(T, n)
    with pytest.raises(Refused) as refused:
        core.dispatch(T, 0)
    assert refused.value.code == "busy"
    assert core.pending == list(range(8))
    core.go_live()
    with pytest.raises(Refused):
        core.dispatch(T, 0)
    core.get(f.Acknowledge(T, 1, [2], False))
    assert core.post(T, 8).ref == 10


def test_the_queue_is_bounded_in_bytes() -> None:
    core = Core(T)
    core.post(T, "x" * 900)
    with pytest.raises(Refused, match="bytes"):
        core.dispatch(T, "x" * 100)
    core.post(T, "x" * 10)


def test_a_message_that_the_server_would_not_take_is_refused_here_and_not_repeated_for_ever() -> None:
    core = Core(T)
    early = core.post(T, "x" * 100)
    core.open()
    events = core.get(WELCOME._replace(limits={"message": 80}))
    assert [event.refused.code for event in events if isinstance(event, Answered)] == ["too_large"]
    assert [frame for frame in core.take() if isinstance(frame, f.ClientMessage)] == []
    with pytest.raises(Refused, match="too_large"):
        core.dispatch(T, early.message)
    assert core.pending == []


def test_no_more_refs_are_in_flight_than_the_server_remembers() -> None:
    core = Core(T, queue=MemoryQueue()).go_live()
    for n in range(2_000):
        core.post(T, n)
    first = [frame.ref for frame in core.take()]
    assert first == list(range(2, 2 + IN_FLIGHT))
    core.get(f.Acknowledge(T, 1, [2], False))
    assert core.take() == [], "one is not worth a write to the queue"
    core.get(f.Acknowledge(T, IN_FLIGHT, first[1:], False))
    assert [frame.ref for frame in core.take()] == list(range(2 + IN_FLIGHT, 2 + 2 * IN_FLIGHT))


def test_an_unregistered_type_is_refused_before_anything_is_sent() -> None:
    core = live()
    with pytest.raises(UnregisteredType):
        core.dispatch(T, object())
    assert core.take() == []


def test_refs_rise_by_one_over_everything_and_go_on_after_a_loss() -> None:
    core = live()
    assert core.post(T, 1).ref == 2
    core.unsubscribe(T)
    core.subscribe("topic:u", None)
    assert [frame.ref for frame in core.take()] == [2, 3, 4]
    core.lose()
    assert core.post(T, 1).ref == 0, "it gets one when it is sent"
    core.come_back()
    assert [frame.ref for frame in core.take()] == [2, 3, 4, 5]


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
    assert core.take() == [f.Subscribe(4, T, ("e", 0), None)]


def test_a_target_that_is_followed_anew_while_its_subscribe_is_on_its_way_is_asked_for_again() -> None:
    """The Subscribe on its way was for a replica before, and said how far that one got."""
    core = live()
    core.lose()
    core.open()
    core.get(WELCOME)
    assert core.take()[1:] == [f.Subscribe(2, T, ("e", 0), None)]
    core.requests._bounds = core.requests._bounds._replace(in_flight=1)
    core.unsubscribe(T)  # waits
    core.subscribe(T, Store((), append))
    assert core.take() == [f.Subscribe(3, T, None, None)]


def test_a_message_of_its_own_that_is_answered_before_the_snapshot_waits_for_it() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    own = core.post(T, 5)
    core.take()
    assert core.get(f.Acknowledge(T, 1, [own.ref], False)) == [Answered(own, 1, None)]
    assert (core.confirmed, core.model, core.take()) == ([], [5], [])
    core.get(f.Snapshot(T, "e", 3, [5, 6, 7], "subscribed"))
    assert (core.model, core.pending) == ([5, 6, 7], [])


def test_a_message_that_was_answered_before_the_snapshot_is_gone_with_its_order() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    answered, waiting = core.post(T, 5), core.post(T, 6)
    core.get(f.Acknowledge(T, 1, [answered.ref], False), f.Acknowledge(T, 1, [], True))
    assert core.pending == [waiting.message]


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
    core.get(f.Out(T, "denied", "no", 0))
    core.lose()
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == [f.Subscribe(2, T, ("e", 0), None)]


def test_out_puts_it_out_and_says_why_once() -> None:
    core = live()
    [denied] = core.get(f.Out(T, "denied", "not any more", 1))
    assert (denied.target, denied.refused.code) == (T, "denied")
    assert not core.replicas[T].is_subscribed
    assert core.replicas[T].refused is denied.refused
    assert core.get(f.Out(T, "denied", "again", 1)) == []


@pytest.mark.parametrize(("join", "is_out"), [(0, False), (1, False), (2, True)])
def test_an_out_that_is_older_than_the_newest_subscribe_says_nothing(join: int, is_out: bool) -> None:
    core = live()
    core.subscribe(T, Store((), append), {"delivery": "latest"})
    assert core.take() == [f.Subscribe(2, T, ("e", 0), {"delivery": "latest"})]
    assert bool(core.get(f.Out(T, "denied", "not any more", join))) is is_out
    assert (core.replicas[T].refused is not None) is is_out
    assert core.is_settled() is is_out
    assert not core.replicas[T].is_subscribed  # the answer to the Subscribe, if it is still to come, says more
    core.get(f.Acknowledge(T, 0, [2], False))
    assert core.replicas[T].is_subscribed is not is_out


def test_a_rejected_behind_an_out_that_a_later_subscribe_had_made_void_leaves_it_out() -> None:
    core = live()
    core.subscribe(T, Store((), append), {"delivery": "latest"})
    assert core.get(f.Out(T, "denied", "not any more", 1)) == []
    [denied] = core.get(f.Rejected(2, T, "denied", "no", None))
    assert denied.refused.text == "no"
    assert core.replicas[T].refused is denied.refused
    assert not core.replicas[T].is_subscribed


def test_a_rejected_without_a_ref_puts_it_out_of_nothing() -> None:
    core = live()
    [denied] = core.get(f.Rejected(0, T, "malformed", "what?", None))
    assert denied.target is None
    assert core.replicas[T].is_subscribed


@pytest.mark.parametrize("code", ["busy", "crashed", "malformed", "denied"])
def test_a_rejected_of_a_second_subscribe_is_told_and_changes_nothing(code: str) -> None:
    core = live()
    core.subscribe(T, None, {"delivery": "latest"})
    core.take()
    [denied] = core.get(f.Rejected(2, T, code, "not now", None))
    assert (denied.target, denied.refused.code) == (T, code)
    assert core.replicas[T].is_subscribed
    assert core.replicas[T].refused is None
    assert core.is_settled()
    core.get(f.ServerMessage(T, 1, "a"))
    assert core.replicas[T].model == ("a",)


def test_an_out_behind_a_rejected_subscribe_puts_it_out() -> None:
    core = live()
    core.subscribe(T, None, {"delivery": "latest"})
    core.take()
    core.get(f.Rejected(2, T, "denied", "no", None))
    [denied] = core.get(f.Out(T, "denied", "not any more", 1))
    assert denied.refused.text == "not any more"
    assert not core.replicas[T].is_subscribed


def test_an_out_of_what_it_follows_no_more_says_nothing() -> None:
    core = live()
    core.unsubscribe(T)
    assert core.get(f.Out(T, "denied", "not any more", 1)) == []


def test_a_loss_while_a_resync_is_on_its_way_asks_again() -> None:
    core = live()
    core.get(f.ServerMessage(T, 5, 5))
    core.lose()
    core.open()
    core.get(WELCOME)
    core.take()
    core.get(f.ServerMessage(T, 5, 5))
    assert core.take() == [f.Resync({T: ("e", 0)})]


def test_whoever_has_params_sends_them_whenever_it_subscribes_anew() -> None:
    core = Core()
    core.open()
    core.get(WELCOME)
    core.subscribe(T, Store((), append), {"delivery": "latest"})
    core.get(f.Snapshot(T, "e", 4, ["a"], "subscribed"), f.Acknowledge(T, 4, [1], False))
    core.take()
    core.lose()
    core.open()
    core.get(WELCOME)
    subscribes = [frame for frame in core.take() if isinstance(frame, f.Subscribe)]
    assert [(each.since, each.params) for each in subscribes] == [(("e", 4), {"delivery": "latest"})]


def test_other_params_are_asked_for_at_once_and_the_same_ones_are_not() -> None:
    core = live()
    core.subscribe(T, None, {"delivery": "latest"})
    core.subscribe(T, None, {"delivery": "latest"})
    assert [frame.params for frame in core.take()] == [{"delivery": "latest"}]


def test_an_answer_behind_a_snapshot_that_contains_the_message_applies_nothing() -> None:
    core = live()
    own = core.post(T, "mine")
    core.take()
    core.get(f.Snapshot(T, "e", 3, ["a", "mine", "b"], "slow"), f.Acknowledge(T, 2, [own.ref], False))
    assert core.replicas[T].confirmed == ["a", "mine", "b"]
    assert core.replicas[T].pending == []
    core.get(f.ServerMessage(T, 4, "c"))
    assert core.take() == []


def test_how_it_stands_with_a_target_is_what_the_server_said_last() -> None:
    core = Core(T)
    stands = lambda: str(target_state(core.replicas[T].is_subscribed, core.replicas[T].refused))  # noqa: E731
    assert stands() == "waiting"
    core.open()
    core.get(WELCOME)
    assert core.get(f.Rejected(1, T, "denied", "members only", None))[0].refused.code == "denied"
    assert stands() == "out (denied: members only)"
    core.subscribe(T, None)
    assert stands() == "waiting"
    core.get(f.Acknowledge(T, 0, [2], False))
    assert stands() == "following"
    core.get(f.Acknowledge(T, 0, [], True))
    assert stands() == "waiting"  # it has stopped; the next connection asks again
