"""What a client can provoke does not fill the log."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer
from support.scripted import ScriptedClient, settle

from nuphar import Server, Store
from nuphar.actors.runtime.log_throttle import tell_left_out
from nuphar.transport.handler import WSGIHandler
from nuphar.transport.wire.frames import ClientMessage, Rejected, Subscribe

INFINITY = float("inf")
LIMIT = 10.0  # seconds that any wait here may take
MESSAGES = 1_000


def written(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a log file would hold, record for record."""
    tell_left_out(INFINITY)
    return [logging.Formatter().format(record) for record in caplog.records]


def dive(model: int, message: int) -> int:
    """An update that a message takes as deep as it likes."""
    if message > 0:
        return delve(model, message - 1)
    raise ValueError("at the bottom")


def delve(model: int, message: int) -> int:
    return dive(model, message)


def test_messages_that_crash_by_the_thousand_leave_a_few_lines(
    server: Server, client: Callable[..., ScriptedClient], caplog: pytest.LogCaptureFixture
) -> None:
    server.topic("deep").with_store(Store(0, dive))
    bad = client()
    bad.send(Subscribe(1, "topic:deep", None, None))
    bad.take()
    for ref in range(2, MESSAGES + 2):
        bad.send(ClientMessage(ref, "topic:deep", 100))
        if ref % 100 == 0:
            settle(server)
    assert sum(isinstance(frame, Rejected) and frame.code == "crashed" for frame in bad.take()) == MESSAGES
    records = written(caplog)
    assert "ValueError: at the bottom" in records[0]
    assert len(records) < MESSAGES / 10  # one a second, however slow this machine is
    assert sum(map(len, records)) / len(records) < 4_000
    assert max(record.count('  File "') for record in records) == 20
    assert "more l" in records[-1]  # how many were left out


def test_heads_that_cannot_be_read_leave_one_line_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    wsgi = WSGIServer(("127.0.0.1", 0), lambda environ, start_response: [], handler_class=WSGIHandler, log=None)
    wsgi.start()
    try:
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", wsgi.server_port), timeout=LIMIT) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n")
                assert b"".join(iter(lambda: sock.recv(65536), b"")).startswith(b"HTTP/1.1 400 ")
    finally:
        wsgi.stop()
    records = written(caplog)
    assert records[0].startswith("request refused: ")
    assert len(records) < 10
    assert "more l" in records[-1]


def test_requests_that_crash_the_application_leave_one_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def crash(environ: object, start_response: object) -> list[bytes]:
        raise KeyError("a secret")

    wsgi = WSGIServer(("127.0.0.1", 0), crash, handler_class=WSGIHandler, log=None)
    wsgi.start()
    try:
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", wsgi.server_port), timeout=LIMIT) as sock:
                sock.sendall(b"GET /room?a=%20 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: sock.recv(65536), b""))
                assert answer.startswith(b"HTTP/1.1 500 ")
                assert b"a secret" not in answer
    finally:
        wsgi.stop()
    records = written(caplog)
    assert records[0].startswith("GET of '/room?a=%20' from ")
    assert "KeyError: 'a secret'" in records[0]
    assert len(records) < 10
