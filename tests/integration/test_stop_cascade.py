"""The planned end: who hears what, in which order, and that it ends in time whatever the clients do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
import gevent
import pytest
from gevent.pywsgi import WSGIServer
from support.http import EventsClient, PollClient
from support.raw import Closed, RawClient
from support.serving import eventually, listen

from nuphar import Limits, Live, Server, Store, generate_client_id
from nuphar.transport.server.wsgi_handler import WSGIHandler

MANY = 1_000
DEAF = 10


def add(model: Any, message: Any) -> Any:
    return model + message


def router_lives(server: Server) -> bool:
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    router = server.lifecycle.root.registry.whereis("router")
    return router is not None and router.is_alive()


class Bare:
    """A client of ``Server.connect``: keeps each frame with whether the router lived when it came."""

    def __init__(self, server: Server) -> None:
        self.got: list[tuple[list[Any], bool]] = []
        self.id = generate_client_id()
        self.server = server
        server.connect(self.id, lambda data: self.got.append((cbor2.loads(data), router_lives(server))))

    def send(self, *frame: Any) -> None:
        self.server.incoming(self.id, cbor2.dumps(list(frame)))


@pytest.fixture
def kept() -> Iterator[list[RawClient]]:
    """Clients that are closed at the end."""
    clients: list[RawClient] = []
    yield clients
    for client in clients:
        client.sock.close()


def finals(frames: list[Any]) -> list[Any]:
    return [frame for frame in frames if isinstance(frame, list) and frame[0] == 17 and frame[4]]


def test_a_thousand_subscribers_of_which_ten_never_read_all_hear_the_end_in_time(
    make_server: Callable[..., Server], kept: list[RawClient], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(limits=Limits(outbox=20_000_000, outbox_age=60.0))
    one = server.topic("one").with_store(Store(0, add))
    server.topic("two").with_store(Store(0, add))
    port = listen(server)
    deaf = [RawClient(port, receive_buffer=4_096) for _ in range(DEAF)]
    kept += deaf
    hearing = [RawClient(port) for _ in range(MANY - DEAF)]
    kept += hearing
    idle = RawClient(port)
    kept.append(idle)
    for client in hearing[:100]:
        client.subscribe("topic:two")
    flood = server.topic("flood")
    for client in deaf:
        client.subscribe("topic:one")
        client.subscribe("topic:flood")
    for client in hearing:
        client.send([2, client.ref(), "topic:one", None, None])
    bare, silent = Bare(server), Bare(server)
    bare.send(2, 1, "topic:one", None, None)
    eventually(lambda: len(one.subscribers) == MANY + 1)
    connections = {each.session.client_id: each for each in server.gateway.connections}
    stuck = [connections[client.client_id] for client in deaf]
    for _ in range(200):
        flood.broadcast("x" * 20_000)
        gevent.sleep(0)
    eventually(lambda: all(each._socket.outbox.pending for each in stuck))
    one.dispatch(5)
    eventually(lambda: bare.got[-1][0] == [19, "topic:one", 1, 5])

    ended: dict[str, list[Any]] = {}
    alive_at_bye: list[bool] = []

    def read(client: RawClient) -> None:
        frames: list[Any] = []
        while not isinstance(frame := client.receive(), Closed) and frame is not None:
            if frame[0] == 26:
                alive_at_bye.append(router_lives(server))
            frames.append(frame)
        ended[client.client_id] = [*frames, frame]
        client.close()

    readers = [gevent.spawn(read, client) for client in [*hearing, idle]]
    start = time.monotonic()
    server.stop(timeout=5.0)
    took = time.monotonic() - start
    gevent.joinall(readers, timeout=10.0)

    assert took < 5.5
    assert "is killed" not in caplog.text
    for number, client in enumerate(hearing):
        frames = ended[client.client_id]
        *_, bye, closed = frames
        assert closed == Closed(1001, "the server stops")
        assert bye[0] == 26
        assert bye[2] == 1.0
        expected = [[17, "topic:one", 1, [], True]]
        if number < 100:
            expected.append([17, "topic:two", 0, [], True])
        assert sorted(finals(frames)) == expected
        assert frames[-2 - len(expected) : -2] == finals(frames)
    assert [frame[0] for frame in ended[idle.client_id][:-1]] == [26]
    assert alive_at_bye == [False] * len(readers)
    assert [frame for frame, _ in bare.got][-1] == [17, "topic:one", 1, [], True]
    assert bare.got[-1][1], "the router was gone before the final Acknowledge"
    assert len(finals([frame for frame, _ in bare.got])) == 1
    assert silent.got == []
    assert not server.gateway.connections
    assert not router_lives(server)


def test_a_client_that_never_reads_does_not_hold_the_stop_beyond_its_deadline(
    make_server: Callable[..., Server], kept: list[RawClient]
) -> None:
    server = make_server(limits=Limits(outbox=20_000_000))
    topic = server.topic("flood")
    deaf = RawClient(listen(server), receive_buffer=4_096)
    kept.append(deaf)
    deaf.subscribe("topic:flood")
    (stuck,) = server.gateway.connections
    while not stuck._socket.outbox.pending:
        topic.broadcast("x" * 60_000)
        gevent.sleep(0)
    start = time.monotonic()
    server.stop(timeout=0.5)
    assert time.monotonic() - start < 1.0
    eventually(lambda: not server.gateway.connections, timeout=0.5)


def test_a_stop_during_a_stop_waits_for_the_same_end(server: Server, kept: list[RawClient]) -> None:
    server.topic("one").with_store(Store(0, add))
    client = RawClient(listen(server))
    kept.append(client)
    client.subscribe("topic:one")
    stops = [gevent.spawn(server.stop) for _ in range(3)]
    frames = client.receive_all()
    assert [frame[0] for frame in frames[:-1]] == [17, 26]
    client.close()
    gevent.joinall(stops, timeout=5.0, raise_error=True)
    assert all(stop.successful() for stop in stops)
    server.stop()
    assert not server.gateway.connections


def test_a_stop_under_load_answers_every_message_once_and_ends_in_time(server: Server, kept: list[RawClient]) -> None:
    topic = server.topic("one").with_store(Store(0, add))
    port = listen(server)
    sent: dict[str, set[int]] = {}
    got: dict[str, list[Any]] = {}

    def post(client: RawClient) -> None:
        try:
            while True:
                sent[client.client_id].update(client.post("topic:one", *[1] * 10))
                gevent.sleep(0)
        except OSError:
            return

    def read(client: RawClient) -> None:
        got[client.client_id] = client.receive_all()
        client.cut()

    clients = [RawClient(port) for _ in range(20)]
    kept += clients
    for client in clients:
        client.subscribe("topic:one")
        sent[client.client_id] = set()
    readers = [gevent.spawn(read, client) for client in clients]
    posters = [gevent.spawn(post, client) for client in clients]
    eventually(lambda: topic._topic.target.seq > 1_000)
    start = time.monotonic()
    server.stop(timeout=5.0)
    assert time.monotonic() - start < 5.0
    gevent.joinall([*readers, *posters], timeout=5.0)

    assert all(each.ready() for each in [*readers, *posters])
    applied: set[tuple[str, int]] = set()
    for client in clients:
        *frames, closed = got[client.client_id]
        assert closed == Closed(1001, "the server stops")
        assert frames[-1][0] == 26
        assert [frame[0] for frame in frames if frame[0] not in (17, 18, 19, 26)] == []
        final = finals(frames)
        assert len(final) == 1
        at = frames.index(final[0])
        # Every seq up to the end, without a gap, then the end; nothing of the topic's order after it.
        seqs: list[int] = []
        for frame in frames[:at]:
            if frame[0] == 19:
                seqs.append(frame[2])
            elif frame[0] == 17:
                seqs += range(frame[2] - len(frame[3]) + 1, frame[2] + 1)
        assert seqs == list(range(seqs[0], final[0][2] + 1))
        assert all(frame[0] in (18, 26) for frame in frames[at + 1 :])
        answers = [ref for frame in frames if frame[0] == 17 for ref in frame[3]]
        refused = [frame[1] for frame in frames if frame[0] == 18]
        assert len(answers) == len(set(answers))
        assert not set(answers) & set(refused)
        applied.update((client.client_id, ref) for ref in answers)
    assert len(applied) == topic._topic.target.seq


def test_newcomers_are_not_accepted_any_more_once_the_stop_has_begun(server: Server, kept: list[RawClient]) -> None:
    server.topic("one").with_store(Store(0, add))
    port = listen(server)
    client = RawClient(port)
    kept.append(client)
    client.subscribe("topic:one")
    stop = gevent.spawn(server.stop)
    client.receive()
    with pytest.raises(OSError):
        RawClient(port)
    client.close()
    stop.join(5.0)


def test_whoever_comes_after_the_stop_through_a_foreign_listener_is_told_to_come_back(server: Server) -> None:
    wsgi = WSGIServer(("127.0.0.1", 0), Live(server), handler_class=WSGIHandler, log=None)
    wsgi.start()
    with RawClient(wsgi.server_port) as before:
        before.close()
    server.stop()
    with RawClient(wsgi.server_port, greet=False) as late:
        assert late.receive() == Closed(4500, "the server stops")
        late.close()
    assert not server.gateway.connections
    wsgi.stop()


def test_a_client_that_has_not_said_hello_is_closed_without_bye(server: Server, kept: list[RawClient]) -> None:
    client = RawClient(listen(server), greet=False)
    kept.append(client)
    eventually(lambda: server.gateway.connections)
    stop = gevent.spawn(server.stop)
    assert client.receive() == Closed(1001, "the server stops")
    client.close()
    stop.join(5.0)
    assert not server.gateway.connections


def test_bye_names_the_time_after_which_to_come_back(make_server: Callable[..., Server], kept: list[RawClient]) -> None:
    server = make_server(retry_after=12.5)
    client = RawClient(listen(server), subprotocol="nuphar.v1.json")
    kept.append(client)
    stop = gevent.spawn(server.stop)
    assert client.receive() == [26, "the server stops", 12.5]
    client.receive()
    client.close()
    stop.join(5.0)


def test_lines_over_http_that_take_nothing_do_not_hold_the_stop(
    make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(limits=Limits(outbox=20_000_000, outbox_age=60.0))
    flood = server.topic("flood")
    server.topic("large").with_store(Store({"text": "x" * 2_000_000}, lambda model, message: model))
    port = listen(server)
    deaf = [transport(port, receive_buffer=4_096) for transport in (PollClient, EventsClient) for _ in range(10)]
    hearing = PollClient(port)
    for client in [*deaf, hearing]:
        client.subscribe("topic:flood")
    for client in deaf:
        client.send([2, client.ref(), "topic:large", None, None])
        path = "poll?wait=60&after" if type(client) is PollClient else "events?after"
        client.gets.request("GET", f"/live/{path}={client.batch}", headers={"Nuphar-Line": client.line})
    for _ in range(100):
        flood.broadcast("x" * 20_000)
        gevent.sleep(0)
    eventually(lambda: sum(each._socket.outbox.pending > 0 for each in server.gateway.connections) > 10)

    reader = gevent.spawn(hearing.receive_all)
    start = time.monotonic()
    server.stop(timeout=5.0)
    took = time.monotonic() - start
    assert took < 5.5
    assert "is killed" not in caplog.text
    assert not server.gateway.connections
    assert not server.gateway.lines
    *frames, bye, closed = reader.get(timeout=5.0)
    assert len(finals(frames)) == 1
    assert bye[0] == 26
    assert closed == Closed(1001, "the server stops")
    for client in [*deaf, hearing]:
        client.cut()
