"""Hooks that wait: a flood of one client has a bound, and keeps nobody else waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.event import Event
from support.hosts import AtTime
from support.raw import Closed, RawClient
from support.scripted import ScriptedClient, settle
from support.serving import eventually, listen

from nuphar import Limits, NotRunning, Server, Store, UsageError
from nuphar.actors.runtime.hook_calls import HookCalls
from nuphar.actors.runtime.turns import Bounds
from nuphar.actors.sessions.messages import Sweep
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, Rejected, Snapshot, Subscribe, Unsubscribe

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]


def add(model: int, message: int) -> int:
    return model + message


class Gate:
    """A hook that waits until it may, and keeps how often it was called."""

    def __init__(self, result: Any = True) -> None:
        self.open = Event()
        self.calls: list[tuple[Any, ...]] = []
        self.result = result

    def __call__(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        assert self.open.wait(LIMIT)
        return self.result


@pytest.fixture
def gate() -> Gate:
    return Gate()


def fates(client: ScriptedClient) -> Counter[str]:
    """Count what refs were answered with."""
    found: Counter[str] = Counter()
    for frame in client.take():
        if isinstance(frame, Acknowledge):
            found["ok"] += len(frame.refs)
        elif isinstance(frame, Rejected):
            found[frame.code] += 1
    return found


def test_a_flood_of_subscribes_calls_a_waiting_hook_so_many_times_at_once(
    make_server: Callable[..., Server], gate: Gate
) -> None:
    server = make_server(max_hooks_each=4, max_subscriptions=50, rates=None)
    server.topic("t").can_subscribe(gate)
    flood = ScriptedClient(server)
    for ref in range(1, 10_001):
        flood.send(Subscribe(ref, "topic:t", None, None))
        if ref % 1_000 == 0:
            settle(server)
    assert len(gate.calls) == 4
    assert server.hooks.calls.waiting == 50
    assert fates(flood) == {"busy": 10_000 - 54}
    gate.open.set()
    assert fates(flood) == {"ok": 54}
    assert server.hooks.calls.waiting == server.hooks.calls.running == 0


def test_subscribes_that_are_taken_back_are_bounded_too(make_server: Callable[..., Server], gate: Gate) -> None:
    server = make_server(max_hooks_each=4, max_subscriptions=50, rates=None)
    server.topic("t").can_subscribe(gate)
    flood = ScriptedClient(server)
    for ref in range(1, 2_001, 2):
        flood.send(Subscribe(ref, "topic:t", None, None), Unsubscribe(ref + 1, "topic:t"))
        settle(server)
    assert len(gate.calls) == 4
    assert server.hooks.calls.waiting <= 50
    gate.open.set()
    before = fates(flood)
    assert before.total() == 2_000  # every ref is answered once


def test_the_flood_of_one_keeps_nobody_else_s_hook_waiting(make_server: Callable[..., Server]) -> None:
    gate = Gate()
    server = make_server(max_hooks=8, max_hooks_each=4, rates=None)

    def can_subscribe(client_id: str, topic_id: str) -> bool:
        return bool(gate(client_id)) if client_id == "flood" else True

    server.topic("t").can_subscribe(can_subscribe)
    flood, other = ScriptedClient(server, "flood"), ScriptedClient(server, "other")
    for ref in range(1, 101):
        flood.send(Subscribe(ref, "topic:t", None, None))
    settle(server)
    other.send(Subscribe(1, "topic:t", None, None))
    assert fates(other) == {"ok": 1}
    gate.open.set()
    assert fates(flood) == {"ok": 100}


def test_hooks_of_coming_and_going_are_bounded_at_once(make_server: Callable[..., Server]) -> None:
    gate = Gate()
    server = make_server(max_hooks=3, rates=None)
    server.on_connect(gate)
    server.on_disconnect(gate)
    clients = [ScriptedClient(server) for _ in range(20)]
    settle(server)
    for client in clients:
        server.disconnect(client.id)
    settle(server)
    assert len(gate.calls) == 3
    gate.open.set()
    with gevent.Timeout(LIMIT):
        while server.hooks.calls.running:
            gevent.sleep(0)
    assert len(gate.calls) == 40


def test_a_store_that_takes_its_time_keeps_no_other_subscribe_waiting(
    make_server: Callable[..., Server], gate: Gate
) -> None:
    server = make_server()
    server.topic("chat").with_store(Store(0, add))
    gate.result = Store(5, add)
    server.topic_kind("room:", store=lambda key: gate(key))
    loading, other = ScriptedClient(server), ScriptedClient(server)
    for ref in range(1, 21):
        loading.send(Subscribe(ref, f"topic:room:{ref}", None, None))
    settle(server)
    other.send(Subscribe(1, "topic:chat", None, None))
    assert fates(other) == {"ok": 1}
    assert len(gate.calls) == 20
    gate.open.set()
    assert fates(loading) == {"ok": 20}


def test_two_who_subscribe_to_one_new_topic_have_its_store_made_once(
    make_server: Callable[..., Server], gate: Gate
) -> None:
    server = make_server()
    gate.result = Store(5, add)
    joins: list[str] = []
    kind = server.topic_kind("room:", store=lambda key: gate(key), on_join=joins.append)
    clients = [ScriptedClient(server, f"c{n}") for n in range(3)]
    for client in clients:
        client.send(Subscribe(1, "topic:room:a", None, None), ClientMessage(2, "topic:room:a", 1))
    settle(server)
    assert gate.calls == [("a",)]
    assert joins == []  # nobody joins what is not there
    gate.open.set()
    settle(server)
    for client in clients:
        frames = client.take()
        assert any(isinstance(frame, Snapshot) for frame in frames)
        assert sum(len(frame.refs) for frame in frames if isinstance(frame, Acknowledge)) == 2
    assert sorted(joins) == ["c0", "c1", "c2"]
    assert kind.topic("a").model == 8


def test_a_topic_that_is_stopped_while_its_client_joins_begins_anew_and_the_client_joins_that(
    server: Server, client: Connect, gate: Gate
) -> None:
    joins: list[str] = []

    def on_join(client_id: str) -> None:
        joins.append(client_id)
        gate(client_id)

    kind = server.topic_kind("room:", store=lambda key: Store(0, add), on_join=on_join)
    known = client()
    known.send(Subscribe(1, "topic:room:a", None, None))
    settle(server)
    kind.topic("a").stop()
    gate.open.set()
    settle(server)
    assert fates(known) == {"ok": 1}
    assert joins == [known.id] * 2
    assert kind.topic("a").subscribers == [known.id]


def test_topics_that_one_session_begins_are_bounded(make_server: Callable[..., Server]) -> None:
    server = make_server(max_topics_begun=3)
    kind = server.topic_kind("room:", store=lambda key: Store(0, add))
    greedy, other = ScriptedClient(server), ScriptedClient(server)
    for ref in range(1, 11):
        greedy.send(Subscribe(ref, f"topic:room:{ref}", None, None))
        settle(server)
    assert fates(greedy) == {"ok": 3, "busy": 7}
    other.send(*(Subscribe(ref, f"topic:room:{ref}", None, None) for ref in range(1, 7)))
    assert fates(other) == {"ok": 6}
    greedy.send(Subscribe(11, "topic:room:6", None, None))  # another has begun it
    assert fates(greedy) == {"ok": 1}
    kind.topic("1").stop()
    greedy.send(Subscribe(12, "topic:room:12", None, None))
    assert fates(greedy) == {"ok": 1}


def test_newcomers_are_turned_away_while_too_many_hooks_of_coming_wait(
    make_server: Callable[..., Server], gate: Gate
) -> None:
    server = make_server(limits=Limits(close=0.1))
    calls = server.hooks.calls = HookCalls(Bounds(at_once=1, at_once_each=1, waiting=2, waiting_each=1))
    server.on_connect(gate)
    port = listen(server)
    for number in range(3):
        RawClient(port)
        eventually(lambda number=number: calls.running + calls.waiting == number + 1)
    refused = RawClient(port, greet=False)
    refused.send([1, 1, None, None, {}, {}])
    answer = refused.receive()
    assert isinstance(answer, Closed)
    assert answer.code == 1013
    gate.open.set()
    eventually(lambda: not calls.running)
    assert RawClient(port).welcome[0] == 16
    eventually(lambda: not calls.running)
    assert len(gate.calls) == 4


class Clock:
    """Time that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_topic_that_everybody_has_left_ends_with_its_last_model_and_begins_anew_from_it() -> None:
    kept = {"a": 5}
    clock = Clock()
    server = Server(topic_window=60.0, max_topics=1, host=AtTime(clock))

    def on_end(topic_id: str, model: int) -> None:
        kept[topic_id.removeprefix("room:")] = model

    kind = server.topic_kind("room:", store=lambda key: Store(kept.get(key, 0), add), on_end=on_end)
    server.start()
    try:
        known = ScriptedClient(server)
        known.send(Subscribe(1, "topic:room:a", None, None), ClientMessage(2, "topic:room:a", 2))
        assert fates(known) == {"ok": 2}
        handle = kind.topic("a")
        sweep(server, clock, 1_000.0)
        assert handle.model == 7  # somebody is there
        known.send(Unsubscribe(3, "topic:room:a"), Subscribe(4, "topic:room:b", None, None))
        assert fates(known) == {"ok": 1, "busy": 1}
        sweep(server, clock, 1.0)
        sweep(server, clock, 59.0)
        assert handle.model == 7
        sweep(server, clock, 2.0)
        assert kept == {"a": 7}
        with pytest.raises(NotRunning):
            handle.dispatch(1)
        assert server.stats()["topics"] == 0
        known.send(Subscribe(5, "topic:room:a", None, None))
        snapshot = next(frame for frame in known.take() if isinstance(frame, Snapshot))
        assert snapshot.state == 7
        assert kind.topic("a").model == 7
    finally:
        server.stop()


def sweep(server: Server, clock: Clock, seconds: float) -> None:
    """Let time pass, and the router look at all topics."""
    settle(server)
    clock.now += seconds
    server.books.router.put_anyway(Sweep())
    settle(server)
    with gevent.Timeout(LIMIT):
        while server.hooks.calls.running:
            gevent.sleep(0)
    settle(server)


@pytest.mark.parametrize("window", [-1, "a", True, float("nan")])
def test_a_window_that_is_no_time_is_refused(window: Any) -> None:
    with pytest.raises(UsageError, match="topic_window: expected seconds from 0"):
        Server(topic_window=window)
    with pytest.raises(UsageError, match="window: expected seconds from 0"):
        Server().topic_kind("room:", window=window)
