"""The HTTP connectors against a real server, on greenlets and on threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from support.counting import add, keep
from support.peer import Peer, Proxy
from support.serving import eventually, free_port, in_thread, listen
from support.slow_line import SlowLine

from nuphar import Client, Limits, Server, Store, UsageError
from nuphar.actors.routing.topic_handle import TopicHandle
from nuphar.transport import Connector, Handler
from nuphar.transport.client.connectors import http_line
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.http import event_stream, long_polling
from nuphar.transport.client.connectors.runtimes import ThreadRuntime, choose

STORES = {"counter": Store(0, add), "list": Store((), keep)}
Start = Callable[..., Client]


@pytest.fixture
def port(server: Server) -> int:
    for name, store in STORES.items():
        server.topic(name).with_store(store)
    return listen(server)


@pytest.fixture(params=[long_polling, event_stream], ids=["poll", "events"])
def make(request: pytest.FixtureRequest) -> Callable[..., Connector]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=["greenlets", "threads"])
def start(make: Callable[..., Connector], request: pytest.FixtureRequest) -> Iterator[Start]:
    """A function that connects a client, which comes back at once; all are closed at the end."""
    clients: list[Client] = []

    def connect(port: int, **options: Any) -> Client:
        options = {"backoff": ReconnectBackoff(0.01), "chance": lambda: 0.5} | options
        connector = make(f"http://127.0.0.1:{port}/live", runtime=choose(request.param), **options)
        clients.append(Client(connector, stores=STORES, runtime=request.param))
        return clients[-1]

    yield connect
    for client in clients:
        close(client)


def close(client: Client) -> None:
    """Close a client, which waits for the answer of our own server."""
    if isinstance(client._runtime, ThreadRuntime):
        in_thread(client.close)
    else:
        client.close()


def live(client: Client) -> Client:
    eventually(lambda: client.is_live and client._core.is_settled())
    return client


def topic_of(server: Server, id: str) -> TopicHandle:
    return TopicHandle(server, server.directory.topics[id])


def test_messages_go_both_ways_in_order(server: Server, port: int, start: Start) -> None:
    client = live(start(port))
    for n in range(50):
        client.dispatch("list", n)
    topic_of(server, "list").dispatch("from the server")
    eventually(lambda: len(client.model("list")) == 51)
    assert [n for n in client.model("list") if isinstance(n, int)] == list(range(50))


def test_a_client_that_closes_is_gone_at_once(server: Server, port: int, start: Start) -> None:
    client = live(start(port))
    (connection,) = server.gateway.connections
    close(client)
    eventually(lambda: not server.gateway.connections)
    assert connection._socket.close_code == 1000


def test_it_comes_back_when_its_line_is_gone(server: Server, port: int, start: Start) -> None:
    client = live(start(port))
    (connection,) = server.gateway.connections
    connection.abort()
    topic_of(server, "counter").dispatch(5)
    eventually(lambda: client.model("counter") == 5 and client.is_live)


def test_requests_that_are_cut_off_are_made_again_on_the_same_line(server: Server, port: int, start: Start) -> None:
    proxy = Proxy(port)
    try:
        client = live(start(int(proxy.url.split(":")[2].split("/")[0])))
        (connection,) = server.gateway.connections
        for n in range(3):
            proxy.cut()
            client.dispatch("counter", 1)
            eventually(lambda n=n: client.model("counter") == n + 1)  # type: ignore[misc]
        assert server.gateway.connections == {connection}
        close(client)
    finally:
        proxy.close()


def test_a_close_code_that_is_for_good_ends_the_client(server: Server, port: int, start: Start) -> None:
    client = live(start(port))
    (connection,) = server.gateway.connections
    connection._socket.close(4403, "forbidden")
    eventually(lambda: str(client.state) == "closed (4403 forbidden)")


def test_a_refusal_is_for_good(port: int, start: Start) -> None:
    client = start(port, headers=(("Origin", "https://evil.example"),))
    eventually(lambda: str(client.state) == "closed (403 this origin is not allowed)")


def test_it_answers_heartbeats(make_server: Callable[..., Server], start: Start) -> None:
    server = make_server(limits=Limits(heartbeat=0.05))
    for name, store in STORES.items():
        server.topic(name).with_store(store)
    client = live(start(listen(server)))
    (connection,) = server.gateway.connections
    first = connection._socket.last_received
    eventually(lambda: connection._socket.last_received > first + 0.3)
    assert server.gateway.connections == {connection}
    assert client.is_live


def test_while_a_long_answer_arrives_posts_without_frames_say_so(
    server: Server, port: int, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_line, "BREATH", 0.02)
    topic_of(server, "list").dispatch("x" * 300_000)
    line = SlowLine(port)
    line.allow(50_000)
    try:
        client = start(line.port)
        eventually(lambda: line.is_dry)
        (connection,) = server.gateway.connections
        before = connection._socket.number
        eventually(lambda: line.allow(300) or connection._socket.number > before + 3)  # the answers to them, mostly
        assert client.model("list") == ()
        line.allow(float("inf"))
        live(client)
        assert client.model("list") == ("x" * 300_000,)
        assert server.gateway.connections == {connection}
        close(client)
    finally:
        line.close()


def test_it_waits_for_a_server_that_is_not_there(start: Start, free: int) -> None:
    client = start(free)
    assert not client.is_live
    assert not client.is_closed


def test_leaving_keeps_the_session(server: Server, port: int, make: Callable[..., Connector]) -> None:
    got: list[bytes] = []
    opened: list[bool] = []
    handler = Handler(got.append, lambda: opened.append(True), lambda: None)
    transport = make(f"http://127.0.0.1:{port}/live", runtime=choose("greenlets"))(handler)
    eventually(lambda: opened)
    transport.send(b"\x86\x01\x01\xf6\xf6\xa0\xa0")
    eventually(lambda: got)
    (connection,) = server.gateway.connections
    assert transport.leave is not None
    transport.leave()
    eventually(lambda: not server.gateway.connections)
    assert connection._socket.close_code == 1001


def test_a_server_that_is_full_is_asked_again_later(make: Callable[..., Connector]) -> None:
    peer = Peer()
    faults: list[str] = []
    handler = Handler(lambda _: None, lambda: None, lambda: None, on_fault=faults.append)
    transport = make(
        f"http://127.0.0.1:{peer.port}/live", runtime=choose("greenlets"), chance=lambda: 0.0, timeout=1.0
    )(handler)
    try:
        for _ in range(2):
            line = peer.accept()
            line.read_request()
            line.answer("503 Service Unavailable", "Content-Length: 4", body="full")
        eventually(lambda: faults[:2] == ["the server answered 503: full"] * 2)
    finally:
        transport.close()
        peer.close()


def test_a_farewell_that_comes_while_a_request_is_under_way_follows_it(make: Callable[..., Connector]) -> None:
    peer = Peer()
    opened: list[bool] = []
    handler = Handler(lambda _: None, lambda: opened.append(True), lambda: None)
    transport = make(f"http://127.0.0.1:{peer.port}/live", runtime=choose("greenlets"))(handler)
    closing = None
    try:
        posts = peer.accept()
        posts.read_request()
        posts.answer("201 Created", "Nuphar-Line: x", "Content-Length: 0")
        eventually(lambda: opened)
        transport.send(b"\x00")
        assert "Nuphar-Close" not in posts.read_request()
        closing = gevent.spawn(transport.close)
        gevent.sleep(0)
        posts.answer("204 No Content")
        assert "Nuphar-Close: 1000" in posts.read_request()
        posts.answer("204 No Content")
    finally:
        peer.close()
        transport.close()
        gevent.joinall([] if closing is None else [closing], timeout=5)


@pytest.mark.parametrize("url", ["ws://127.0.0.1/live", "http://", "127.0.0.1:8000", "http://x:99999/"])
def test_another_url_is_refused_at_once(url: str, make: Callable[..., Connector]) -> None:
    with pytest.raises(UsageError, match="http://"):
        make(url)


@pytest.fixture
def free() -> int:
    return free_port()
