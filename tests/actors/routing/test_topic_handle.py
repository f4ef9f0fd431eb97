"""What a program holds of a topic; what it does to clients is in test_server."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import gevent.event
import pykka
import pytest
from support.scripted import ScriptedClient, settle

from nuphar import NotRunning, Refused, Server, Store, UsageError
from nuphar.actors.routing.caller import WaitingCaller
from nuphar.actors.targets.messages import Dispatch
from nuphar.testing.logs import Fate, ScriptedLog


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
    topic.dispatch(1, wait=False)
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


# What a dispatch says.


def no_more_than_ten(model: int, message: int) -> int:
    if model + message > 10:
        raise Refused("full", "ten are enough", {"left": 10 - model})
    return model + message


def test_a_dispatch_returns_its_seq(server: Server) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    assert [topic.dispatch(n) for n in (1, 2, 3)] == [1, 2, 3]


def test_a_dispatch_that_is_refused_raises_and_the_next_one_goes_on(server: Server) -> None:
    topic = server.topic("t").with_store(Store(0, no_more_than_ten))
    topic.dispatch(8)
    with pytest.raises(Refused, match=r"^full: topic:t: ten are enough$") as caught:
        topic.dispatch(5)
    assert (caught.value.code, caught.value.details, caught.value.__cause__) == ("full", {"left": 2}, None)
    assert topic.dispatch(2) == 2


def test_a_dispatch_that_does_not_wait_says_nothing(server: Server) -> None:
    topic = server.topic("t").with_store(Store(0, no_more_than_ten))
    assert topic.dispatch(50, wait=False) is None
    assert topic.snapshot == (0, 0)


def test_a_dispatch_from_the_topic_s_own_update_has_to_say_that_it_does_not_wait(server: Server) -> None:
    caught: list[Exception] = []

    def update(model: int, message: int) -> int:
        if message == 1:
            try:
                topic.dispatch(5)
            except UsageError as error:
                caught.append(error)
            topic.dispatch(10, wait=False)
        return model + message

    topic = server.topic("t").with_store(Store(0, update))
    topic.dispatch(1)
    assert topic.model == 11
    assert "an actor cannot wait for itself" in str(caught[0])


def test_a_dispatch_waits_at_most_so_long(server: Server) -> None:
    gate = gevent.event.Event()

    def slow(model: int, message: int) -> int:
        gate.wait(10.0)
        return model + message

    topic = server.topic("t").with_store(Store(0, slow))
    with pytest.raises(pykka.Timeout):
        topic.dispatch(1, timeout=0.01)
    gate.set()
    assert topic.model == 1


def test_a_dispatch_waits_for_the_log_and_raises_if_that_did_not_take_it(server: Server) -> None:
    log = ScriptedLog([Fate.TAKEN, Fate.FAILED, Fate.HALF], is_held=True)
    topic = server.topic("t").with_store(Store(0, add), log)
    first = gevent.spawn(topic.dispatch, 1)
    settle(server)
    assert log.waiting == 1
    assert not first.ready()
    log.go_on()
    assert first.get(timeout=10.0) == 1
    with pytest.raises(Refused, match="busy: topic:t: its log did not take it"):
        topic.dispatch(2)
    both = [gevent.spawn(topic.dispatch, 3), gevent.spawn(topic.dispatch, 4)]
    gevent.joinall(both, timeout=10.0)
    assert both[0].value == 2
    assert isinstance(both[1].exception, Refused)
    assert topic.snapshot == (4, 2)


def test_a_dispatch_whose_topic_stops_before_its_turn_hears_so(server: Server) -> None:
    gate, entered = gevent.event.Event(), gevent.event.Event()

    def slow(model: int, message: int) -> int:
        entered.set()
        gate.wait(10.0)
        return model + message

    topic = server.topic("t").with_store(Store(0, slow))
    waiting = gevent.spawn(topic.dispatch, 1)
    assert entered.wait(10.0)
    end = gevent.spawn(topic.stop)
    gevent.sleep(0)
    topic._topic.mailbox.put_anyway(late := Dispatch(2, b"\x02", WaitingCaller()))
    gate.set()
    end.get(timeout=10.0)
    assert waiting.get(timeout=10.0) == 1
    assert isinstance(late.caller, WaitingCaller)
    with pytest.raises(NotRunning, match="topic:t: it has stopped"):
        late.caller.seq.get(timeout=10.0)
