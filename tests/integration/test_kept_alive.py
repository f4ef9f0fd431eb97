"""Connections that are kept alive over the end of an embedded server: one more answer, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer
from support.serving import listen

from nuphar import Server
from nuphar.transport.server.wsgi_handler import WSGIHandler

LIMIT = 10.0  # seconds that any wait here may take


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class Kept:
    """One connection over which requests are sent."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self._stream = self._socket.makefile("rb")

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Return status, the Connection header and the body."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        status = int(self._stream.readline().split()[1])
        fields: dict[str, str] = {}
        while line := self._stream.readline().strip():
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        return status, fields.get("connection", ""), self._stream.read(int(fields.get("content-length", 0)))

    def has_ended(self) -> bool:
        return not self._stream.read(1)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/live/nuphar.js", 200), ("/live", 426)])
def test_after_the_stop_a_kept_connection_gets_one_more_answer_and_is_closed(
    server: Server, path: str, status: int
) -> None:
    kept = Kept(listen(server, application))
    assert kept.get("/") == (200, "", b"hello") or kept.get("/")[1] == "keep-alive"
    server.stop()
    with gevent.Timeout(LIMIT):
        got, connection, _ = kept.get(path)
        assert (got, connection) == (status, "close")
        assert kept.has_ended()
    kept.close()


def test_while_it_stops_a_kept_connection_is_kept(server: Server) -> None:
    kept = Kept(listen(server, application))
    assert kept.get("/")[0] == 200
    server.lifecycle.has_stopped = True  # the stop has begun, and has not ended: polls still bring goodbyes
    assert kept.get("/")[1] != "close"
    server.lifecycle.has_stopped = False
    kept.close()


def test_gevent_s_own_stop_without_a_pool_leaves_kept_connections_served() -> None:
    wsgi = WSGIServer(("127.0.0.1", 0), application, handler_class=WSGIHandler, log=None)
    wsgi.start()
    kept = Kept(wsgi.server_port)
    assert kept.get("/")[0] == 200
    wsgi.stop(timeout=LIMIT)
    assert kept.get("/")[::2] == (200, b"hello"), "it returned at once, and nobody was told"
    kept.close()


def test_gevent_s_own_stop_with_a_pool_kills_after_its_timeout_and_the_client_gets_a_whole_500() -> None:
    begun, never = gevent.event.Event(), gevent.event.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        begun.set()
        never.wait(LIMIT)
        return application(environ, start_response)

    wsgi = WSGIServer(("127.0.0.1", 0), slow, handler_class=WSGIHandler, log=None, error_log=None, spawn=8)
    wsgi.start()
    kept = Kept(wsgi.server_port)
    asking = gevent.spawn(kept.get, "/")
    assert begun.wait(LIMIT)
    wsgi.stop(timeout=0.01)
    status, _, _ = asking.get(timeout=LIMIT)
    assert status == 500
    kept.close()
