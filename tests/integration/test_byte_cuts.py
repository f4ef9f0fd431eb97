"""A line that is cut after each byte of an exchange, in each direction: nothing is lost, doubled or answered wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.counting import keep
from support.cutting import CuttingProxy, Exchange, Way
from support.raw import WAIT
from support.serving import eventually, listen

from nuphar import Client, Limits, Server, Store
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.connector import Connector
from nuphar.transport.client.connectors.http import event_stream, long_polling
from nuphar.transport.client.connectors.websocket import websocket

LIST = Store((), keep)
HTTP_STEP = int(os.environ.get("NUPHAR_CUT_STEP", "151"))
"""HTTP is cut after every so many bytes, as each time costs a tenth of a second; ``make cuts`` takes them all."""


class Bench:
    """A server, the proxy before it, and a client that the cuts do not reach; each exchange has a topic of its own."""

    def __init__(self, server: Server) -> None:
        self._kind = server.topic_kind("cut:", store=LIST)
        port = listen(server)
        self.proxy = CuttingProxy(port)
        self.other = Client(f"ws://127.0.0.1:{port}/live").wait_live()
        self._topics = 0

    def close(self) -> None:
        self.other.close()
        self.proxy.close()

    def run(self, connector: Connector, way: Way, limit: int | None) -> Exchange:
        """Do the exchange, cut after ``limit`` bytes of ``way``, and check everything that came of it."""
        self._topics += 1
        target = f"topic:cut:{self._topics}"
        exchange = self.proxy.begin(way, limit)
        self.other.subscribe(target, LIST)
        sent: dict[Any, Any] = {}
        with Client(connector, stores={target: LIST}) as client:
            sent["a1"] = client.dispatch(target, "a1")  # waits for the connection
            sent["b1"] = self.other.dispatch(target, "b1")
            sent["b1"].get(timeout=WAIT)
            sent["a1"].get(timeout=WAIT)
            for message, author in (("a2", client), ("b2", self.other), ("a3", client)):
                sent[message] = author.dispatch(target, message)
            seqs = {message: answer.get(timeout=WAIT) for message, answer in sent.items()}
            topic = self._kind.topic(self._topics)
            model = topic.model
            assert sorted(model) == sorted(sent)
            assert seqs == {message: model.index(message) + 1 for message in sent}
            assert [message for message in model if message[0] == "a"] == ["a1", "a2", "a3"]
            for each in (client, self.other):
                each.wait_until(lambda one: one.is_live and one.confirmed(target) == model, WAIT)
                assert each.model(target) == model
                assert each.pending(target) == []
            eventually(lambda: len(topic.subscribers) == 2)
        self.other.unsubscribe(target)
        return exchange

    def run_all(self, connector: Connector, way: Way, step: int) -> None:
        """Do it once in peace, and once for every ``step`` bytes that it took."""
        length = self.run(connector, way, None).passed[way]
        limits = range(0, length + 1, step)
        cuts = sum(self.run(connector, way, limit).is_cut for limit in limits)
        assert cuts > len(limits) // 2  # answers that come together are shorter, so a late cut may find nothing


@pytest.fixture
def start(make_server: Callable[..., Server]) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def start(**options: Any) -> Bench:
        # Lines that were cut while they opened have nobody who would hear of the server's end.
        benches.append(Bench(make_server(limits=Limits(close=0.1), **options)))
        return benches[-1]

    yield start
    for bench in benches:
        bench.close()


def connect(kind: Callable[..., Connector], scheme: str, bench: Bench) -> Connector:
    url = f"{scheme}://127.0.0.1:{bench.proxy.port}/live"
    return kind(url, backoff=ReconnectBackoff(0.001, most=0.01), chance=lambda: 0.5)


@pytest.mark.parametrize("way", Way)
def test_a_websocket_may_be_cut_after_any_byte(start: Callable[..., Bench], way: Way) -> None:
    bench = start()
    bench.run_all(connect(websocket, "ws", bench), way, 1)


@pytest.mark.parametrize("way", Way)
def test_what_the_history_has_no_more_comes_as_a_snapshot(start: Callable[..., Bench], way: Way) -> None:
    bench = start(history=1)
    bench.run_all(connect(websocket, "ws", bench), way, 5)


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("kind", [long_polling, event_stream])
def test_http_may_be_cut_after_any_byte(start: Callable[..., Bench], kind: Callable[..., Connector], way: Way) -> None:
    bench = start()
    bench.run_all(connect(kind, "http", bench), way, HTTP_STEP)
