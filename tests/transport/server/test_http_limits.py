"""Each wait of our handler for its client ends: a body that does not come, an answer that nobody reads."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket as gevent_socket
from gevent.pool import Pool

from nuphar.transport.handler import WSGIHandler, WSGIServer

LIMIT = 10.0  # seconds that any wait here may take
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

Start = Callable[..., int]


class Hasty(WSGIHandler):
    stall = rest = 0.1


@pytest.fixture
def requests() -> Pool:
    return Pool()


@pytest.fixture
def start(requests: Pool, capfd: pytest.CaptureFixture[str]) -> Iterator[Start]:
    servers: list[WSGIServer] = []

    def run(application: Any, handler: type[WSGIHandler] = Hasty) -> int:
        server = WSGIServer(("127.0.0.1", 0), application, handler_class=handler, log=None, spawn=requests)
        server.start()
        servers.append(server)
        return int(server.server_port)

    with gevent.Timeout(LIMIT):
        yield run
    for server in servers:
        server.stop(timeout=1)
    assert "Traceback" not in capfd.readouterr().err


def dial(port: int, receive_buffer: int | None = None) -> Any:
    sock = gevent_socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(LIMIT)
    sock.connect(("127.0.0.1", port))
    return sock


def everything(sock: Any) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def reading(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [body]


def lines(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    body = b"|".join(environ["wsgi.input"])
    start_response("200 OK", [])
    return [body]


@pytest.mark.parametrize("application", [reading, lines])
@pytest.mark.parametrize("begun", [POST, POST + b"abc", CHUNKED, CHUNKED + b"3\r\nabc", CHUNKED + b"0\r\nX: y"])
def test_a_body_that_does_not_come_is_given_up_with_408_and_a_line_in_the_log(
    start: Start, begun: bytes, application: Any, caplog: pytest.LogCaptureFixture
) -> None:
    port = start(application)
    with caplog.at_level(logging.INFO, "nuphar.transport"), dial(port) as sock:
        sock.sendall(begun)
        assert everything(sock).startswith(b"HTTP/1.1 408 ")
    assert "expected the body" in caplog.text


class Dripping:
    """A stream from which each read takes 20 s and brings a byte."""

    def __init__(self, now: list[float]) -> None:
        self.now = now
        self.reads = 0

    def read1(self, _: int) -> bytes:
        self.now[0] += 20.0
        self.reads += 1
        return b"x"

    def peek(self, _: int) -> bytes:
        return b"x"


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from nuphar.transport.server import request_body

    now = [0.0]
    monkeypatch.setattr(request_body.time, "monotonic", lambda: now[0])
    stream = Dripping(now)
    body = request_body.Body(stream, 1_000_000, 60.0)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        body.read()
    with pytest.raises(TimeoutError):  # and stays so
        body.readline()
    assert stream.reads == 4


def test_a_body_that_breaks_off_is_400(start: Start) -> None:
    with dial(start(reading)) as sock:
        sock.sendall(POST + b"abc")
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).startswith(b"HTTP/1.1 400 ")


def test_lines_are_read_across_chunks(start: Start) -> None:
    with dial(start(lines)) as sock:
        sock.sendall(CHUNKED + b"3\r\none\r\n8\r\n\ntwo\nthr\r\n2\r\nee\r\n0\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).endswith(b"\r\n\r\none\n|two\n|three")


@pytest.mark.parametrize("size", [None, -1, 0, 1, 4, 100])
def test_a_body_is_read_in_pieces_of_any_size(start: Start, size: int | None) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"]
        pieces = [body.read(size), body.readline(size), body.read(size), body.read()]
        start_response("200 OK", [])
        return [b"".join(pieces)]

    for begun, ending in ((POST + b"ab\ncdefghi", b""), (CHUNKED + b"4\r\nab\nc\r\n6\r\ndefghi\r\n", b"0\r\n\r\n")):
        with dial(start(application)) as sock:
            sock.sendall(begun + ending)
            sock.shutdown(socket.SHUT_WR)
            assert everything(sock).endswith(b"\r\n\r\nab\ncdefghi")


@pytest.mark.parametrize("promised", [True, False], ids=["length", "chunks"])
def test_an_answer_that_nobody_reads_is_cut_off_and_its_greenlet_ends(
    start: Start, requests: Pool, promised: bool, caplog: pytest.LogCaptureFixture
) -> None:
    size = 20_000_000
    ended = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(size))] if promised else [])
        try:
            for _ in range(size // 100_000):
                yield bytes(100_000)
        finally:
            ended.append(True)

    port = start(application)
    with caplog.at_level(logging.INFO, "nuphar.transport"), dial(port, receive_buffer=4096) as sock:
        sock.sendall(GET)
        assert sock.recv(10)
        assert requests.join(LIMIT)
    assert ended == [True]
    assert "is not read: " in caplog.text


def test_an_answer_that_is_read_slowly_arrives(start: Start) -> None:
    body = bytes(range(256)) * 8_000

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [body]

    with dial(start(application), receive_buffer=4096) as sock:
        sock.sendall(GET)
        data = b""
        while not data.endswith(body):
            piece = sock.recv(16384)
            assert piece
            data += piece
            gevent.sleep(0)


def test_an_application_that_takes_its_time_is_not_hurried(start: Start) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        environ["wsgi.input"].read(1)
        gevent.sleep(Hasty.stall * 3)
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    with dial(start(application)) as sock:
        sock.sendall(POST + b"0123456789")
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).endswith(b"123456789")


def test_an_upgrade_by_somebody_else_finds_the_stream_itself_and_may_wait(start: Start) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        stream = environ["wsgi.input"]
        assert stream.raw._sock.gettimeout() is None
        start_response("200 OK", [("Connection", "close")])
        return [stream.read(3)]

    with dial(start(application)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nabc")
        assert everything(sock).endswith(b"abc")


@pytest.mark.parametrize(
    "fields",
    [
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"Connection: upgrade\r\nUpgrade: ",
        b"Connection: close, Upgrade\r\nUpgrade: h2c",
        b"Connection: Upgrade\r\nUpgrade: websocket",
    ],
)
@pytest.mark.parametrize("application", [reading, lines])
def test_what_follows_a_wish_to_upgrade_is_no_body(start: Start, application: Any, fields: bytes) -> None:
    with dial(start(application, WSGIHandler)) as sock:
        sock.sendall(GET.replace(b"\r\n\r\n", b"\r\n" + fields + b"\r\n\r\n") + GET)
        answer = sock.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"GET" not in answer


@pytest.mark.parametrize("fields", [b"Connection: upgrade", b"Connection: Upgrade\r\nUpgrade: websocket"])
def test_an_answer_to_a_wish_to_upgrade_is_given_up_when_nobody_reads_it(
    start: Start, requests: Pool, fields: bytes
) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x" * (64 * 1024 * 1024)

    with dial(start(application), 4096) as sock:
        sock.sendall(GET.replace(b"\r\n\r\n", b"\r\n" + fields + b"\r\n\r\n"))
        assert sock.recv(1)
        assert requests.join(LIMIT)


def test_a_101_of_the_application_s_own_opens_the_stream_without_a_limit_and_no_request_follows(start: Start) -> None:
    limits = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        stream = environ["wsgi.input"]
        assert (stream.read(3), stream.readline(), stream.readlines(), list(stream)) == (b"", b"", [], [])
        sock = stream._rfile.raw._sock
        limits.append(sock.gettimeout())
        start_response("101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "echo")])
        yield b"begun "
        limits.append(sock.gettimeout())
        yield stream.readline() + stream.read(3)

    with dial(start(application)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nline\nabc" + GET)
        assert everything(sock).endswith(b"begun line\nabc")
    assert limits == [Hasty.stall, None]


def test_a_body_with_a_wish_to_upgrade_has_its_length(start: Start) -> None:
    with dial(start(reading)) as sock:
        sock.sendall(POST.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n") + b"0123456789" + GET)
        sock.shutdown(socket.SHUT_WR)
        assert everything(sock).count(b"HTTP/1.1 200 ") == 2


def test_others_run_while_many_chunks_are_read(start: Start) -> None:
    turns = [0]

    def count() -> None:
        while True:
            turns[0] += 1
            gevent.sleep(0)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        before = turns[0]
        size = len(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"%d in %d turns" % (size, turns[0] - before)]

    port = start(application, WSGIHandler)
    counter = gevent.spawn(count)
    try:
        with dial(port) as sock:
            sock.sendall(CHUNKED + b"a\r\n0123456789\r\n" * 40_000 + b"0\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            answer = everything(sock).rpartition(b"\r\n")[2]
    finally:
        counter.kill()
    size, _, count_of_turns, _ = answer.split()
    assert int(size) == 400_000
    assert int(count_of_turns) > 3
