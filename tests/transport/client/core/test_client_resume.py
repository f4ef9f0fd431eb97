"""A session that resumes: what becomes of the answers, and that nothing is lost, doubled or out of order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.following import PLAIN, RESUMED, WELCOME, Core, ModelServer, T, append

from nuphar import Store
from nuphar.transport import decode
from nuphar.transport import frames as f
from nuphar.transport.client.core.events import Answered, Changed, UpdateFailed
from nuphar.transport.client.core.outgoing import MemoryQueue


def live() -> Core:
    return Core(T).go_live()


def answers(events: list[Any]) -> list[tuple[Any, int]]:
    return [(event.own.message, event.seq) for event in events if isinstance(event, Answered)]


def test_what_the_server_restores_by_itself_is_not_subscribed_again() -> None:
    core = live()
    core.come_back()
    assert core.take() == []
    assert core.is_settled()


def test_a_subscribe_without_an_answer_is_repeated_with_its_ref() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    core.come_back()
    assert core.take() == [f.Subscribe(1, T, None, None)]
    assert not core.is_settled()


def test_an_unsubscribe_while_offline_reaches_the_session_that_resumes() -> None:
    core = live()
    core.lose()
    core.post(T, 5)
    core.unsubscribe(T)
    core.open()
    core.take()
    core.get(RESUMED)
    assert core.take() == [f.ClientMessage(2, T, 5), f.Unsubscribe(3, T)]


def test_an_unsubscribe_while_offline_means_nothing_to_another_session() -> None:
    core = live()
    core.lose()
    core.unsubscribe(T)
    core.open()
    core.take()
    core.get(WELCOME)
    assert core.take() == []


def test_an_unsubscribe_between_hello_and_welcome_reaches_whatever_session_has_come() -> None:
    """Hello's cursors subscribe in a fresh session too."""
    core = live()
    core.lose()
    core.open()
    core.take()
    core.unsubscribe(T)
    core.get(WELCOME)
    assert core.take() == [f.Unsubscribe(2, T)]


def test_what_an_answered_unsubscribe_has_overtaken_is_not_said_again() -> None:
    core = live()
    core.subscribe("topic:u", None)
    core.unsubscribe("topic:u")
    core.get(f.Acknowledge("topic:u", 0, [3], False))
    core.take()
    core.come_back()
    assert core.take() == []


def test_what_came_after_an_answered_subscribe_is_said_again() -> None:
    core = live()
    core.subscribe("topic:u", None)
    core.unsubscribe("topic:u")
    core.get(f.Acknowledge("topic:u", 0, [2], False))
    core.take()
    core.come_back()
    assert core.take() == [f.Unsubscribe(3, "topic:u")]


def test_its_own_store_begins_anew_with_a_fresh_session() -> None:
    core = Core("session")
    core.open()
    core.get(WELCOME, f.Acknowledge("session", 0, [1], False))
    core.post("session", 5)
    core.get(f.Acknowledge("session", 1, [2], False))
    core.come_back(WELCOME._replace(token="t2"))
    assert (core.replicas["session"].seq, list(core.replicas["session"].model)) == (0, [])


def test_unsubscribe_and_subscribe_while_offline_ends_subscribed() -> None:
    core = live()
    core.lose()
    core.unsubscribe(T)
    core.subscribe(T, Store((), append))
    core.open()
    core.take()
    core.get(RESUMED)
    assert core.take() == [f.Subscribe(2, T, None, None)]


def test_a_target_that_the_session_may_not_have_back_is_out_until_the_next_connection() -> None:
    core = live()
    core.come_back()
    core.get(f.Out(T, "denied", "not any more", 0))
    core.come_back(RESUMED._replace(token="t3"))
    assert core.take() == [f.Subscribe(2, T, ("e", 0), None)]


def test_its_own_missed_message_is_confirmed_in_its_place() -> None:
    core = live()
    own = core.post(T, "mine")
    core.come_back()
    events = core.get(f.ServerMessage(T, 1, "a"), f.Acknowledge(T, 2, [own.ref], False), f.ServerMessage(T, 3, "b"))
    assert answers(events) == [("mine", 2)]
    assert core.model == core.confirmed == ["a", "mine", "b"]
    assert core.get(f.Acknowledge(T, 2, [own.ref], False)) == [], "the answer to the repeated one"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_answer_behind_what_is_confirmed_moves_nothing(place: int) -> None:
    core = live()
    own = core.post(T, "mine")
    core.come_back()
    core.get(f.Snapshot(T, "e", 2, ["a", "mine"], "behind"))
    assert core.model == ["a", "mine", "mine"], "nobody can tell yet"
    assert answers(core.get(f.Acknowledge(T, place, [own.ref], False))) == [("mine", place)]
    assert core.model == core.confirmed == ["a", "mine"]
    assert core.take() == [f.ClientMessage(2, T, "mine")]


def test_an_answer_in_front_of_a_snapshot_stays_visible_and_asks_for_nothing() -> None:
    core = live()
    own = core.post(T, "mine")
    core.come_back()
    core.take()
    events = core.get(f.Acknowledge(T, 40, [own.ref], False))
    assert answers(events) == [("mine", 40)]
    assert core.model == ["mine"]
    assert core.take() == []
    core.post(T, "later")
    core.get(f.Snapshot(T, "e", 50, ["a", "mine", "z"], "behind"))
    assert core.model == ["a", "mine", "z", "later"]
    assert core.pending == ["later"]


def test_an_answer_of_two_connections_in_front_of_a_snapshot_stays_visible_and_asks_for_nothing() -> None:
    core = live()
    own = core.post(T, "mine")
    for _ in range(2):  # the Snapshot that belongs to the first one is lost with its connection
        core.come_back()
        core.take()
        core.get(f.Acknowledge(T, 40, [own.ref], False))
    assert core.take() == []
    assert core.model == ["mine"]
    core.get(f.Snapshot(T, "e", 40, ["a", "mine"], "behind"))
    assert core.model == core.confirmed == ["a", "mine"]


def test_an_answer_that_had_no_place_when_it_came_first_asks_for_what_is_missing_only_in_its_turn() -> None:
    core = live()
    own = core.post(T, "mine")
    core.get(f.Acknowledge(T, 0, [own.ref], False))  # it was out, and the server said what became of it
    core.come_back()
    core.take()
    core.get(f.Acknowledge(T, 9, [own.ref], False))
    assert core.take() == [], "a Snapshot follows"
    core.get(f.Acknowledge(T, 1, [own.ref], False))
    assert core.take() == [f.Resync({T: ("e", 0)})], "nobody else says what it was"


def test_a_target_that_has_no_order_any_more_is_what_it_was_before_the_first_snapshot() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, "a"))
    own = core.post(T, "mine")
    core.get(f.Acknowledge(T, 9, [own.ref], False))
    assert core.model == ["a", "mine"], "answered, beyond a gap"
    core.lose()
    core.open()
    core.get(WELCOME)
    [subscribe] = (frame for frame in core.take() if isinstance(frame, f.Subscribe))
    assert subscribe.since == ("e", 1)
    assert core.get(f.Acknowledge(T, 0, [subscribe.ref], False)) == [Changed(T, (), None)]
    assert core.pending == []
    assert core.replicas[T].cursor is None


def test_the_answer_to_a_subscribe_that_was_left_again_says_nothing_of_the_order() -> None:
    core = live()
    core.get(f.ServerMessage(T, 1, "a"))
    core.unsubscribe(T)
    core.subscribe(T, Store((), append))
    core.unsubscribe(T)
    core.subscribe(T, Store((), append))
    core.get(f.Snapshot(T, "e", 1, ["a"], "subscribed"))
    assert core.get(f.Acknowledge(T, 0, [2], False), f.Acknowledge(T, 0, [3], False)) == []
    assert core.model == ["a"]


def test_an_answer_to_a_subscribe_that_is_late_says_nothing_of_what_came_before_it() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME, f.Snapshot(T, "e", 0, [], "subscribed"), f.ServerMessage(T, 1, "a"))
    assert core.get(f.Acknowledge(T, 0, [1], False)) == []
    assert core.model == ["a"]
    core.come_back()
    core.get(f.ServerMessage(T, 2, "b"))
    assert core.model == ["a", "b"]


def test_an_empty_order_that_goes_on_is_gone_on_with() -> None:
    core = live()
    core.lose()
    core.open()
    core.get(WELCOME)
    [subscribe] = (frame for frame in core.take() if isinstance(frame, f.Subscribe))
    assert core.get(f.Acknowledge(T, 0, [subscribe.ref], False)) == []
    assert core.replicas[T].cursor == ("e", 0)


def test_an_answer_beyond_a_gap_is_applied_when_the_gap_is_filled_either_way() -> None:
    for filled_by in (f.ServerMessage(T, 2, "mine"), f.Acknowledge(T, 2, [2], False)):
        core = live()
        own = core.post(T, "mine")
        core.take()
        core.get(f.Acknowledge(T, 2, [own.ref], False))
        assert core.take() == [f.Resync({T: ("e", 0)})]
        assert core.model == ["mine"]
        core.get(f.ServerMessage(T, 1, "a"), filled_by)
        assert core.model == core.confirmed == ["a", "mine"]
        assert core.pending == []


def test_an_unknown_outcome_from_the_server_takes_the_message_back() -> None:
    core = live()
    own = core.post(T, "mine")
    core.come_back()
    answered, changed = core.get(f.Rejected(own.ref, T, "unknown_outcome", "too long ago", None))
    assert isinstance(answered, Answered)
    assert answered.refused is not None
    assert answered.refused.code == "unknown_outcome"
    assert changed == Changed(T, [], None)


# What is shown.


def test_messages_of_others_go_below_what_is_pending() -> None:
    core = live()
    core.post(T, "mine")
    assert core.get(f.ServerMessage(T, 1, "a")) == [Changed(T, ("a", "mine"), "a")]
    assert core.confirmed == ["a"]


def test_a_pending_message_that_raises_on_a_new_base_is_skipped_and_shown_again_when_it_fits() -> None:
    core = live()
    core.post(T, "once")
    core.post(T, "after")
    core.get(f.ServerMessage(T, 1, "once"))
    assert (core.model, core.pending) == (["once", "after"], ["once", "after"])
    core.get(f.Snapshot(T, "e", 2, ["x"], "behind"))
    assert core.model == ["x", "once", "after"]


def test_a_message_whose_update_raises_is_sent_all_the_same() -> None:
    core = live()
    own, events = core.dispatch(T, "crash")
    assert events == []
    assert core.take() == [f.ClientMessage(own.ref, T, "crash")]
    assert (core.model, core.pending) == ([], ["crash"])
    (answered,) = [
        each for each in core.get(f.Rejected(own.ref, T, "crashed", "no", None)) if isinstance(each, Answered)
    ]
    assert answered.refused is not None


def test_a_refused_message_in_the_middle_leaves_the_others() -> None:
    core = live()
    own = [core.post(T, n) for n in (1, 2, 3)]
    core.get(f.Rejected(own[1].ref, T, "crashed", "no", None))
    assert (core.model, core.pending) == ([1, 3], [1, 3])


def test_local_fields_are_kept_over_snapshots_messages_and_stops() -> None:
    store = Store(
        {"lines": (), "draft": ""}, lambda model, line: {**model, "lines": (*model["lines"], line)}, ("draft",)
    )
    core = Core(T, store=store)
    core.open()
    core.get(WELCOME)
    replica = core.replicas[T]
    assert core.set_local(T, {"draft": "hel"}) == [Changed(T, {"lines": (), "draft": "hel"}, None)]
    core.get(f.Snapshot(T, "e", 1, {"lines": ["a"], "draft": "the server's"}, "subscribed"))
    assert replica.model == {"lines": ["a"], "draft": "hel"}
    core.post(T, "b")
    core.get(f.ServerMessage(T, 2, "c"))
    assert replica.model == {"lines": ("a", "c", "b"), "draft": "hel"}
    core.get(f.Acknowledge(T, 2, [], True))
    assert replica.confirmed == {"lines": (), "draft": "hel"}


# A random life.

WHAT = ["mine", "other", "deliver", "send", "flow", "lose a frame", "repeat a frame", "cut", "connect"]
RARE = ["new epoch", "end the session", "unsubscribe", "lose Welcome"]
STEPS = st.lists(st.tuples(st.sampled_from([*WHAT, *WHAT, *RARE]), st.integers(1, 20)), min_size=5, max_size=60)


@settings(max_examples=500)
@given(STEPS, st.integers(0, 8))
def test_whatever_happens_the_model_is_confirmed_and_pending_and_ends_as_the_servers(
    steps: list[tuple[str, int]], history: int
) -> None:
    core, server = Core(T, queue=MemoryQueue()), ModelServer(history)
    asked: list[int] = []
    outcomes: dict[int, str] = {}

    def note(events: list[Any]) -> None:
        for event in events:
            assert not isinstance(event, UpdateFailed)
            if isinstance(event, Answered):
                assert event.own.number not in outcomes, "answered twice"
                outcomes[event.own.number] = event.refused.code if event.refused else "applied"
        look()

    def look() -> None:
        if T in core.replicas:
            replica = core.replicas[T]
            assert [own.number for own in replica.pending] == sorted(own.number for own in replica.pending)
            assert core.model == [*replica.confirmed, *(own.message for own in replica.pending)]
            assert all(not own.place or own.place > replica.seq for own in replica.pending)
            if replica.epoch == str(server.epoch):
                assert core.confirmed == [payload for _, payload in server.messages[: replica.seq]]

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
        server.cut()
        core.lose()

    def flow() -> None:
        for _ in range(4):
            send(len(core.outgoing))
            deliver(len(server.wire))

    connect()
    flow()
    unique = 0
    for what, n in steps:
        match what:
            case "mine":
                unique += 1
                own = core.post(T, unique * 100 + n)
                asked.append(own.number)
                look()
            case "other":
                unique += 1
                server.other(unique * 100 + n)
            case "deliver":
                deliver(n)
            case "send" if server.connected:
                send(n)
            case "flow" if server.connected:
                flow()
            case "lose a frame" if server.wire and isinstance(server.wire[0], f.ServerMessage):
                server.wire.pop(0)
            case "repeat a frame" if server.wire and isinstance(server.wire[0], f.ServerMessage):
                server.wire.insert(0, server.wire[0])
            case "cut":
                cut()
            case "lose Welcome" if not server.connected:
                connect()
                cut()
            case "new epoch":
                server.new_epoch()
                core.lose()
            case "end the session":
                cut()
                server.end_session()
            case "unsubscribe":
                core.unsubscribe(T)
                core.subscribe(T, Store((), append))
                look()
            case "connect":
                connect()
                deliver(n % 3)
    connect()
    server.other(1)  # so that a gap at the very end shows itself
    for _ in range(200):
        if not server.wire and not core.outgoing:
            if core.replicas[T].seq == len(server.messages):
                break
            server.other(1)
            assert server.wire, "it does not follow, and nothing would ever tell it"
        deliver(len(server.wire))
        send(len(core.outgoing))
    assert core.model == core.confirmed == [payload for _, payload in server.messages]
    assert core.replicas[T].cursor == (str(server.epoch), len(server.messages))
    assert sorted(outcomes) == asked
    assert len(server.executed) == len(set(server.executed)), "applied twice"
    applied = sum(outcome == "applied" for outcome in outcomes.values())
    unknown = sum(outcome == "unknown_outcome" for outcome in outcomes.values())
    assert applied <= len(server.executed) <= applied + unknown
