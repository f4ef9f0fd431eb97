"""A large Snapshot on a line that carries little: life is bytes that move, and nothing else is too slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from support.hosts import AtTime
from support.http import EventsClient, PollClient
from support.raw import RawClient, close_all
from support.serving import eventually, listen
from support.slow_line import SlowLine

from nuphar import Server, Store

SIZE = 900_000
STEP = 30_000  # bytes
SECONDS = 14.0  # in which a step passes: 2 kB/s, and 7 minutes for all of it

Transport = Callable[..., RawClient]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    close_all()


@pytest.fixture
def scene(make_server: Callable[..., Server]) -> Iterator[tuple[Server, Clock, SlowLine]]:
    server, clock = make_server(), Clock()
    server.gateway.host = AtTime(clock)
    server.topic("large").with_store(Store({"text": "x" * SIZE, "n": 0}, lambda m, n: {**m, "n": m["n"] + n}))
    line = SlowLine(listen(server))
    yield server, clock, line
    line.close()
    server.gateway.abort_all()


def pass_time(server: Server, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    for connection in list(server.gateway.connections):
        connection.tick(clock.now)


@pytest.mark.parametrize("transport", [RawClient, PollClient, EventsClient])
def test_a_snapshot_may_take_minutes_as_long_as_bytes_move(
    scene: tuple[Server, Clock, SlowLine], transport: Transport
) -> None:
    server, clock, line = scene
    client = transport(line.port)
    (connection,) = server.gateway.connections
    line.allow(0)
    got: list[Any] = []

    def read() -> None:
        client.send([2, 1, "topic:large", None, None])
        while not got or got[-1][0] != 17:
            got.append(client.receive())

    reader = gevent.spawn(read)
    while not got:
        line.allow(STEP)
        eventually(lambda: line.is_dry or got)
        pass_time(server, clock, SECONDS)
        assert connection._socket.close_code is None
    assert clock.now > 1_000.0 + 0.9 * SECONDS * SIZE / STEP
    line.allow(float("inf"))
    reader.get(timeout=10.0)
    assert [frame[0] for frame in got if frame[0] != 7] == [21, 17]
    assert server.gateway.connections == {connection}


@pytest.mark.parametrize("transport", [RawClient, PollClient, EventsClient])
def test_who_takes_nothing_any_more_is_closed(scene: tuple[Server, Clock, SlowLine], transport: Transport) -> None:
    server, clock, line = scene
    client = transport(line.port)
    (connection,) = server.gateway.connections
    line.allow(STEP)

    def read() -> None:
        client.send([2, 1, "topic:large", None, None])
        client.receive()

    reader = gevent.spawn(read)
    eventually(lambda: line.is_dry)
    for _ in range(30):
        pass_time(server, clock, SECONDS)
    assert connection._socket.close_code in (4508, 4513, 1006)
    reader.kill()
