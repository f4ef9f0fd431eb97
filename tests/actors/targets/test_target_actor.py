"""A topic's actor that is killed, crashes and comes back: nobody loses anything and nothing is applied twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.scripted import ScriptedClient, settle

from nuphar import Server, Store
from nuphar.actors import Ref
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Rejected,
    ServerMessage,
    Snapshot,
    Subscribe,
    Unsubscribe,
)

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]
T = "topic:t"


def append(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    return (*model, message)


class Fragile:
    """A store's update that crashes its actor: with an error that is no Exception, on chosen calls."""

    def __init__(self, *fatal: Any, times: int = 1_000) -> None:
        self.fatal, self.times = fatal, times
        self.calls: list[Any] = []

    def __call__(self, model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
        self.calls.append(message)
        if message in self.fatal and self.calls.count(message) <= self.times:
            raise gevent.Timeout
        return (*model, message)


def actor_of(server: Server, name: str = T) -> Ref[Any]:
    """Return the living actor of a target, waiting for one that is being restarted."""
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    for _ in range(1_000):
        ref = server.lifecycle.root.registry.whereis(name)
        if ref is not None:
            return ref
        gevent.sleep(0)
    raise AssertionError(f"{name} is not running")


def join(client: ScriptedClient, target: str = T) -> Snapshot:
    client.send(Subscribe(1, target, None, None))
    snapshot = client.take()[0]
    assert isinstance(snapshot, Snapshot)
    return snapshot


@pytest.fixture
def quiet() -> Iterator[None]:
    """Many crashes are wanted here: they are not shown."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_after_a_kill_everything_goes_on_in_the_same_epoch(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(Store((), append))
    a, b = client(), client()
    before = join(a)
    join(b)
    topic.dispatch("before")
    settle(server)
    first = actor_of(server)
    first.kill()
    first.wait_down(LIMIT)
    topic.dispatch("after")
    assert actor_of(server) is not first
    assert a.take() == b.take() == [ServerMessage(T, 1, "before"), ServerMessage(T, 2, "after")]
    assert join(client()).epoch == before.epoch
    assert topic.snapshot == (("before", "after"), 2)


def test_messages_that_wait_survive_a_kill(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(Store((), append))
    known = client()
    join(known)
    actor_of(server).kill()
    known.send(*(ClientMessage(ref, T, ref) for ref in range(2, 12)))
    frames = known.take()
    assert [ref for frame in frames for ref in frame.refs] == list(range(2, 12))  # type: ignore[union-attr]
    assert topic.model == tuple(range(2, 12))


def test_a_message_in_hand_survives_a_kill_and_is_applied_once(server: Server, client: Connect) -> None:
    entered, calls = gevent.event.Event(), []

    def slow(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
        calls.append(message)
        if len(calls) == 1:
            entered.set()
            gevent.sleep(LIMIT)
        return (*model, message)

    topic = server.topic("t").with_store(Store((), slow))
    a, b = client(), client()
    join(a)
    join(b)
    a.send(ClientMessage(2, T, "in hand"), ClientMessage(3, T, "behind"))
    assert entered.wait(LIMIT)
    actor_of(server).kill()
    frames = a.take()
    assert [ref for frame in frames for ref in frame.refs] == [2, 3]  # type: ignore[union-attr]
    assert b.take() == [ServerMessage(T, 1, "in hand"), ServerMessage(T, 2, "behind")]
    assert topic.model == ("in hand", "behind")


def test_a_crash_after_a_message_was_applied_does_not_apply_it_again(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The hook of a session message runs after it was applied; what it raises may end the actor."""
    raised = []

    @server.on_message
    def fatal(message: Any, model: Any, client_id: str) -> None:
        if not raised:
            raised.append(message)
            raise GeneratorExit

    known = client()
    known.send(ClientMessage(1, "session", "a"), ClientMessage(2, "session", "b"))
    frames = known.take()
    assert [ref for frame in frames for ref in frame.refs] == [1, 2]  # type: ignore[union-attr]
    assert frames[-1].seq == 2  # type: ignore[union-attr]


def test_what_crashes_the_actor_once_is_applied_by_its_successor(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    update = Fragile("bad", times=1)
    topic = server.topic("t").with_store(Store((), update))
    known = client()
    join(known)
    known.send(ClientMessage(2, T, "bad"), ClientMessage(3, T, "good"))
    frames = known.take()
    assert [ref for frame in frames for ref in frame.refs] == [2, 3]  # type: ignore[union-attr]
    assert topic.model == ("bad", "good")


def test_what_crashes_the_actor_twice_is_set_aside_and_its_author_told(
    make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()
    update = Fragile("poison")
    topic = server.topic("t").with_store(Store((), update))
    a, b = ScriptedClient(server), ScriptedClient(server)
    join(a)
    join(b)
    over = gevent.event.Event()
    server.topic("u").with_store(Store((), append))
    a.send(ClientMessage(2, T, "poison"), ClientMessage(3, T, "behind"))
    # The second restart waits a little: the model is asked for when it is over.
    assert topic.model == ("behind",)
    assert not over.is_set()
    rejected, acknowledge = a.take()
    assert isinstance(rejected, Rejected)
    assert rejected[:3] == (2, T, "crashed")
    assert acknowledge == Acknowledge(T, 1, [3], False)
    assert b.take() == [ServerMessage(T, 1, "behind")]
    assert update.calls.count("poison") == 2
    assert "was set aside" in caplog.text


def test_a_topic_that_crashes_takes_no_other_down(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.topic("t").with_store(Store((), Fragile("poison", times=1)))
    other = server.topic("other").with_store(Store((), append))
    settle(server)
    bystander = actor_of(server, "topic:other")
    known = client()
    join(known)
    join(known, "topic:other")
    known.send(ClientMessage(2, T, "poison"), ClientMessage(3, "topic:other", 1))
    assert len(known.take()) == 2
    assert actor_of(server, "topic:other") is bystander
    assert other.seq == 1


def test_a_subscriber_of_a_topic_that_stops_slowly_may_join_its_successor(server: Server, client: Connect) -> None:
    gate, entered = gevent.event.Event(), gevent.event.Event()

    def slow(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
        if message == "slow":
            entered.set()
            gate.wait(LIMIT)
        return (*model, message)

    rooms = server.topic_kind("room:", store=Store((), slow))
    room = rooms.topic("a")
    known = client()
    join(known, "topic:room:a")
    room.dispatch("slow", wait=False)
    assert entered.wait(LIMIT)
    greenlet = gevent.spawn(room.stop)
    gevent.sleep(0)  # its Stop waits behind the slow message
    known.send(Subscribe(2, "topic:room:a", None, None))
    with gevent.Timeout(LIMIT):
        while not len(server.openings):
            gevent.sleep(0)
    gate.set()
    greenlet.get(timeout=LIMIT)
    assert rooms.topic("a") is not room
    slow_one, final, snapshot, joined = known.take()
    assert slow_one == ServerMessage("topic:room:a", 1, "slow")
    assert final == Acknowledge("topic:room:a", 1, [], True), "the goodbye of the one before comes first"
    assert isinstance(snapshot, Snapshot)
    assert joined == Acknowledge("topic:room:a", 0, [2], False)
    known.send(ClientMessage(3, "topic:room:a", "hi"))
    assert known.take() == [Acknowledge("topic:room:a", 1, [3], False)]


def test_what_leaves_while_its_actor_is_down_is_gone_afterwards(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(Store((), append))
    known = client()
    join(known)
    actor_of(server).kill()
    known.send(Unsubscribe(2, T))
    assert known.take() == [Acknowledge(T, 0, [2], False)]
    topic.dispatch(1)
    assert known.take() == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("post"), st.integers(0, 2)),
            st.tuples(st.just("dispatch"), st.just(0)),
            st.tuples(st.just("kill"), st.just(0)),
            st.tuples(st.just("turn"), st.integers(1, 3)),
        ),
        min_size=5,
        max_size=40,
    )
)
def test_kills_at_any_moment_leave_no_gap_and_no_duplicate(quiet: None, steps: list[tuple[str, int]]) -> None:
    with Server() as server:
        topic = server.topic("t").with_store(Store((), append))
        clients = [ScriptedClient(server) for _ in range(3)]
        for client in clients:
            join(client)
        expected: list[int] = []
        kills = 0
        for step, n in steps:
            if step == "post":
                expected.append(len(expected))
                clients[n].send(ClientMessage(1000 + len(expected), T, expected[-1]))
            elif step == "dispatch":
                expected.append(len(expected))
                topic.dispatch(expected[-1])
            elif step == "kill" and kills == 0:
                kills += 1  # the next restart would come with a delay
                actor_of(server).kill()
            else:
                for _ in range(n):
                    gevent.sleep(0)
        assert topic.snapshot == (tuple(expected), len(expected))
        for client in clients:
            seq = 0
            for frame in client.take():
                if isinstance(frame, ServerMessage):
                    assert frame.payload == expected[frame.seq - 1]
                    assert frame.seq == seq + 1
                    seq = frame.seq
                else:
                    assert isinstance(frame, Acknowledge)
                    assert frame.seq - len(frame.refs) == seq
                    seq = frame.seq
            assert seq == len(expected)
