"""``nuphar.serve``: from a bound socket to the end, however it comes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket

import nuphar
from nuphar import CannotListen, NotRunning, Server
from nuphar.supervision.serving.serve import listen

LIMIT = 10.0  # seconds that any wait here may take


def get(url: str, path: str) -> tuple[int, bytes]:
    """Fetch ``path`` over a socket of gevent's."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=LIMIT) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        data = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def served(server: Server, visit: Callable[[str], None], **options: Any) -> None:
    """Serve until ``visit(url)`` has returned, and stop."""
    failures: list[BaseException] = []

    def run(url: str) -> None:
        try:
            visit(url)
        except BaseException as error:
            failures.append(error)
        finally:
            server.stop()

    visitors: list[gevent.Greenlet] = []
    with gevent.Timeout(LIMIT):
        nuphar.serve(server, port=0, on_start=lambda url: visitors.append(gevent.spawn(run, url)), **options)
        gevent.joinall(visitors)
    if failures:
        raise failures[0]


def test_the_application_and_the_browser_client_are_served() -> None:
    def visit(url: str) -> None:
        assert get(url, "/") == (200, b"hello")
        status, body = get(url, "/live/nuphar.js")
        assert status == 200
        assert body

    served(Server(), visit, app=application)


def test_the_path_is_ours_to_choose() -> None:
    def visit(url: str) -> None:
        assert get(url, "/ws/nuphar.js")[0] == 200
        assert get(url, "/live/nuphar.js")[0] == 404

    served(Server(), visit, path="/ws")


def test_a_socket_that_is_bound_already_may_be_given() -> None:
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]

    def visit(url: str) -> None:
        assert url == f"http://127.0.0.1:{port}"
        assert get(url, "/")[0] == 404

    served(Server(), visit, listener=listening)


@pytest.mark.parametrize("address", ["127.0.0.2", "::1", "unix"])
def test_the_url_names_the_listener_that_was_given(address: str, tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    family = {"127.0.0.2": socket.AF_INET, "::1": socket.AF_INET6, "unix": socket.AF_UNIX}[address]
    listening = socket.socket(family)
    listening.bind(path if address == "unix" else (address, 0))
    listening.listen(5)

    def visit(url: str) -> None:
        name = listening.getsockname()
        assert (
            url
            == {
                "127.0.0.2": f"http://127.0.0.2:{name[1]}",
                "::1": f"http://[::1]:{name[1]}",
                "unix": f"unix:{path}",
            }[address]
        )
        with socket.socket(family) as connection:
            connection.connect(name)

    served(Server(), visit, listener=listening)


def test_an_address_in_use_is_the_caller_s_error_and_nothing_was_started() -> None:
    taken = listen("127.0.0.1", 0)
    server = Server()
    with pytest.raises(
        CannotListen, match=r"cannot listen at 127\.0\.0\.1:\d+: Address already in use: .* another port"
    ):
        nuphar.serve(server, port=taken.getsockname()[1])
    assert not server.is_running
    taken.close()


def test_a_server_that_was_stopped_is_not_served_and_no_socket_stays_open() -> None:
    server = Server()
    server.stop()
    with pytest.raises(NotRunning):
        nuphar.serve(server, port=0)


def test_a_server_that_runs_already_is_served() -> None:
    server = Server().start()
    served(server, lambda url: None)
    assert not server.is_running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_handlers_of_before_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    server = Server()
    with gevent.Timeout(LIMIT):
        nuphar.serve(server, port=0, on_start=lambda url: os.kill(os.getpid(), number))
    assert not server.is_running
    assert signal.getsignal(number) == before


def test_a_hook_may_end_it() -> None:
    server = Server()
    server.on_connect(lambda client_id: server.stop())
    with gevent.Timeout(LIMIT):
        nuphar.serve(server, port=0, on_start=lambda url: server.connect("c", print))
    assert not server.is_running


def test_nobody_new_comes_in_after_the_end() -> None:
    urls: list[str] = []
    served(Server(), urls.append)
    with pytest.raises(OSError):
        get(urls[0], "/")
