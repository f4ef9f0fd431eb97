"""The WebSocket that an application finds in its environment: under our handler, and under one that cannot upgrade."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import pywsgi
from gevent import socket as gevent_socket
from gevent.event import Event
from geventwebsocket.exceptions import WebSocketError
from geventwebsocket.resource import Resource, WebSocketApplication
from support.raw import CLOSE, TEXT, Closed, RawClient, Refused, close_all, request, websocket_frame

from nuphar.transport.server.borrowing import Borrowing
from nuphar.transport.server.gevent_websockets import Offered
from nuphar.transport.server.wsgi_handler import WSGIHandler

LIMIT = 10.0  # seconds that any wait here may take
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

App = Callable[[dict[str, Any], Callable[..., Any]], Any]


class GunicornHandler(pywsgi.WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """What gunicorn's handler on pywsgi is: it hands on the socket, and knows of no upgrade."""

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["gunicorn.sock"] = self.socket
        return environ


class Site:
    """A WSGI server for one application, that says which requests came, and what went wrong."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.application: App = plain
        self.paths: list[str] = []
        self.raised: list[BaseException] = []
        self.log: list[str] = []
        self.ended = Event()
        handler = WSGIHandler if kind == "ours" else GunicornHandler
        application = self if kind == "ours" else Borrowing(self)
        self.wsgi = pywsgi.WSGIServer(("127.0.0.1", 0), application, handler_class=handler, log=self, spawn=20)
        self.wsgi.start()
        self.port = int(self.wsgi.server_port)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        self.paths.append(environ["PATH_INFO"])
        try:
            return self.application(environ, start_response)
        except BaseException as error:
            self.raised.append(error)
            raise
        finally:
            self.ended.set()

    def write(self, line: str) -> None:
        """The server's access log."""
        self.log.append(line)

    def dial(self, *headers: str) -> RawClient:
        return RawClient(self.port, "/socket", subprotocol=None, greet=False, headers=headers)

    def finished(self) -> None:
        """Wait until no connection is being served."""
        with gevent.Timeout(LIMIT):
            self.wsgi.pool.join()


@pytest.fixture(params=["ours", "gunicorn"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    site = Site(request.param)
    with gevent.Timeout(LIMIT * 2):
        yield site
    close_all()
    site.wsgi.stop(timeout=1)


def plain(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "2"), ("Connection", "close")])
    return [b"no"]


def shout(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer text in capitals until the client closes."""
    websocket = environ["wsgi.websocket"]
    while (message := websocket.receive()) is not None:
        websocket.send(message.upper())
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"a piece that nobody may see")
    return [b"a body that nobody may see"]


def say(client: RawClient, text: str) -> Any:
    client.send_raw(websocket_frame(TEXT, f'"{text}"'.encode()))
    return client.receive()


def test_an_application_talks_over_its_websocket_to_the_end(site: Site) -> None:
    site.application = shout
    client = site.dial()
    assert [say(client, "hey"), say(client, "you")] == ["HEY", "YOU"]
    client.send_raw(websocket_frame(CLOSE, (1000).to_bytes(2, "big")))
    assert len(client.receive_all()) == 1, "a close frame and nothing else"
    site.finished()
    assert site.raised == []


def test_the_answer_is_a_101_in_the_access_log_and_nothing_follows_the_close_frame(site: Site) -> None:
    site.application = shout
    client = site.dial()
    assert client.headers["sec-websocket-accept"]
    assert "transfer-encoding" not in client.headers
    client.send_raw(websocket_frame(CLOSE, (1000).to_bytes(2, "big")))
    assert isinstance(client.receive(), Closed)
    assert client.receive() is None
    site.finished()
    if site.kind == "ours":
        assert '"GET /socket HTTP/1.1" 101 ' in site.log[0]


def test_an_application_that_answers_in_plain_http_is_left_alone(site: Site) -> None:
    with pytest.raises(Refused) as refused:
        site.dial()
    assert (refused.value.status, refused.value.body) == (403, "no")


def test_other_requests_find_no_websocket(site: Site) -> None:
    found: list[bool] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        found.append("wsgi.websocket" in environ)
        return plain(environ, start_response)

    site.application = application
    wish = ("Upgrade: websocket", "Connection: Upgrade")
    assert request(site.port, "/")[0] == 403
    assert request(site.port, "/", "POST", wish, b"x")[0] == 403
    assert request(site.port, "/", "GET", ("Upgrade: h2c", "Connection: Upgrade"))[0] == 403
    assert found == [False, False, False]


def test_looking_at_it_or_copying_it_upgrades_nothing(site: Site) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        assert environ.get("wsgi.websocket")
        assert repr(environ)
        copy.copy(environ["wsgi.websocket"])
        return plain(environ, start_response)

    site.application = application
    with pytest.raises(Refused) as refused:
        site.dial()
    assert refused.value.status == 403


def test_greenlets_that_ask_together_upgrade_once() -> None:
    asked, go = [], Event()

    def upgrade() -> Any:
        asked.append(True)
        assert go.wait(LIMIT)  # as when the head of the 101 has to wait
        return "a websocket"

    offered = Offered(upgrade)
    greenlets = [gevent.spawn(lambda: offered.upper()) for _ in range(5)]
    gevent.idle()
    go.set()
    assert [greenlet.get(timeout=LIMIT) for greenlet in greenlets] == ["A WEBSOCKET"] * 5
    assert asked == [True]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ("Sec-WebSocket-Version: 12", 426),
        ("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short", 400),
    ],
)
def test_a_handshake_that_is_malformed_is_refused_when_the_application_wants_it(
    site: Site, wrong: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    site.application = shout
    answer = request(site.port, "/socket", "GET", ("Upgrade: websocket", "Connection: Upgrade", wrong))
    assert answer[0] == status
    assert answer[2].startswith(b"expected ")
    site.finished()
    assert "refused: expected " in caplog.text
    assert "Traceback" not in caplog.text


def test_who_keeps_it_longer_than_the_request_hears_that_it_is_over(site: Site) -> None:
    kept: list[Any] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        kept.append(environ["wsgi.websocket"])
        return plain(environ, start_response)

    site.application = application
    with pytest.raises(Refused):
        site.dial()
    site.finished()
    with pytest.raises(WebSocketError, match="not upgraded"):
        kept[0].send("late")


def test_an_application_that_raises_ends_its_websocket_and_no_answer_is_written(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        environ["wsgi.websocket"].send('"so far"')
        raise ValueError("the application is broken")

    site.application = application
    client = site.dial()
    assert client.receive() == "so far"
    assert isinstance(client.receive(), Closed)
    assert client.receive() is None
    site.finished()
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failed) == 1
    assert failed[0].exc_info
    assert "the application is broken" in str(failed[0].exc_info[1])


def test_what_comes_behind_the_end_of_a_websocket_is_no_request(site: Site) -> None:
    sent, handlers = Event(), []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        handlers.append(environ["wsgi.websocket"].handler)
        assert environ["wsgi.websocket"].receive() is None
        assert sent.wait(LIMIT)
        return []

    site.application = application
    client = site.dial()
    client.send_raw(websocket_frame(CLOSE, b""))
    assert isinstance(client.receive(), Closed)
    client.send_raw(BEHIND)
    sent.set()
    assert client.receive() is None
    site.finished()
    assert site.paths == ["/socket"]
    if site.kind == "gunicorn":
        assert handlers[0].rfile.closed, "or the socket would stay open"


def test_who_has_sent_more_than_is_read_finds_the_close_frame_and_an_end_without_a_reset() -> None:
    site, sent = Site("ours"), Event()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        assert environ["wsgi.websocket"].version == "13"
        assert sent.wait(LIMIT)
        return []

    site.application = application
    client = site.dial()
    client.send_raw(websocket_frame(TEXT, bytes(100_000)))
    sent.set()
    assert isinstance(client.receive(), Closed)
    assert client.receive() is None
    client.sock.close()
    site.finished()
    site.wsgi.stop(timeout=1)


def test_what_comes_behind_the_websocket_of_another_package_is_no_request() -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        environ["wsgi.input"].raw._sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        assert environ["wsgi.input"].read(1) == b"x"
        return []

    site = Site("ours")
    site.application = application
    with gevent.Timeout(LIMIT), gevent_socket.create_connection(("127.0.0.1", site.port)) as sock:
        sock.sendall(UPGRADE + b"x" + BEHIND)
        while sock.recv(65536):
            pass
    site.finished()
    site.wsgi.stop(timeout=1)
    assert site.paths == ["/socket"]


def test_a_generator_may_be_the_application_and_upgrade_late(site: Site) -> None:
    closed = Event()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        try:
            yield b""
            environ["wsgi.websocket"].send('"late"')
            yield b"a body that nobody may see"
        finally:
            closed.set()

    site.application = application
    client = site.dial()
    assert client.receive() == "late"
    assert isinstance(client.receive(), Closed)
    assert client.receive() is None
    site.finished()
    assert closed.is_set()


def test_what_says_to_gunicorn_that_a_connection_is_over_passes_through() -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        raise StopIteration

    ours, other = gevent_socket.socketpair()
    with ours, other:
        environ = {"REQUEST_METHOD": "GET", "HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"}
        with pytest.raises(StopIteration):
            Borrowing(application)(environ | {"gunicorn.socket": ours}, lambda status, headers: None)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.recv(1)


def test_a_client_that_reads_nothing_does_not_hold_up_the_end(site: Site) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        sock = environ["wsgi.websocket"].handler.socket
        sock.settimeout(0.0)
        with pytest.raises(TimeoutError):
            sock.sendall(bytes(20_000_000))  # into buffers that are full then
        sock.settimeout(None)
        return []

    site.application = application
    with gevent_socket.create_connection(("127.0.0.1", site.port)) as sock:
        sock.sendall(UPGRADE)
        with gevent.Timeout(LIMIT):
            site.ended.wait()
        site.finished()
    assert site.raised == []


def test_an_application_of_gevent_websocket_s_own_finds_what_its_handler_gives(site: Site) -> None:
    clients: list[int] = []

    class Shouting(WebSocketApplication):  # type: ignore[misc]  # the package has no types
        def on_open(self) -> None:
            clients.append(len(self.ws.handler.server.clients))
            assert self.ws.handler.active_client.ws is self.ws
            assert (self.ws.path, self.ws.version, self.ws.origin) == ("/socket", "13", "http://a.example")

        def on_message(self, message: str | None) -> None:
            if message is not None:
                self.ws.send(message.upper())

    site.application = Resource([("/socket", Shouting)])
    client = site.dial("Origin: http://a.example")
    assert say(client, "hey") == "HEY"
    client.close()
    site.finished()
    assert clients == [1]
    assert site.raised == []
