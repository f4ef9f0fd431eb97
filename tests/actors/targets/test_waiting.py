"""A topic whose log takes its time: nobody hears what is not confirmed, and nothing else goes wrong meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from support.scripted import ScriptedClient, settle

from nuphar import Busy, Server, Store, UsageError
from nuphar.actors import Ref
from nuphar.actors.routing.deserted import is_deserted
from nuphar.actors.targets import appends, target_actor, waiting
from nuphar.actors.targets.messages import Logged
from nuphar.actors.targets.target import Target
from nuphar.testing.logs import Fate, ScriptedLog
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Frame,
    Push,
    Rejected,
    ServerMessage,
    Snapshot,
    Subscribe,
    Unsubscribe,
)

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]
T = "topic:t"


def add(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    return (*model, message)


STORE = Store((), add)


@pytest.fixture
def log() -> ScriptedLog:
    return ScriptedLog(is_held=True)


@pytest.fixture
def topic(server: Server, log: ScriptedLog) -> Any:
    return server.topic("t").with_store(STORE, log=log)


def joined(client: ScriptedClient) -> ScriptedClient:
    client.send(Subscribe(1, T, None, None))
    client.take()
    return client


def actor_of(server: Server) -> Ref[Any]:
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    for _ in range(1_000):
        ref = server.lifecycle.root.registry.whereis(T)
        if ref is not None:
            return ref
        gevent.sleep(0)
    raise AssertionError("it is not running")


def test_nobody_hears_of_a_message_before_its_append_is_confirmed(
    server: Server, client: Connect, log: ScriptedLog, topic: Any
) -> None:
    a, b = joined(client()), joined(client())
    a.send(ClientMessage(2, T, "x"))
    assert a.take() == b.take() == []
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False)]
    assert b.take() == [ServerMessage(T, 1, "x")]


def test_what_comes_meanwhile_is_the_next_batch(server: Server, client: Connect, log: ScriptedLog, topic: Any) -> None:
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(ClientMessage(3, T, "y"), ClientMessage(4, T, "z"))
    assert a.take() == []
    assert log.waiting == 1
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 3, [3, 4], False)]
    assert [record.ref for record in log.records(T)] == [2, 3, 4]


def test_who_joins_meanwhile_gets_a_snapshot_of_what_is_confirmed(
    server: Server, client: Connect, log: ScriptedLog, topic: Any
) -> None:
    a = joined(client())
    log.is_held = True
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    b = client()
    b.send(Subscribe(1, T, None, None))
    assert b.take() == []
    a.send(ClientMessage(3, T, "y"))
    assert b.take() == []
    log.go_on()
    snapshot, answer, message = b.take()
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.state, snapshot.seq) == (("x",), 1)
    assert (answer, message) == (Acknowledge(T, 1, [1], False), ServerMessage(T, 2, "y"))


def test_everything_else_keeps_its_place_as_well(server: Server, client: Connect, log: ScriptedLog, topic: Any) -> None:
    a, b = joined(client()), joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(Unsubscribe(3, T))
    topic.broadcast("push")
    topic.dispatch("own")
    assert a.take() == b.take() == []
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 1, [3], False)]
    assert b.take() == [ServerMessage(T, 1, "x"), Push(T, "push"), ServerMessage(T, 2, "own")]


def test_a_read_waits_for_what_was_dispatched_before(server: Server, log: ScriptedLog, topic: Any) -> None:
    topic.dispatch("x")
    settle(server)
    reading = gevent.spawn(lambda: topic.snapshot)
    settle(server)
    assert not reading.ready()
    log.go_on()
    assert reading.get(timeout=LIMIT) == (("x",), 1)


def test_a_failed_append_is_answered_busy_and_applied_to_nobody(server: Server, client: Connect) -> None:
    log = ScriptedLog([Fate.TAKEN, Fate.FAILED])
    topic = server.topic("t").with_store(STORE, log=log)
    a, b = joined(client()), joined(client())
    for ref in (2, 3, 4):
        a.send(ClientMessage(ref, T, ref))
        settle(server)
    first, refused, last = a.take()
    assert (first, last) == (Acknowledge(T, 1, [2], False), Acknowledge(T, 2, [4], False))
    assert isinstance(refused, Rejected)
    assert (refused.ref, refused.code) == (3, "busy")
    assert b.take() == [ServerMessage(T, 1, 2), ServerMessage(T, 2, 4)]
    assert topic.snapshot == ((2, 4), 2)


@pytest.mark.parametrize(("fate", "expected"), [(Fate.LOST, ("x", "y")), (Fate.DROPPED, ("y",))])
def test_an_unknown_outcome_is_settled_by_looking_it_up(
    server: Server, client: Connect, fate: Fate, expected: tuple[str, ...]
) -> None:
    log = ScriptedLog([fate], deaf=1)
    topic = server.topic("t").with_store(STORE, log=log)
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    with gevent.Timeout(LIMIT):
        while not (answers := a.take()):
            gevent.sleep(0.001)
    assert isinstance(answers[0], Acknowledge if fate is Fate.LOST else Rejected)
    a.send(ClientMessage(3, T, "y"))
    assert isinstance(a.take()[0], Acknowledge)
    assert topic.model == expected


def test_a_log_that_raises_is_asked_what_it_has(server: Server, client: Connect) -> None:
    log = ScriptedLog()
    server.topic("t").with_store(STORE, log=log)
    a = joined(client())

    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    log.append = broken  # type: ignore[method-assign]
    a.send(ClientMessage(2, T, "x"))
    (refused,) = a.take()
    assert isinstance(refused, Rejected)
    assert refused.code == "busy"


@pytest.mark.parametrize("chunk", [1, 2, 5, 256])
def test_everything_is_handled_in_the_order_in_which_it_came(
    server: Server, client: Connect, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(waiting, "CHUNK", chunk)
    monkeypatch.setattr(target_actor, "DRAIN", 3)
    log = ScriptedLog(delay=lambda: 0.001)
    topic = server.topic("t").with_store(STORE, log=log)
    a, b = joined(client()), joined(client())
    for ref in range(2, 42):
        topic.dispatch(ref)
        a.send(ClientMessage(ref, T, -ref))
        if ref % 6 == 0:
            gevent.sleep(0)
        if ref % 10 == 0:
            topic.broadcast(f"push {ref}")
    a.send(Unsubscribe(42, T))
    heard: list[Frame] = []
    with gevent.Timeout(LIMIT):
        while len([frame for frame in heard if isinstance(frame, ServerMessage)]) < 80:
            gevent.sleep(0.001)
            heard += b.take()
    expected = [message for ref in range(2, 42) for message in (ref, -ref)]
    pushed = [message for ref in range(2, 42) for message in (ref, -ref, *((f"push {ref}",) if ref % 10 == 0 else ()))]
    assert [frame.payload for frame in heard if isinstance(frame, ServerMessage | Push)] == pushed
    assert a.take()[-1] == Acknowledge(T, 80, [42], False)
    assert list(topic.model) == expected


def test_a_stop_refuses_what_waits_behind_it(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "CHUNK", 1)
    a = joined(client())
    topic.dispatch("x")
    settle(server)
    stopping = gevent.spawn(topic.stop)
    settle(server)
    a.send(*(ClientMessage(ref, T, ref) for ref in range(2, 6)))
    settle(server)
    log.go_on()
    stopping.get(timeout=LIMIT)
    said, last, *refused = a.take()
    assert (said, last) == (ServerMessage(T, 1, "x"), Acknowledge(T, 1, [], True))
    assert [(frame.ref, frame.code) for frame in refused] == [(ref, "gone") for ref in range(2, 6)]  # type: ignore[union-attr]


def test_too_much_that_waits_is_busy(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "HELD_BEHIND", 300)
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(*(ClientMessage(ref, T, "y") for ref in range(3, 13)))
    refused = a.take()
    assert {frame.code for frame in refused} == {"busy"}  # type: ignore[union-attr]
    assert [frame.ref for frame in refused] == list(range(7, 13))  # type: ignore[union-attr]
    log.go_on()
    frames = a.take()
    assert [ref for frame in frames for ref in frame.refs] == list(range(2, 7))  # type: ignore[union-attr]
    a.send(ClientMessage(13, T, "z"))
    assert a.take() == [Acknowledge(T, 6, [13], False)]


def test_what_the_server_says_is_refused_as_well_when_too_much_waits(
    server: Server, log: ScriptedLog, topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "HELD_BEHIND", 300)
    for _ in range(6):
        topic.dispatch("x")
        settle(server)
    with pytest.raises(Busy, match="bytes wait for the log of topic:t"):
        topic.dispatch("x")
    log.go_on()
    settle(server)
    topic.dispatch("y")
    assert topic.model[-1] == "y"


def test_a_stop_waits_for_the_log_and_the_last_word_is_the_final_acknowledge(
    server: Server, client: Connect, log: ScriptedLog, topic: Any
) -> None:
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    stopping = gevent.spawn(topic.stop)
    assert a.take() == []
    log.go_on()
    stopping.get(timeout=LIMIT)
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 1, [], True)]


def test_a_stop_in_the_same_drain_waits_as_well(server: Server, client: Connect, log: ScriptedLog, topic: Any) -> None:
    a = joined(client())
    topic.dispatch("x")
    stopping = gevent.spawn(topic.stop)
    assert a.take() == []
    log.go_on()
    stopping.get(timeout=LIMIT)
    assert a.take() == [ServerMessage(T, 1, "x"), Acknowledge(T, 1, [], True)]


def test_a_log_that_never_answers_does_not_hold_the_stop_for_ever() -> None:
    log = ScriptedLog(is_held=True)
    with Server() as server:
        topic = server.topic("t").with_store(STORE, log=log)
        topic.dispatch("x")
        settle(server)
        with gevent.Timeout(LIMIT):
            server.stop(3.0)
    assert topic.snapshot == ((), 0)


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_successor_goes_on_with_what_is_on_its_way(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, quiet: None
) -> None:
    a, b = joined(client()), joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(ClientMessage(3, T, "y"))
    settle(server)
    ref = actor_of(server)
    ref.kill()
    ref.wait_down(LIMIT)
    assert actor_of(server) is not ref
    assert a.take() == b.take() == []
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 2, [3], False)]
    assert b.take() == [ServerMessage(T, 1, "x"), ServerMessage(T, 2, "y")]


def test_an_answer_that_crashes_its_actor_twice_is_asked_for_again(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, crashes = joined(client()), [1, 2]
    settle_target = Target.settle

    def fragile(self: Target, *what: Any) -> Any:
        if crashes:
            crashes.pop()
            raise gevent.Timeout
        return settle_target(self, *what)

    monkeypatch.setattr(Target, "settle", fragile)
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    log.go_on()
    frames: list[Frame] = []
    with gevent.Timeout(LIMIT):
        while not frames:
            gevent.sleep(0.001)
            frames = a.take()
    assert frames == [Acknowledge(T, 1, [2], False)]
    assert [letter.message for letter in server.dead_letters() if not isinstance(letter.message, Logged)] == []


def test_a_topic_that_waits_is_not_deserted(server: Server, log: ScriptedLog, topic: Any) -> None:
    topic.dispatch("x")
    settle(server)
    known = server.directory.topics["t"]
    assert not is_deserted(known)
    log.go_on()
    settle(server)
    assert is_deserted(known)


def test_a_topic_is_forgotten_by_its_log_when_it_has_ended(server: Server, log: ScriptedLog, topic: Any) -> None:
    log.go_on()
    topic.dispatch("x")
    settle(server)
    before = topic._topic.target.order.epoch
    topic.stop()
    assert log.records(T) == []
    again: Any = server.topic("t").with_store(STORE, log=log)
    assert again._topic.target.order.epoch != before


def test_a_level_that_is_not_offered_is_a_clear_error(server: Server, log: ScriptedLog) -> None:
    text = r"level='durable': MemoryLog offers 'accepted'; choose one, or another log"
    with pytest.raises(UsageError, match=text):
        server.topic("a").with_store(STORE, level="durable")
    with pytest.raises(UsageError, match=text):
        server.topic_kind("k:").with_store(STORE, level="durable")
    with pytest.raises(UsageError, match=r"level='safe': ScriptedLog offers 'accepted' and 'durable'"):
        server.topic("b").with_store(STORE, log=log, level="safe")
    assert server.topic("c").with_store(STORE, log=log, level="durable").model == ()


def test_the_topics_of_a_kind_have_its_log(server: Server, client: Connect, log: ScriptedLog) -> None:
    kind = server.topic_kind("k:").with_store(STORE, log=log, level="durable")
    kind.topic("1").dispatch("x")
    settle(server)
    assert log.waiting == 1
    log.go_on()
    assert kind.topic("1").model == ("x",)
    assert [record.seq for record in log.records("topic:k:1")] == [1]
