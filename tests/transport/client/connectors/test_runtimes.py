"""What a client runs on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from gevent import socket as gevent_socket
from gevent._hub_local import get_hub_if_exists
from support.raw import WAIT
from support.serving import in_thread

from nuphar import UsageError
from nuphar.transport.client.connectors.greenlets import GreenletRuntime
from nuphar.transport.client.connectors.runtimes import ClientRuntime, ThreadRuntime, choose


@pytest.fixture(params=[GreenletRuntime, ThreadRuntime])
def runtime(request: pytest.FixtureRequest) -> ClientRuntime:
    chosen: ClientRuntime = request.param()
    return chosen


@pytest.fixture
def port() -> Iterator[int]:
    with gevent_socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_auto_takes_greenlets_where_there_is_a_hub_and_threads_elsewhere() -> None:
    def elsewhere() -> tuple[type, bool]:
        chosen: list[type] = []
        hubs: list[bool] = []

        def run() -> None:
            chosen.append(type(choose()))
            hubs.append(get_hub_if_exists() is None)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return chosen[0], hubs[0]

    assert type(choose()) is GreenletRuntime
    assert in_thread(elsewhere) == (ThreadRuntime, True)


def test_a_name_chooses_and_an_unknown_one_is_refused() -> None:
    assert type(choose("threads")) is ThreadRuntime
    assert type(choose("greenlets")) is GreenletRuntime
    with pytest.raises(UsageError, match="asyncio"):
        choose("asyncio")


def test_spawn_runs_beside_us_and_an_event_tells_of_it(runtime: ClientRuntime) -> None:
    event, go = runtime.event(), runtime.event()

    def run() -> None:
        go.wait(WAIT)
        event.set()

    runtime.spawn(run)
    assert not event.is_set()
    assert not event.wait(0.001)
    go.set()
    assert event.wait(WAIT)
    assert event.is_set()


def test_a_lock_is_not_given_twice(runtime: ClientRuntime) -> None:
    lock = runtime.lock()
    assert lock.acquire(blocking=False)
    assert not lock.acquire(blocking=False)
    lock.release()
    assert lock.acquire()


def test_connect_gives_a_connected_socket_with_a_timeout(runtime: ClientRuntime, port: int) -> None:
    with runtime.connect(("127.0.0.1", port), 1.5) as sock:
        assert sock.getpeername()[1] == port
        assert sock.gettimeout() == 1.5


def test_connect_raises_an_os_error_where_nobody_listens(runtime: ClientRuntime) -> None:
    with gevent_socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(OSError):
            runtime.connect(bound.getsockname(), 1.0)
