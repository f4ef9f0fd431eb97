"""The router, through a server: requests that cross each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.kept import Kept
from support.scripted import ScriptedClient, settle

from nuphar import Refused, Server, Store
from nuphar.actors.sessions.takeover import resync
from nuphar.transport import decode
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Rejected,
    Resync,
    ServerMessage,
    Snapshot,
    Subscribe,
    Unsubscribe,
)

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]
T = "topic:t"


def add(model: int, message: int) -> int:
    return model + message


@pytest.fixture
def gate() -> gevent.event.Event:
    return gevent.event.Event()


def answers(client: ScriptedClient) -> list[tuple[str, int]]:
    """Return what every ref was answered with, in order."""
    found: list[tuple[str, int]] = []
    for frame in client.take():
        if isinstance(frame, Acknowledge):
            found += [("ok", ref) for ref in frame.refs]
        elif isinstance(frame, Rejected):
            found.append((frame.code, frame.ref))
    return found


def test_a_client_that_disconnects_while_it_is_asked_about_joins_nothing(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None))
    settle(server)
    server.disconnect(known.id)
    settle(server)
    gate.set()
    assert known.take() == []
    assert topic.subscribers == []


def test_an_unsubscribe_that_overtakes_its_subscribe_is_answered_after_it(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    leaves: list[str] = []
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    topic.on_leave(leaves.append)
    known = client()
    known.send(Subscribe(1, T, None, None), ClientMessage(2, T, 5), Unsubscribe(3, T), ClientMessage(4, T, 6))
    assert answers(known) == []
    gate.set()
    assert sorted(answers(known)) == [("not_subscribed", 4), ("ok", 1), ("ok", 2), ("ok", 3)]
    assert topic.subscribers == []
    assert topic.model == 5
    assert leaves == [known.id]


def test_held_messages_are_refused_with_their_subscribe(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT) and False)
    known = client()
    known.send(Subscribe(1, T, None, None), ClientMessage(2, T, 5), Unsubscribe(3, T))
    settle(server)
    gate.set()
    assert sorted(answers(known)) == [("denied", 1), ("not_subscribed", 2), ("ok", 3)]
    assert topic.seq == 0


def test_a_second_subscribe_while_the_first_is_considered_is_answered_too(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    joins: list[str] = []
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    topic.on_join(joins.append)
    known = client()
    known.send(Subscribe(1, T, None, None), Subscribe(2, T, None, None), ClientMessage(3, T, 5))
    settle(server)
    gate.set()
    assert sorted(answers(known)) == [("ok", 1), ("ok", 2), ("ok", 3)]
    assert joins == [known.id]
    assert topic.subscribers == [known.id]


def test_a_topic_that_stops_while_a_client_is_asked_about_is_not_found(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t")
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None))
    settle(server)
    topic.stop()
    gate.set()
    assert answers(known) == [("not_found", 1)]


def test_a_client_that_the_server_unsubscribes_while_it_joins_does_not_stay(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None), ClientMessage(2, T, 5))
    settle(server)
    topic.unsubscribe(known.id)
    settle(server)
    gate.set()
    assert sorted(answers(known)) == [("ok", 1), ("ok", 2)]
    assert topic.subscribers == []


def test_who_is_still_to_name_a_topic_and_is_put_into_it_is_in_already(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    known = client()
    known.send(Subscribe(1, T, None, None))
    [snapshot] = [frame for frame in known.take() if isinstance(frame, Snapshot)]
    older, heard = server.sessions.get(known.id), list[bytes]()
    assert older is not None
    newer = server.sessions.resume(older, BARE, Kept(heard))
    server.sessions.restore(newer, {}, True, more=True)
    topic.can_subscribe(lambda *_: False)
    topic.subscribe(known.id)
    settle(server)
    assert heard == []
    topic.dispatch(5)
    resync(newer, {T: (snapshot.epoch, 0)})
    settle(server)
    assert [decode(frame, server.codec.serialiser) for frame in heard] == [ServerMessage(T, 1, 5)]
    assert topic.subscribers == [known.id]


def test_subscribes_that_an_unsubscribe_overtakes_are_answered_and_leave_nothing(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None), Subscribe(2, T, None, None), Unsubscribe(3, T))
    gate.set()
    assert sorted(answers(known)) == [("ok", 1), ("ok", 2), ("ok", 3)]
    assert topic.subscribers == []
    assert T not in server.sessions.get(known.id).memberships  # type: ignore[union-attr]


def test_a_subscribe_that_is_considered_while_its_client_leaves_does_not_bring_it_back(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    known = client()
    known.send(Subscribe(1, T, None, None))
    settle(server)
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known.send(Subscribe(2, T, None, None), Unsubscribe(3, T))
    settle(server)
    gate.set()
    assert sorted(answers(known)) == [("ok", 1), ("ok", 2), ("ok", 3)]
    assert topic.subscribers == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_leaves_and_comes_again_is_in_whichever_is_decided_first(
    server: Server, client: Connect, order: tuple[int, int]
) -> None:
    gates = [gevent.event.Event(), gevent.event.Event()]
    asked = iter(gates)
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: next(asked).wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None), Unsubscribe(2, T), Subscribe(3, T, None, None), ClientMessage(4, T, 5))
    settle(server)
    for which in order:
        gates[which].set()
        settle(server)
    assert sorted(answers(known)) == [("ok", 1), ("ok", 2), ("ok", 3), ("ok", 4)]
    assert topic.subscribers == [known.id]
    assert topic.model == 5


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(
            ["subscribe", "unsubscribe", "post", "turn", "settle", "allow", "deny", "hush", "kick", "admit"]
        ),
        min_size=3,
        max_size=25,
    ),
    asks=st.booleans(),
    greets=st.booleans(),
)
def test_every_ref_is_answered_once_whatever_crosses_whatever(steps: list[str], asks: bool, greets: bool) -> None:
    with Server() as server:
        topic = server.topic("t").with_store(Store(0, add))
        allowed = [True]
        if asks:

            def may(*_: Any) -> bool:
                gevent.sleep(0)
                return allowed[0]

            topic.can_subscribe(may)
        greetings, partings, is_hushed = list[str](), list[str](), [False]
        if greets:

            def on_join(client_id: str) -> None:
                gevent.sleep(0)
                if is_hushed[0]:
                    raise Refused("hushed", "nobody greets now")
                greetings.append(client_id)

            topic.on_join(on_join)
            topic.on_leave(partings.append)
        client = ScriptedClient(server)
        ref = 0
        for step in steps:
            if step in ("subscribe", "unsubscribe", "post"):
                ref += 1
            match step:
                case "subscribe":
                    client.send(Subscribe(ref, T, None, None))
                case "unsubscribe":
                    client.send(Unsubscribe(ref, T))
                case "post":
                    client.send(ClientMessage(ref, T, 1))
                case "turn":
                    gevent.sleep(0)
                case "settle":
                    settle(server)
                case "allow" | "deny":
                    allowed[0], is_hushed[0] = step == "allow", False
                case "hush":
                    is_hushed[0] = True
                case "kick":
                    topic.unsubscribe(client.id)
                case "admit":
                    topic.subscribe(client.id)
        frames = client.take()
        answered = [each for frame in frames if isinstance(frame, Acknowledge) for each in frame.refs]
        answered += [frame.ref for frame in frames if isinstance(frame, Rejected)]
        assert sorted(answered) == list(range(1, ref + 1))
        # What the session believes is what the topic believes.
        is_member = T in server.sessions.get(client.id).memberships  # type: ignore[union-attr]
        assert topic.subscribers == ([client.id] if is_member else [])
        if greets:
            assert len(greetings) == len(partings) + is_member
        # Who leaves and asks again before the first answer is taken in once more for those that crossed.
        crossed = min(steps.count("subscribe"), steps.count("unsubscribe"))
        wanted = steps.count("subscribe") + steps.count("admit")
        assert sum(isinstance(frame, Snapshot) for frame in frames) <= wanted + crossed


def test_a_subscribe_that_makes_no_sense_changes_nothing(server: Server, client: Connect) -> None:
    leaves: list[str] = []
    topic = server.topic("t").with_store(Store(0, add))
    topic.on_leave(leaves.append)
    known = client()
    known.send(Subscribe(1, T, None, None), ClientMessage(2, T, 5))
    assert answers(known) == [("ok", 1), ("ok", 2)]
    known.send(Subscribe(3, T, None, {"delivery": "nonsense"}), ClientMessage(4, T, 5))
    assert answers(known) == [("malformed", 3), ("ok", 4)]
    topic.dispatch(7)
    assert [type(frame) for frame in known.take()] == [ServerMessage]
    assert topic.model == 17
    assert topic.subscribers == [known.id]
    assert leaves == []


def test_a_right_that_was_withdrawn_puts_out_who_asks_again(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    known = client()
    known.send(Subscribe(1, T, None, None))
    known.take()
    topic.can_subscribe(lambda *_: False)
    known.send(Subscribe(2, T, None, None), ClientMessage(3, T, 5))
    assert ("denied", 2) in answers(known)
    assert topic.subscribers == []


def test_nonsense_beside_a_subscribe_that_is_considered_does_not_end_that(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None), Subscribe(2, T, None, {"delivery": "nonsense"}), ClientMessage(3, T, 5))
    assert answers(known) == [("malformed", 2)]
    gate.set()
    assert sorted(answers(known)) == [("ok", 1), ("ok", 3)]
    assert topic.subscribers == [known.id]


def test_who_unsubscribes_while_it_is_asked_about_after_its_topic_ended_is_not_brought_back(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    gate.set()
    kind = server.topic_kind("t:", store=Store(0, add), can_subscribe=lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, "topic:t:a", None, None))
    known.take()
    gate.clear()
    known.send(Resync({"topic:t:a": None}))
    settle(server)
    kind.topic("a").stop()
    known.send(Unsubscribe(2, "topic:t:a"))
    settle(server)
    gate.set()
    assert ("ok", 2) in answers(known)
    assert kind.topic("a").subscribers == []
    known.send(ClientMessage(3, "topic:t:a", 1))
    assert answers(known) == [("not_subscribed", 3)]


def test_who_is_put_out_while_it_asks_again_and_then_leaves_is_not_brought_back(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    gate.set()
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None))
    known.take()
    gate.clear()
    known.send(Subscribe(2, T, None, None))
    settle(server)
    topic.unsubscribe(known.id)
    settle(server)
    known.send(Unsubscribe(3, T))
    gate.set()
    assert sorted(answers(known)) == [("ok", 2), ("ok", 3)]
    assert topic.subscribers == []


def test_who_is_put_out_while_it_asks_again_is_in_by_what_it_asked(
    server: Server, client: Connect, gate: gevent.event.Event
) -> None:
    gate.set()
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None))
    known.take()
    gate.clear()
    known.send(Subscribe(2, T, None, None))
    settle(server)
    topic.unsubscribe(known.id)
    settle(server)
    known.send(ClientMessage(3, T, 5))
    gate.set()
    assert sorted(answers(known)) == [("ok", 2), ("ok", 3)]
    assert topic.subscribers == [known.id]


def test_whom_the_server_subscribes_after_it_has_left_while_it_joined_is_in(server: Server, client: Connect) -> None:
    gates = [gevent.event.Event(), gevent.event.Event()]
    asked = iter(gates)
    topic = server.topic("t").with_store(Store(0, add))
    topic.can_subscribe(lambda *_: next(asked).wait(LIMIT))
    known = client()
    known.send(Subscribe(1, T, None, None), Unsubscribe(2, T), Subscribe(3, T, None, None))
    settle(server)
    gates[0].set()
    settle(server)
    assert topic.subscribers == []
    topic.subscribe(known.id)
    settle(server)
    assert topic.subscribers == [known.id]
    gates[1].set()
    assert sorted(answers(known)) == [("ok", 1), ("ok", 2), ("ok", 3)]
    assert topic.subscribers == [known.id]
