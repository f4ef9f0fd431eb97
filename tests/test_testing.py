"""The line in memory."""

from __future__ import annotations

from typing import Any

import pytest
from support.counting import add
from support.serving import eventually, in_thread

from nuphar import Client, NotRunning, Server, Store, UsageError, states
from nuphar.testing import MemoryConnector

COUNTER = Store(0, add)


@pytest.fixture
def line(server: Server) -> MemoryConnector:
    server.topic("counter").with_store(COUNTER)
    return MemoryConnector(server)


def test_a_client_follows_a_server_over_it(line: MemoryConnector) -> None:
    with Client(line, stores={"counter": COUNTER}) as client:
        assert client.wait_live().dispatch("counter", 5).get(timeout=5) == 1
        assert client.model("counter") == 5


def test_everybody_hears_what_the_others_and_the_server_say(server: Server) -> None:
    topic = server.topic("counter").with_store(COUNTER)
    with (
        Client(MemoryConnector(server), stores={"counter": COUNTER}) as one,
        Client(MemoryConnector(server), stores={"counter": COUNTER}) as two,
    ):
        one.wait_live()
        two.wait_live()
        for client in (one, two):
            client.dispatch("counter", 1).get(timeout=5)
            topic.dispatch(10)
        for client in (one, two):
            client.wait_until(lambda client: client.confirmed("counter") == 22)


def test_a_cut_line_stays_cut_until_it_is_restored(line: MemoryConnector) -> None:
    with Client(line, stores={"counter": COUNTER}) as client:
        client.wait_live()
        for n in range(1, 4):
            line.cut("on purpose")
            line.cut("twice")
            assert isinstance(client.state, states.Offline)
            assert client.state.why == "on purpose"
            answer = client.dispatch("counter", 1)
            assert client.model("counter") == n
            line.restore()
            line.restore()
            assert answer.get(timeout=5) == n
            client.wait_until(lambda client, n=n: client.confirmed("counter") == n)


def test_the_server_hears_of_the_end(server: Server, line: MemoryConnector) -> None:
    with Client(line) as client:
        client.wait_live()
        assert len(server.gateway.connections) == 1
    eventually(lambda: not server.gateway.connections)
    line.restore()
    assert not server.gateway.connections


def test_a_client_in_another_thread(server: Server, line: MemoryConnector) -> None:
    def use() -> int:
        with Client(line, stores={"counter": COUNTER}, runtime="threads") as client:
            seq: int = client.wait_live().dispatch("counter", 5).get(timeout=5)
            return seq

    assert in_thread(use) == 1
    eventually(lambda: not server.gateway.connections)


def test_a_server_that_stops_is_heard_of(server: Server, line: MemoryConnector) -> None:
    with Client(line, stores={"counter": COUNTER}) as client:
        client.wait_live().dispatch("counter", 5).get(timeout=5)
        server.stop()
        client.wait_until(lambda client: isinstance(client.state, states.Offline))
        assert client.model("counter") == 0, "the topic has stopped"


def test_frames_that_nobody_understands_close_it_for_good(line: MemoryConnector) -> None:
    with Client(line) as client:
        client.wait_live()
        for _ in range(4):
            line._send(b"\xff")
        eventually(lambda: client.is_closed)
        assert isinstance(client.state, states.Closed)
        assert client.state.code == 4400


def test_it_is_for_one_client_and_a_running_server(server: Server, line: MemoryConnector) -> None:
    with Client(line), pytest.raises(UsageError, match="one client"):
        Client(line)
    unstarted: Any = Server()
    with pytest.raises(NotRunning):
        MemoryConnector(unstarted)
