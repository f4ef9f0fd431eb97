"""The life of a server: whatever comes while it starts, stops or starts anew finds one tree, and one end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pywsgi import WSGIServer

from nuphar import AlreadyStarted, CannotListen, NotRunning, Server, Store, UsageError
from nuphar.actors.runtime.host import GEVENT
from nuphar.supervision.root import tree

LIMIT = 10.0  # seconds that any wait here may take


def add(model: int, message: int) -> int:
    return model + message


class Gate:
    """Holds every start of a tree, after its children have started and before anybody has its root."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.reached, self.starts = Event(), Event(), 0
        self.error: Exception | None = None
        start = tree.start

        def held(*what: Any) -> Any:
            self.starts += 1
            if self.error is not None:
                raise self.error
            root = start(*what)
            self.reached.set()
            try:
                assert self.open.wait(LIMIT)
            except gevent.GreenletExit:
                root.kill()  # as the start itself does it
                raise
            return root

        monkeypatch.setattr(tree, "start", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


def test_first_requests_that_come_together_start_one_tree(gate: Gate) -> None:
    server = Server()
    requests = [gevent.spawn(server.ensure_started) for _ in range(10)]
    assert gate.reached.wait(LIMIT)
    gevent.sleep(0)
    assert not any(request.dead for request in requests), "nobody goes on before the tree stands"
    gate.open.set()
    gevent.joinall(requests, timeout=LIMIT)
    assert [request.value for request in requests] == [True] + 9 * [False]
    assert gate.starts == 1
    assert server.is_running
    server.stop()


def test_a_start_while_another_is_under_way_is_refused(gate: Gate) -> None:
    server = Server()
    first = gevent.spawn(server.start)
    assert gate.reached.wait(LIMIT)
    with pytest.raises(AlreadyStarted):
        server.start()
    gate.open.set()
    assert first.get(timeout=LIMIT) is server
    server.stop()


def test_a_request_that_is_killed_while_it_starts_the_server_leaves_that_to_the_next(gate: Gate) -> None:
    server = Server()
    first = gevent.spawn(server.ensure_started)
    assert gate.reached.wait(LIMIT)
    second = gevent.spawn(server.ensure_started)
    gevent.sleep(0)
    first.kill()
    gate.open.set()
    assert second.get(timeout=LIMIT)
    assert gate.starts == 2
    server.stop()


def test_a_start_that_fails_is_told_to_all_who_wait_and_leaves_the_inspector_s_port_free(gate: Gate) -> None:
    gate.error = RuntimeError("no tree today")
    server = Server(inspect="127.0.0.1:0")
    for request in [gevent.spawn(server.ensure_started) for _ in range(3)]:
        with pytest.raises(RuntimeError, match="no tree today"):
            request.get(timeout=LIMIT)
    assert not server.lifecycle.listening
    gate.error = None
    gate.open.set()
    server.start()
    assert server.is_running
    server.stop()


def test_a_stop_while_it_starts_ends_what_has_been_started(gate: Gate) -> None:
    server = Server()
    ended: list[str] = []
    server.on_end(lambda: ended.append("end"))
    starting = gevent.spawn(server.start)
    assert gate.reached.wait(LIMIT)
    stopping = gevent.spawn(server.stop)
    gevent.sleep(0)
    assert not stopping.dead, "it waits for the start, which it could not end otherwise"
    gate.open.set()
    gevent.joinall([starting, stopping], timeout=LIMIT)
    assert ended == ["end"]
    assert not server.is_running


def test_a_stop_that_does_not_wait_for_the_start_is_done_after_it(gate: Gate) -> None:
    server = Server()
    over = Event()
    server.on_end(over.set)
    starting = gevent.spawn(server.start)
    assert gate.reached.wait(LIMIT)
    server.stop(timeout=0.001)
    gate.open.set()
    assert over.wait(LIMIT)
    starting.get(timeout=LIMIT)


@pytest.mark.parametrize("apart", [False, True])
def test_a_stop_inside_an_actor_is_begun_and_does_not_hold_it_up(server: Server, apart: bool) -> None:
    models: list[int] = []

    def update(model: int, message: int) -> int:
        GEVENT.apart(server.stop, LIMIT, TimeoutError()) if apart else server.stop()
        models.append(model + message)
        return models[-1]

    over = Event()
    server.on_end(over.set)
    server.topic("counter").with_store(Store(0, update)).dispatch(5)
    assert over.wait(LIMIT)
    assert models == [5]


def test_a_stop_that_an_actor_has_spawned_is_done(server: Server) -> None:
    stops: list[gevent.Greenlet] = []

    def update(model: int, message: int) -> int:
        stops.append(gevent.spawn(server.stop))
        return model + message

    server.topic("counter").with_store(Store(0, update)).dispatch(5)
    with gevent.Timeout(LIMIT):
        while not stops:
            gevent.sleep(0)
        stops[0].get()
    assert server.has_ended


def test_what_has_been_stopped_is_not_started_again() -> None:
    stopped, never_begun = Server().start(), Server()
    for server in (stopped, never_begun):
        server.stop()
        with pytest.raises(NotRunning, match=r"has .*stopped"):
            server.ensure_started()
        with pytest.raises(NotRunning), server:
            pytest.fail("it must not be entered")


def test_a_second_stop_waits_for_the_first(server: Server) -> None:
    release, reached = Event(), Event()

    def hold(model: int, message: int) -> int:
        reached.set()
        assert release.wait(LIMIT)
        return model

    server.topic("slow").with_store(Store(0, hold)).dispatch(1, wait=False)
    assert reached.wait(LIMIT)
    first = gevent.spawn(server.stop)
    second = gevent.spawn(server.stop)
    gevent.sleep(0)
    assert not first.dead
    assert not second.dead, "whoever leaves the process after it would cut the first one off"
    release.set()
    gevent.joinall([first, second], timeout=LIMIT)


def test_a_stop_while_the_tree_starts_anew_ends_the_new_one_too(gate: Gate) -> None:
    gate.open.set()
    server = Server().start()
    ended: list[str] = []
    server.on_end(lambda: ended.append("end"))
    gate.open.clear()
    gate.reached.clear()
    assert server.lifecycle.root is not None
    server.lifecycle.root.kill()
    assert gate.reached.wait(LIMIT)
    stopping = gevent.spawn(server.stop)
    gevent.sleep(0)
    gate.open.set()
    stopping.get(timeout=LIMIT)
    assert ended == ["end"]


def test_a_tree_that_cannot_start_anew_is_the_end_and_is_told(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    gate.open.set()
    server = Server().start()
    over = Event()
    server.on_end(over.set)
    gate.error = RuntimeError("no tree today")
    assert server.lifecycle.root is not None
    server.lifecycle.root.kill()
    assert over.wait(LIMIT)
    assert not server.is_running
    assert "no tree today" in caplog.text


def test_an_end_that_was_before_is_told_at_once() -> None:
    server = Server().start()
    server.stop()
    ended: list[str] = []
    server.on_end(lambda: ended.append("end"))
    assert ended == ["end"]


def test_a_topic_that_is_added_while_the_tree_starts_runs(gate: Gate) -> None:
    server = Server()
    starting = gevent.spawn(server.start)
    assert gate.reached.wait(LIMIT)
    topic = server.topic("late")
    gate.open.set()
    starting.get(timeout=LIMIT)
    assert topic.with_store(Store(0, add)).model == 0
    topic.dispatch(2)
    assert topic.model == 2
    server.stop()


def test_of_two_stores_that_are_given_at_once_one_is_refused(server: Server) -> None:
    topic = server.topic("one")
    topic.broadcast(0)  # so that its actor has something to do first
    first = gevent.spawn(topic.with_store, Store(1, add))
    second = gevent.spawn(topic.with_store, Store(2, add))
    assert first.get(timeout=LIMIT).model == 1
    with pytest.raises(UsageError, match="has a store already"):
        second.get(timeout=LIMIT)


@pytest.mark.filterwarnings("ignore:.*socket object")  # gevent leaves the one open that it could not bind
def test_an_address_that_is_taken_is_the_caller_s_error_and_the_tree_goes_on(server: Server) -> None:
    taken = WSGIServer(("127.0.0.1", 0), lambda *_: [], log=None)
    taken.init_socket()
    with pytest.raises(CannotListen, match=f"cannot listen at 127.0.0.1:{taken.server_port}: Address already in use"):
        server.listen(WSGIServer(("127.0.0.1", taken.server_port), lambda *_: [], log=None))
    taken.close()
    assert not server.lifecycle.listening
    free = WSGIServer(("127.0.0.1", 0), lambda *_: [], log=None)
    server.listen(free)
    assert free.started


def test_a_listener_that_comes_while_the_tree_starts_anew_is_in_the_new_one(
    gate: Gate, make_server: Callable[..., Server]
) -> None:
    gate.open.set()
    server = make_server()
    gate.open.clear()
    gate.reached.clear()
    assert server.lifecycle.root is not None
    server.lifecycle.root.kill()
    assert gate.reached.wait(LIMIT)
    wsgi = WSGIServer(("127.0.0.1", 0), lambda *_: [], log=None)
    wsgi.init_socket()
    adding = gevent.spawn(server.listen, wsgi)
    gevent.sleep(0)
    gate.open.set()
    adding.get(timeout=LIMIT)
    assert server.is_running
    server.stop()
    with pytest.raises(NotRunning):
        server.listen(wsgi)
    assert wsgi.closed
