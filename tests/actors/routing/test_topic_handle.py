"""What a program holds of a topic; what it does to clients is in test_server."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import gevent.event
import pykka
import pytest
from support.scripted import ScriptedClient, settle

from nuphar import NotRunning, Server, Store


def add(model: int, message: int) -> int:
    return model + message


def test_a_handle_says_what_it_is(server: Server) -> None:
    assert repr(server.topic("t")) == "<topic 't'>"


def test_with_store_returns_the_handle_itself(server: Server) -> None:
    topic = server.topic("t")
    assert topic.with_store(Store(0, add)) is topic


def test_a_topic_that_has_stopped_does_not_decide_the_store_of_the_next_one(server: Server) -> None:
    stale = server.topic("t")
    stale.stop()
    with pytest.raises(NotRunning, match="has stopped"):
        stale.with_store(Store(99, add))
    assert server.topic("t").with_store(Store(0, add)).model == 0


def test_a_stop_that_takes_too_long_can_be_waited_for_by_everybody(server: Server) -> None:
    gate, entered = gevent.event.Event(), gevent.event.Event()

    def slow(model: int, message: int) -> int:
        entered.set()
        gate.wait(10.0)
        return model + message

    topic = server.topic("t").with_store(Store(0, slow))
    topic.dispatch(1)
    assert entered.wait(10.0)
    with pytest.raises(pykka.Timeout):
        topic.stop(timeout=0.01)
    others = [gevent.spawn(topic.stop) for _ in range(3)]
    gevent.sleep(0)
    gate.set()
    assert [other.get(timeout=10.0) for other in others] == [None] * 3
    with pytest.raises(NotRunning, match="has stopped"):
        topic.stop()
    assert server.topic("t") is not topic


def test_the_decorators_return_their_hooks(server: Server) -> None:
    def hook(client_id: str) -> None:
        return None

    topic, kind = server.topic("t"), server.topic_kind("room:")
    for decorate in (
        topic.on_join,
        topic.on_leave,
        topic.can_subscribe,
        kind.on_join,
        kind.on_leave,
        kind.can_subscribe,
    ):
        assert decorate(hook) is hook
    assert server.on_message(hook) is hook
    assert server.on_topic_message(hook) is hook


def test_a_store_before_the_start_is_readable_before_the_start() -> None:
    assert Server().topic("t").with_store(Store(5, add)).snapshot == (5, 0)


def test_a_topic_is_readable_after_the_server_s_end(make_server: Callable[..., Server]) -> None:
    server = make_server()
    topic = server.topic("t").with_store(Store(0, add))
    topic.dispatch(5)
    server.stop()
    assert topic.snapshot == (5, 1)
    with pytest.raises(NotRunning):
        topic.dispatch(1)


def test_a_snapshot_is_a_consistent_pair_while_others_dispatch(server: Server) -> None:
    topic = server.topic("t").with_store(Store(0, add))

    def dispatch() -> None:
        for _ in range(100):
            topic.dispatch(1)
            gevent.sleep(0)

    busy = gevent.spawn(dispatch)
    while not busy.dead:
        model, seq = topic.snapshot
        assert model == seq
        gevent.sleep(0)
    assert topic.snapshot == (100, 100)


def test_subscribers_are_listed_by_client_id(server: Server) -> None:
    topic = server.topic("t")
    clients = [ScriptedClient(server) for _ in range(3)]
    for client in clients:
        topic.subscribe(client.id)
    settle(server)
    assert topic.subscribers == [client.id for client in clients]
