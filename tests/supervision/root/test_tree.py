"""The tree of a server: its order, and that any part of it may die without anybody noticing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from support.scripted import ScriptedClient, settle

from nuphar import Server, Slice, Store, Wiring
from nuphar.actors import Actor, Ref
from nuphar.supervision import which_children
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, ServerMessage, Snapshot, Subscribe

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]


def add(model: int, message: int) -> int:
    return model + message


def named(server: Server, name: str) -> Ref[Any]:
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    for _ in range(1_000):
        ref = server.lifecycle.root.registry.whereis(name)
        if ref is not None:
            return ref
        gevent.sleep(0)
    raise AssertionError(f"{name} is not running")


def kill(server: Server, name: str) -> None:
    """Kill a part of the tree and wait for its successor."""
    ref = named(server, name)
    ref.kill()
    ref.wait_down(LIMIT)
    assert named(server, name) is not ref


def test_the_tree_is_the_one_of_the_design(server: Server) -> None:
    assert server.lifecycle.root is not None
    ids = [info.id for info in reversed(which_children(server.lifecycle.root))]
    assert [id for id in ids if id in ("connections", "router", "sessions", "topics")] == [
        "connections",
        "router",
        "sessions",
        "topics",
    ]


def test_it_stops_from_the_bottom_up(monkeypatch: pytest.MonkeyPatch, make_server: Callable[..., Server]) -> None:
    ended: list[str] = []
    say_goodbye = Actor._say_goodbye

    def record(actor: Actor) -> None:
        if not actor._said_goodbye:
            ended.append(actor.name)
        say_goodbye(actor)

    server = make_server(0, Wiring(session=Slice(add)))
    server.topic("t").with_store(Store(0, add))
    client = ScriptedClient(server)
    client.send(ClientMessage(1, "session", 1))
    client.take()
    monkeypatch.setattr(Actor, "_say_goodbye", record)
    server.stop()
    parts = [name for name in ended if name in ("topic:t", "topics", "sessions", "router", "connections", "server")]
    assert parts == ["topic:t", "topics", "sessions", "router", "connections", "server"]
    assert ended.index(f"session:{client.id}") < ended.index("sessions")


@pytest.mark.parametrize("name", ["connections", "router", "sessions", "topics", "topic:t"])
def test_any_part_may_be_killed_and_subscribers_stay_and_the_seq_goes_on(
    make_server: Callable[..., Server], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(0, Wiring(session=Slice(add)))
    topic = server.topic("t").with_store(Store(0, add))
    a, b = ScriptedClient(server), ScriptedClient(server)
    for each in (a, b):
        each.send(Subscribe(1, "topic:t", None, None), ClientMessage(2, "session", 5))
        each.take()
    a.send(ClientMessage(3, "topic:t", 1))
    a.take()
    b.take()
    kill(server, name)
    a.send(ClientMessage(4, "topic:t", 2), ClientMessage(5, "session", 1))
    assert sorted(a.take()) == [Acknowledge("session", 2, [5], False), Acknowledge("topic:t", 2, [4], False)]
    assert b.take() == [ServerMessage("topic:t", 2, 2)]
    assert topic.snapshot == (3, 2)
    late = ScriptedClient(server)
    late.send(Subscribe(1, "topic:t", None, None))
    snapshot, _ = late.take()
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.seq, snapshot.state) == (2, 3)


def test_what_is_asked_of_a_dead_router_is_answered_by_its_successor(server: Server, client: Connect) -> None:
    server.topic("t").with_store(Store(0, add))
    known = client()
    settle(server)
    named(server, "router").kill()
    known.send(Subscribe(1, "topic:t", None, None), ClientMessage(2, "topic:t", 7))
    snapshot, joined, posted = known.take()
    assert isinstance(snapshot, Snapshot)
    assert (joined, posted) == (Acknowledge("topic:t", 0, [1], False), Acknowledge("topic:t", 1, [2], False))


def test_a_topic_that_is_added_while_its_supervisor_is_dead_starts_with_the_next(server: Server) -> None:
    named(server, "topics").kill()
    topic = server.topic("t").with_store(Store(0, add))
    topic.dispatch(5)
    assert topic.snapshot == (5, 1)


def test_all_parts_killed_at_once_come_back(server: Server, client: Connect, caplog: pytest.LogCaptureFixture) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    known.take()
    for name in ("topics", "router", "sessions", "connections"):
        named(server, name).kill()
    known.send(ClientMessage(2, "topic:t", 7))
    assert known.take() == [Acknowledge("topic:t", 1, [2], False)]
    assert topic.model == 7
