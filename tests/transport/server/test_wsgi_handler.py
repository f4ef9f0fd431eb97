"""The handler under gevent's pywsgi, spoken to by a stock client in a real thread."""

from __future__ import annotations

import logging
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as gevent_socket
from gevent import ssl as gevent_ssl
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from gevent.threadpool import ThreadPool
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect

from nuphar.transport.server.limits import Limits
from nuphar.transport.server.websocket import WebSocket
from nuphar.transport.server.wsgi_handler import WSGIHandler
from nuphar.transport.wire.origin import Origins
from nuphar.transport.wire.upgrade import Decline
from nuphar.transport.wire.websocket_frames import BINARY, TEXT, FrameEvent, WebSocketClose, encode_frame
from nuphar.transport.wire.websocket_reader import FrameReader

LIMIT = 10.0  # seconds that any wait here may take
CBOR, JSON = "nuphar.v1.cbor", "nuphar.v1.json"
KEY = b"\x01\x80\xff\x37"
REQUEST = (
    b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: nuphar.v1.cbor\r\n\r\n"
)


def echo(websocket: WebSocket) -> None:
    """Send back every message."""
    while (messages := websocket.receive()) is not None:
        for message in messages:
            websocket.send(message)


class Silent:
    """An error log that nobody reads."""

    def write(self, text: str) -> None: ...


class Service:
    """A WSGI application: /live is upgraded and then ``serve``'s, all other paths say hello."""

    def __init__(self, serve: Callable[[WebSocket], None] = echo, origins: Origins | None = None) -> None:
        self.serve = serve
        self.origins = origins or Origins()
        self.limits = Limits(close=1.0)
        self.connections: list[WebSocket] = []
        self.log: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] != "/live":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"hello, upgrade " + environ.get("HTTP_UPGRADE", "none").encode()]
        answer = environ["nuphar.upgrade"](self.origins, limits=self.limits)
        if isinstance(answer, Decline):
            start_response(answer.status, list(answer.headers))
            return [answer.body]
        assert environ["wsgi.websocket"] is answer
        self.connections.append(answer)
        self.serve(answer)
        return [b"a body that nobody may see"]

    def write(self, line: str) -> None:
        """The server's access log."""
        self.log.append(line)


@pytest.fixture
def threads() -> Iterator[ThreadPool]:
    pool = ThreadPool(2)
    with gevent.Timeout(LIMIT * 2):
        yield pool
    pool.kill()


@pytest.fixture
def start() -> Iterator[Callable[..., WSGIServer]]:
    servers: list[WSGIServer] = []

    def run(service: Service, listener: Any = ("127.0.0.1", 0), **options: Any) -> WSGIServer:
        server = WSGIServer(listener, service, handler_class=WSGIHandler, log=service, spawn=20, **options)
        server.start()
        servers.append(server)
        return server

    yield run
    for server in servers:
        server.stop(timeout=1)


def url(server: WSGIServer) -> str:
    return f"ws://127.0.0.1:{server.server_port}/live"


def dial(server: WSGIServer, **options: Any) -> ClientConnection:
    return connect(url(server), subprotocols=[JSON, CBOR], proxy=None, open_timeout=LIMIT, **options)


def visit(server: WSGIServer) -> None:
    """Connect and close."""
    with dial(server):
        pass


def finished(server: WSGIServer) -> None:
    """Wait until no connection is being served."""
    with gevent.Timeout(LIMIT):
        server.pool.join()


def http(server: WSGIServer, request: bytes) -> bytes:
    """The raw answer to a raw request, up to the end of TCP."""
    with gevent_socket.create_connection(("127.0.0.1", server.server_port), timeout=LIMIT) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def test_a_stock_client_talks_and_closes(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    service = Service()
    server = start(service)

    def client() -> tuple[str | None, list[str | bytes], int | None]:
        with dial(server) as connection:
            sent: list[str | bytes] = ["grün", b"\x00\xff", "x" * 60_000, b"", b"y" * 60_000]
            for message in sent:
                connection.send(message)
            connection.send([b"in ", b"frag", b"ments"])
            connection.ping().wait(LIMIT)
            answers = [connection.recv(timeout=LIMIT) for _ in range(6)]
            assert answers[:5] == sent
            connection.close(4000, "done")
            return connection.subprotocol, answers[5:], connection.close_code

    assert threads.apply(client) == (CBOR, [b"in fragments"], 4000)
    finished(server)
    assert service.connections[0].close_code == 4000


def test_the_access_log_has_a_line_for_each_request(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    service = Service()
    server = start(service)

    threads.apply(visit, (server,))
    http(server, b"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    finished(server)

    assert '"GET /live HTTP/1.1" 101 ' in service.log[0]
    assert '"GET /other HTTP/1.1" 200 ' in service.log[1]


def test_other_upgrade_requests_reach_the_application_untouched(start: Callable[..., WSGIServer]) -> None:
    server = start(Service())

    answer = http(server, REQUEST.replace(b"/live", b"/other").replace(b"Connection: Upgrade", b"Connection: close"))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"hello, upgrade websocket")


def test_a_wrong_origin_is_refused_and_logged_with_what_is_allowed(
    start: Callable[..., WSGIServer], threads: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    server = start(Service(origins=Origins.allow(["https://b.example"])))

    def client() -> tuple[int, bytes | None]:
        with pytest.raises(InvalidStatus) as refusal:
            dial(server, origin="https://a.example")
        return refusal.value.response.status_code, refusal.value.response.body

    with caplog.at_level(logging.WARNING, "nuphar.transport"):
        assert threads.apply(client) == (403, b"this origin is not allowed\n")
    assert "origin 'https://a.example' is not allowed; allowed: ['https://b.example']" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Version: 13", b"Version: 8", b"426 Upgrade Required"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"!", b"400 Bad Request"),
        (b"nuphar.v1.cbor", b"xnuphar.v1.cborx", b"400 Bad Request"),
        (b"Upgrade: websocket\r\n", b"", b"426 Upgrade Required"),
        (b"HTTP/1.1", b"HTTP/1.0", b"400 Bad Request"),
    ],
)
def test_a_bad_handshake_gets_a_short_text_and_the_end_of_tcp(
    start: Callable[..., WSGIServer], old: bytes, new: bytes, status: bytes
) -> None:
    answer = http(start(Service()), REQUEST.replace(old, new))

    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"\r\n\r\nexpected " in answer


def test_a_request_that_breaks_off_in_its_first_line_is_nobodys_fault(
    start: Callable[..., WSGIServer], capfd: pytest.CaptureFixture[str]
) -> None:
    service = Service()
    server = start(service)
    with gevent_socket.create_connection(("127.0.0.1", server.server_port), timeout=LIMIT) as sock:
        sock.sendall(b"GET /live HT")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(65536) == b""
    assert "Traceback" not in capfd.readouterr().err
    assert service.log == []


def test_frames_sent_right_behind_the_request_are_not_lost(start: Callable[..., WSGIServer]) -> None:
    server = start(Service())
    frames = encode_frame(TEXT, b"early", KEY) + encode_frame(BINARY, b"bird", KEY) + encode_frame(8, b"", KEY)

    head, _, body = http(server, REQUEST + frames).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 101 ")
    expected = ["early", b"bird", WebSocketClose(1005, "")]
    assert FrameReader(1000, client=True).feed(body) == expected


def test_the_101_carries_no_header_of_a_plain_response(start: Callable[..., WSGIServer]) -> None:
    head = http(start(Service()), REQUEST + encode_frame(8, b"", KEY)).partition(b"\r\n\r\n")[0].lower()

    assert b"content-length" not in head
    assert b"transfer-encoding" not in head


def test_nagle_is_off_and_keepalive_on(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    seen: list[tuple[int, int]] = []

    def look(websocket: WebSocket) -> None:
        sock = websocket._sock
        nodelay = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        seen.append((nodelay, sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)))

    server = start(Service(look))
    threads.apply(visit, (server,))
    finished(server)

    assert seen == [(1, 1)]


def test_what_only_http_needs_is_dropped(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    seen: list[bool] = []

    class Curious(WSGIHandler):
        def upgrade(self, *arguments: Any, **options: Any) -> Any:
            rfile = self.rfile
            answer = super().upgrade(*arguments, **options)
            seen.extend((rfile.closed, self.rfile is rfile, "headers" in self.__dict__))
            return answer

    server = start(Service())
    server.handler_class = Curious
    threads.apply(visit, (server,))
    finished(server)

    assert seen == [True, False, False]


def test_an_application_that_returns_closes_with_1000(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    server = start(Service(lambda websocket: websocket.send("only this")))

    def client() -> tuple[str | bytes, int | None]:
        with dial(server) as connection:
            message = connection.recv(timeout=LIMIT)
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=LIMIT)
            return message, connection.close_code

    assert threads.apply(client) == ("only this", 1000)
    finished(server)


def test_an_application_that_crashes_closes_with_1011(
    start: Callable[..., WSGIServer], threads: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(websocket: WebSocket) -> None:
        raise RuntimeError("a secret")

    server = start(Service(crash))

    def client() -> tuple[int | None, str | None]:
        with dial(server) as connection:
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=LIMIT)
            return connection.close_code, connection.close_reason

    assert threads.apply(client) == (1011, "")
    finished(server)
    assert "RuntimeError: a secret" in caplog.text


def test_another_greenlet_closes_with_code_and_reason(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    service = Service()
    server = start(service)

    def client() -> tuple[int | None, str | None]:
        with dial(server) as connection:
            connection.send("hello")
            connection.recv(timeout=LIMIT)
            hub.loop.run_callback_threadsafe(lambda: service.connections[0].close(4409, "replaced"))
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=LIMIT)
            return connection.close_code, connection.close_reason

    hub = gevent.get_hub()
    assert threads.apply(client) == (4409, "replaced")
    finished(server)


def test_a_client_that_never_reads_is_closed_as_too_slow(start: Callable[..., WSGIServer]) -> None:
    piece = encode_frame(BINARY, bytes(10_000))

    def flood(websocket: WebSocket) -> None:
        while websocket.write(piece):
            pass
        websocket.close(4513)

    service = Service(flood)
    service.limits = Limits(outbox=200_000, close=5.0)
    server = start(service)
    with gevent_socket.create_connection(("127.0.0.1", server.server_port), timeout=LIMIT) as sock:
        sock.sendall(REQUEST)
        while not service.connections or not service.connections[0].closed:
            gevent.idle()
        data = bytearray()
        while not data.endswith(b"\x88\x02" + (4513).to_bytes(2, "big")):
            chunk = sock.recv(65536)
            assert chunk
            data += chunk
        sock.sendall(encode_frame(8, b"", KEY))
        assert sock.recv(1) == b""
    events: list[FrameEvent] = FrameReader(10_000, client=True).feed(bytes(data).partition(b"\r\n\r\n")[2])
    assert events[-1] == WebSocketClose(4513, "")
    assert set(events[:-1]) == {bytes(10_000)}
    finished(server)


def test_a_killed_handler_ends_at_once_and_does_not_wait_for_the_peer(
    start: Callable[..., WSGIServer],
) -> None:
    service = Service()
    service.limits = Limits(close=3600.0)
    server = start(service)
    with gevent_socket.create_connection(("127.0.0.1", server.server_port), timeout=LIMIT) as sock:
        sock.sendall(REQUEST)
        assert sock.recv(4096).startswith(b"HTTP/1.1 101")

        with gevent.Timeout(LIMIT):
            server.pool.kill()

        assert sock.recv(1) == b""
    assert service.connections[0].close_code == 1006


def test_many_clients_of_a_unix_socket_are_kept_apart(
    start: Callable[..., WSGIServer], threads: ThreadPool, tmp_path: Path
) -> None:
    path = str(tmp_path / "live.sock")
    with gevent_socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = start(Service(), listener)

        def client() -> list[str | bytes]:
            with (
                unix_connect(path, "ws://localhost/live", subprotocols=[CBOR]) as one,
                unix_connect(path, "ws://localhost/live", subprotocols=[CBOR]) as two,
            ):
                one.send("one")
                two.send("two")
                answers = [two.recv(timeout=LIMIT)]
                two.close()
                answers.append(one.recv(timeout=LIMIT))
                return answers

        assert threads.apply(client) == ["two", "one"]
        finished(server)


def test_a_stock_client_talks_over_tls_and_a_broken_rule_still_gets_its_code(
    start: Callable[..., WSGIServer], threads: ThreadPool, tmp_path: Path
) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-days",
        "2",
    ]
    try:
        subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=LIMIT)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = start(Service(), ssl_context=context)
    trusting = ssl.create_default_context(cafile=str(cert))
    trusting.check_hostname = False

    def client() -> tuple[list[str | bytes], int | None]:
        with connect(url(server).replace("ws", "wss"), subprotocols=[CBOR], ssl=trusting, proxy=None) as connection:
            connection.send("a")
            answers = [connection.recv(timeout=LIMIT)]
            connection.send(b"b" * 60_000)
            answers.append(connection.recv(timeout=LIMIT))
            connection.send(b"c" * 70_000)
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=LIMIT)
            return answers, connection.close_code

    assert threads.apply(client) == (["a", b"b" * 60_000], 1009)
    finished(server)


def test_no_cycle_keeps_a_finished_request_in_memory(start: Callable[..., WSGIServer], threads: ThreadPool) -> None:
    kept: list[dict[str, Any]] = []

    class Keeping(Service):
        def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            kept.append(environ)
            return super().__call__(environ, start_response)

    server = start(Keeping())
    threads.apply(visit, (server,))
    finished(server)

    assert "nuphar.upgrade" not in kept[0]
    assert "wsgi.websocket" not in kept[0]


def test_a_head_that_breaks_off_is_nobodys_error(capfd: pytest.CaptureFixture[str]) -> None:
    requests = Pool()
    server = WSGIServer(("127.0.0.1", 0), Service(), handler_class=WSGIHandler, log=None, spawn=requests)
    server.start()
    try:
        with gevent_socket.create_connection(("127.0.0.1", server.server_port)) as sock:
            sock.sendall(REQUEST[:50])
            with gevent.Timeout(LIMIT):
                while not requests:
                    gevent.sleep(0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert requests.join(LIMIT)
    finally:
        server.stop()
    assert capfd.readouterr().err == ""


# Limits.


class Impatient(WSGIHandler):
    head = keep_alive = rest = 0.1


def impatient(application: Any) -> WSGIServer:
    server = WSGIServer(("127.0.0.1", 0), application, handler_class=Impatient, log=None)
    server.start()
    return server


@pytest.mark.parametrize("begun", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_does_not_come_is_given_up(begun: bytes) -> None:
    server = impatient(Service())
    try:
        answer = http(server, begun)
        assert answer == b"" if begun.count(b"\n") == 0 else answer.startswith(b"HTTP/1.1 408 ")
    finally:
        server.stop()


def test_a_connection_that_asks_nothing_more_is_closed() -> None:
    server = impatient(Service())
    try:
        assert http(server, b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    finally:
        server.stop()


@pytest.mark.parametrize(
    "length", [b"Content-Length: 999999999999", b"Transfer-Encoding: chunked"], ids=["length", "chunks"]
)
def test_a_body_that_nobody_reads_is_cut_off_and_the_answer_arrives(length: bytes) -> None:
    server = impatient(Service())
    try:
        request = b"POST /plain HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n\r\n10000\r\n" + bytes(50_000)
        assert http(server, request).startswith(b"HTTP/1.1 200 ")
    finally:
        server.stop()


def test_a_body_that_nobody_reads_and_that_never_ends_is_cut_off_by_its_size() -> None:
    server = WSGIServer(("127.0.0.1", 0), Service(), handler_class=WSGIHandler, log=None)
    server.start()
    try:
        with gevent_socket.create_connection(("127.0.0.1", server.server_port), timeout=LIMIT) as sock:
            sock.sendall(b"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n")
            with pytest.raises(OSError), gevent.Timeout(LIMIT):
                sock.sendall(bytes(1 << 30))
    finally:
        server.stop()


def test_a_body_that_nobody_reads_does_not_end_a_connection_if_it_is_small() -> None:
    server = WSGIServer(("127.0.0.1", 0), Service(), handler_class=WSGIHandler, log=None)
    server.start()
    try:
        request = b"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        last = b"GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert http(server, request * 3 + last).count(b"HTTP/1.1 200 ") == 4
    finally:
        server.stop()


def test_too_many_headers_are_refused_in_a_line() -> None:
    server = impatient(Service())
    server.error_log = Silent()
    try:
        request = b"GET /plain HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n"
        assert http(server, request).startswith(b"HTTP/1.1 400 ")
    finally:
        server.stop()


@pytest.mark.parametrize("other", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_two_lengths_are_refused(other: str) -> None:
    server = impatient(Service())
    server.error_log = Silent()
    try:
        request = f"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{other}\r\n\r\nabcd".encode()
        assert http(server, request).startswith(b"HTTP/1.1 400 ")
    finally:
        server.stop()
