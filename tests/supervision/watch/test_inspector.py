"""The read-only endpoint behind ``nuphar top``."""

from __future__ import annotations

import json
import os
import stat

import gevent
import pytest
from gevent import socket

from nuphar import Server, UsageError
from nuphar.supervision.watch.inspector import inspector


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def get(connection, host="localhost", method="GET", path="/"):
    with connection, gevent.Timeout(5):
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture
def port(make_server):
    port = free_port()
    make_server(inspect=f"127.0.0.1:{port}")
    return port


def test_it_answers_the_tree_and_the_counters(port):
    status, answer = get(socket.create_connection(("127.0.0.1", port)))
    assert status == 200
    assert [child["id"] for child in answer["tree"]["children"]][:2] == ["connections", "router"]
    assert answer["stats"]["topics"] == 0


@pytest.mark.parametrize(
    ("request_line", "status"),
    [({"method": "POST"}, 405), ({"path": "/other"}, 404), ({"host": "example.org"}, 403)],
    ids=["not a GET", "another path", "another host"],
)
def test_everything_else_is_refused(port, request_line, status):
    assert get(socket.create_connection(("127.0.0.1", port)), **request_line)[0] == status


def test_it_listens_on_a_unix_socket_that_only_its_owner_may_use(make_server, tmp_path):
    path = str(tmp_path / "inspect.sock")
    make_server(inspect=f"unix:{path}")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert get(connection, host="whatever")[0] == 200


def test_a_socket_left_by_a_dead_server_is_replaced(make_server, tmp_path):
    path = str(tmp_path / "inspect.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    make_server(inspect=f"unix:{path}")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    assert get(connection)[0] == 200


@pytest.mark.parametrize("address", ["0.0.0.0:9100", "192.0.2.1:9100", "example.org:9100", "9100", "127.0.0.1:x"])
def test_it_binds_to_loopback_only(address):
    with pytest.raises(UsageError, match=r"expected 127\.0\.0\.1:port"):
        inspector(Server(), address)


def test_two_servers_with_one_address_have_an_inspector_each(make_server, port):
    other = make_server(inspect=f"127.0.0.1:{port}")
    shifted = other.lifecycle.listening["inspector"].server_port
    assert shifted > port
    for each in (port, shifted):
        status, answer = get(socket.create_connection(("127.0.0.1", each)))
        assert (status, answer["process"]) == (200, os.getpid())


def test_an_inspector_that_cannot_be_had_is_said_and_the_server_runs(make_server, tmp_path, caplog):
    server = make_server(inspect=f"unix:{tmp_path}/nowhere/inspect.sock")
    assert server.is_running
    assert "there is no inspector: cannot listen at unix:" in caplog.text


def test_a_server_has_none_unless_it_is_asked_for(server):
    assert server.lifecycle.root.registry.whereis("inspector") is None
