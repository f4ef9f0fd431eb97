"""Lines over HTTP on real sockets: what may be lost, repeated, late, foreign or far too large."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
import gevent
import gevent.event
import pytest
from gevent import socket as gevent_socket
from gevent.pywsgi import WSGIServer
from support.http import EventsClient, PollClient, body_of, frames_of
from support.raw import WAIT, Closed, RawClient, request
from support.serving import eventually

from nuphar import Limits, Live, Server, Store
from nuphar.transport.server.wsgi_handler import WSGIHandler

HELLO = [1, 1, None, None, {}, {}]
Serve = Callable[..., tuple[Server, int]]


class Log(io.StringIO):
    """An access log."""


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def serve(make_server: Callable[..., Server], log: Log) -> Iterator[Serve]:
    """A function that starts a server with a topic ``list``, and returns it and its port."""
    servers: list[Server] = []

    def start(handler: Any = WSGIHandler, lines: int = 10, **options: Any) -> tuple[Server, int]:
        server = make_server(**options)
        server.topic("list").with_store(Store((), lambda model, message: (*model, message)))
        wsgi = WSGIServer(("127.0.0.1", 0), Live(server, lines=lines), handler_class=handler, log=log)
        wsgi.init_socket()
        server.listen(wsgi)
        servers.append(server)
        return server, int(wsgi.server_port)

    yield start
    for server in servers:
        server.gateway.abort_all()


@pytest.fixture
def port(serve: Serve) -> int:
    return serve()[1]


@pytest.fixture
def client(port: int) -> PollClient:
    client = PollClient(port)
    client.subscribe("topic:list")
    return client


def post(client: PollClient, *frames: Any, number: int) -> tuple[int, dict[str, str], bytes]:
    return client.post_body(body_of(*frames), Nuphar_Number=str(number))


# Numbers.


def test_a_post_whose_answer_was_lost_is_answered_again_and_not_applied_twice(client: PollClient) -> None:
    message = [4, 5, "topic:list", "once"]
    assert post(client, message, number=3)[0] == 204
    assert post(client, message, number=3)[0] == 204
    assert client.receive() == [17, "topic:list", 1, [5], False]
    client.number = 3
    assert client.barrier() == []


def test_a_post_out_of_order_is_answered_409_with_the_number_expected_and_is_not_applied(client: PollClient) -> None:
    for number in (1, 4, 99):
        status, headers, _ = post(client, [4, 5, "topic:list", "x"], number=number)
        assert (status, headers["nuphar-number"]) == (409, "3")
    assert client.barrier() == []


def test_what_a_hook_hears_for_long_is_not_overtaken_by_the_next_post(serve: Serve) -> None:
    server, port = serve()
    heard, go_on = [], gevent.event.Event()

    @server.on_topic_message
    def hear(message: Any, topic_id: str, client_id: str) -> None:
        heard.append(message)
        if message == "a":
            assert go_on.wait(WAIT)

    client, other = PollClient(port), PollClient(port, greet=False)
    client.subscribe("topic:list")
    other.line = client.line
    one = gevent.spawn(post, client, [4, 5, "topic:list", "a"], [4, 6, "topic:list", "b"], number=3)
    eventually(lambda: heard)
    two = gevent.spawn(post, other, [4, 7, "topic:list", "c"], number=4)
    eventually(lambda: server.gateway.connections and next(iter(server.gateway.connections))._socket.turn.linkcount())
    go_on.set()
    gevent.joinall([one, two], WAIT)
    assert [each.value[0] for each in (one, two)] == [204, 204]
    assert heard == ["a", "b", "c"]


def test_a_post_that_confirms_a_batch_that_was_never_sent_is_409_and_not_applied(client: PollClient) -> None:
    body = body_of([4, 5, "topic:list", "x"])
    assert client.post_body(body, Nuphar_Number="3", Nuphar_After="99")[0] == 409
    assert post(client, number=3)[0] == 204
    client.number = 3
    assert client.barrier() == []


def test_two_lines_have_ids_that_nobody_can_guess(port: int) -> None:
    one, other = PollClient(port), PollClient(port)
    assert one.line is not None
    assert one.line != other.line
    assert len(one.line) == 32


# What is lost on its way.


def test_a_batch_whose_answer_was_lost_is_sent_again(client: PollClient) -> None:
    client.post("topic:list", 1)
    first = client.poll()
    client.post("topic:list", 2)
    again = client.poll()
    assert first[2] == again[2]
    assert first[1]["nuphar-batch"] == again[1]["nuphar-batch"]
    client.batch = int(first[1]["nuphar-batch"])
    assert client.receive() == [17, "topic:list", 2, [3], False]


def test_a_batch_that_was_acknowledged_or_never_sent_cannot_be_asked_for(client: PollClient) -> None:
    client.post("topic:list", 1)
    client.receive()
    client.barrier()
    assert client.poll(after=0)[0] == 409
    assert client.poll(after=99)[0] == 409


def test_a_poll_without_news_is_empty_when_its_time_is_over(client: PollClient) -> None:
    status, headers, data = client.poll(wait=0)
    assert (status, data, headers["nuphar-batch"]) == (204, b"", str(client.batch))
    assert headers["cache-control"] == "no-store"


def test_a_second_poll_makes_the_first_return_empty_at_once(client: PollClient) -> None:
    second = PollClient.__new__(PollClient)
    second.__dict__ |= client.__dict__ | {"gets": type(client.gets)(client.gets.port)}
    first = gevent.spawn(client.poll)
    eventually(lambda: client.gets.sock is not None)
    gevent.sleep(0)
    later = gevent.spawn(second.poll)
    status, _, data = first.get(timeout=WAIT)
    assert (status, data) == (204, b"")
    client.post("topic:list", 1)
    assert frames_of(later.get(timeout=WAIT)[2]) == [[17, "topic:list", 1, [2], False]]


def test_a_stream_that_breaks_goes_on_after_the_last_event_id(port: int) -> None:
    client = EventsClient(port)
    client.subscribe("topic:list")
    for n in range(3):
        client.post("topic:list", n)
        client.receive()
    seen = client.batch
    client.post("topic:list", 3)
    client.receive()
    client.gets.close()
    assert client.answer is not None
    client.answer.close()
    client.answer, client.batch = None, seen
    assert client.receive() == [17, "topic:list", 4, [5], False]


def test_a_line_may_change_between_polls_and_events(port: int) -> None:
    client = EventsClient(port)
    client.subscribe("topic:list")
    assert client.answer is not None
    client.post("topic:list", 1)
    assert PollClient.receive(client)[2] == 1
    other = PollClient.__new__(PollClient)
    other.__dict__ |= client.__dict__ | {"gets": type(client.gets)(client.gets.port)}
    poll = gevent.spawn(other.poll)
    assert client.answer.read() == b""  # the older stream has ended
    client.post("topic:list", 2)
    assert frames_of(poll.get(timeout=WAIT)[2]) == [[17, "topic:list", 2, [3], False]]


def test_a_stream_has_comments_as_heartbeats(serve: Serve) -> None:
    _, port = serve(limits=Limits(heartbeat=0.05))
    client = EventsClient(port, greet=False)
    client.send(HELLO)
    answer = client.open_events()
    lines = [answer.readline() for _ in range(8)]
    assert lines[0] == b"retry: 1000\n"
    assert b":\n" in lines


def test_an_event_source_may_name_its_line_in_the_query_and_no_log_of_ours_tells(port: int, log: Log) -> None:
    client = PollClient(port)
    assert client.line is not None
    client.gets.request("GET", f"/live/poll?line={client.line}&wait=0")
    assert client.gets.getresponse().read() is not None
    eventually(lambda: "/live/poll?line=-&wait=0" in log.getvalue())
    assert client.line not in log.getvalue()


# Lines that end.


def test_an_unknown_line_is_404(port: int, client: PollClient) -> None:
    client.line = "x" * 32
    assert post(client, number=1)[0] == 404
    assert client.poll()[0] == 404
    answer = EventsClient.open_events(client)  # type: ignore[arg-type]
    assert answer.status == 404
    assert answer.read()


def test_a_line_without_a_request_is_lost(serve: Serve) -> None:
    server, port = serve(limits=Limits(linger=0.05))
    client = PollClient(port)
    eventually(lambda: not server.gateway.connections)
    assert client.poll()[0] == 404
    assert client.receive() is None


def test_a_line_with_an_open_request_is_not_lost_and_has_no_greenlet_of_its_own(serve: Serve) -> None:
    server, port = serve(limits=Limits(linger=0.05))
    client = PollClient(port)
    answer = gevent.spawn(client.poll)
    lost = PollClient(port)
    eventually(lambda: len(server.gateway.connections) == 1)
    assert lost.poll()[0] == 404
    client.send([7, 9])
    assert frames_of(answer.get(timeout=WAIT)[2]) == [[25, 9]]


def test_a_closed_line_answers_a_post_410_with_the_code(serve: Serve) -> None:
    server, port = serve()
    client = PollClient(port)
    (connection,) = server.gateway.connections
    connection._socket.close(4409, "replaced")
    status, headers, _ = post(client, [7, 1], number=2)
    assert (status, headers["nuphar-close"]) == (410, "4409 replaced")
    assert client.receive_all() == [Closed(4409, "replaced")]
    assert client.poll()[0] == 410  # the end may be asked for again, as an answer may be lost


def test_the_number_of_lines_is_bounded(serve: Serve) -> None:
    _, port = serve(lines=2)
    clients = [PollClient(port) for _ in range(2)]
    third = PollClient(port, greet=False)
    status, headers, _ = third.post_body(body_of(HELLO))
    assert status == 503
    assert int(headers["retry-after"]) > 0
    clients[0].close()
    third.hello()


def test_a_server_that_has_stopped_opens_no_line(server: Server) -> None:
    wsgi = WSGIServer(("127.0.0.1", 0), Live(server), handler_class=WSGIHandler, log=None)
    wsgi.start()
    server.stop()
    client = PollClient(wsgi.server_port, greet=False)
    assert client.post_body(body_of(HELLO))[0] == 503
    wsgi.stop()


# Bodies.


def test_a_body_that_is_no_sequence_is_400_and_ends_the_line(client: PollClient) -> None:
    status, _, text = client.post_body(body_of([4, 2, "topic:list", "x"]) + b"\x82\x07\x01")
    assert status == 400
    assert b"byte string" in text
    assert client.receive_all()[-1].code == 4400


def test_nothing_of_a_body_with_too_many_frames_is_applied(serve: Serve) -> None:
    server, port = serve()
    client = PollClient(port)
    client.subscribe("topic:list")
    status, _, _ = client.post_body(body_of(*[[4, 0, "topic:list", 1]] * 1_001))
    assert status == 413
    assert client.receive_all() == [Closed(1009, "expected at most 1000 frames in a body")]
    assert server.directory.topics["list"].target.seq == 0


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/cbor-seq"])
def test_eight_megabytes_are_refused_from_their_header(port: int, kind: str) -> None:
    sock = gevent_socket.create_connection(("127.0.0.1", port), WAIT)
    head = f"POST /live/send HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 8000000\r\n\r\n"
    sock.sendall(head.encode())
    assert sock.recv(65536).startswith(b"HTTP/1.1 413")
    sock.close()


def test_a_chunked_body_is_cut_at_the_limit(port: int) -> None:
    sock = gevent_socket.create_connection(("127.0.0.1", port), WAIT)
    sock.sendall(
        b"POST /live/send HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    tracemalloc.start()
    chunk = b"10000\r\n" + b"\n" * 0x10000 + b"\r\n"
    for _ in range(5):  # 320 KiB of them, and the limit is 256
        sock.sendall(chunk)
    assert sock.recv(65536).startswith(b"HTTP/1.1 413")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sock.close()
    assert most < 3_000_000


def test_a_chunked_body_within_the_limit_is_taken(port: int) -> None:
    client = PollClient(port, greet=False)
    body = body_of(HELLO)
    client.posts.request(
        "POST", "/live/send", iter([body[:3], body[3:]]), {"Content-Type": client.content_type}, encode_chunked=True
    )
    response = client.posts.getresponse()
    response.read()
    assert response.status == 201


@pytest.mark.parametrize(
    "tail", [b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Content-Length: 10\r\n\r\nabc"], ids=["chunks", "too short"]
)
def test_a_body_that_breaks_off_is_no_request(serve: Serve, tail: bytes) -> None:
    server, port = serve()
    sock = gevent_socket.create_connection(("127.0.0.1", port), WAIT)
    sock.sendall(b"POST /live/send HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor-seq\r\n" + tail)
    sock.shutdown(1)
    assert sock.recv(65536).startswith(b"HTTP/1.1 400")
    sock.close()
    assert not server.gateway.connections


def test_a_body_that_does_not_come_is_given_up(serve: Serve) -> None:
    _, port = serve(limits=Limits(linger=0.1))
    sock = gevent_socket.create_connection(("127.0.0.1", port), WAIT)
    sock.sendall(
        b"POST /live/send HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor-seq\r\nContent-Length: 10\r\n\r\nabc"
    )
    data = b""
    while piece := sock.recv(65536):
        data += piece
    assert data == b"" or data.startswith(b"HTTP/1.1 408")
    sock.close()


def test_the_type_of_a_line_is_that_of_its_first_post(client: PollClient) -> None:
    status, _, _ = client.post_body(json.dumps([7, 1]).encode(), Content_Type="application/x-ndjson")
    assert status == 415
    assert client.barrier() == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/live/send", (), 405),
        ("DELETE", "/live/send", (), 405),
        ("POST", "/live/poll", (), 405),
        ("PUT", "/live/events", (), 405),
        ("POST", "/live/send", ("Content-Type: text/plain",), 415),
        ("POST", "/live/send", ("Content-Type: application/cbor-seq",), 411),
        ("GET", "/live/poll", (), 400),
        ("GET", "/live/events", (), 400),
        ("GET", "/live/other", (), 404),
    ],
)
def test_each_bad_request_has_its_status(
    port: int, method: str, path: str, headers: tuple[str, ...], status: int
) -> None:
    got, fields, _ = request(port, path, method, headers)
    assert got == status
    assert "access-control-allow-origin" not in fields


def test_a_line_and_a_websocket_are_in_the_same_topic(port: int, client: PollClient) -> None:
    other = RawClient(port)
    other.subscribe("topic:list")
    client.post("topic:list", {"text": "ä"})
    assert other.receive() == [19, "topic:list", 1, {"text": "ä"}]
    other.post("topic:list", 2)
    assert [client.receive()[0] for _ in range(2)] == [17, 19]


def test_it_works_under_a_server_that_cannot_upgrade(serve: Serve) -> None:
    from gevent.pywsgi import WSGIHandler

    _, port = serve(handler=WSGIHandler)
    client = EventsClient(port)
    client.subscribe("topic:list")
    client.post("topic:list", cbor2.loads(b"\x01"))
    assert client.receive() == [17, "topic:list", 1, [2], False]


def test_a_stream_whose_client_goes_is_noticed(serve: Serve) -> None:
    server, port = serve(limits=Limits(linger=0.1, heartbeat=0.05, close=0.2))
    client = EventsClient(port, greet=False)
    client.send(HELLO)
    client.answer = client.open_events()
    client.cut()
    eventually(lambda: not server.gateway.connections)
