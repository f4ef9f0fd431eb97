"""The reader of a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket as gevent_socket

from nuphar.transport.server.reader import Reader

LIMIT = 5.0
FULL = 64 * 1024  # bytes that one read takes


@pytest.fixture
def pair() -> Iterator[tuple[gevent_socket.socket, gevent_socket.socket]]:
    """Two ends of a connection whose buffers take a megabyte."""
    ours, theirs = gevent_socket.socketpair()
    for end, option in ((theirs, socket.SO_SNDBUF), (ours, socket.SO_RCVBUF)):
        end.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_who_sends_without_end_does_not_hold_up_the_others(
    pair: tuple[gevent_socket.socket, gevent_socket.socket],
) -> None:
    ours, theirs = pair
    flood = gevent.spawn(theirs.sendall, bytes(8 * FULL))
    reader = Reader(ours)
    order: list[str] = []
    with gevent.Timeout(LIMIT):
        assert reader.read()
        gevent.spawn(order.append, "another")
        while len(order) < 4:
            data = reader.read()
            order.append("a full read" if len(data) == FULL else "a read")
        assert order[:2] != ["a full read", "a full read"]
        assert "another" in order[:2]
    flood.kill()
    reader.close()


def test_the_end_that_comes_while_others_run_is_heeded(
    pair: tuple[gevent_socket.socket, gevent_socket.socket],
) -> None:
    ours, theirs = pair
    flood = gevent.spawn(theirs.sendall, bytes(8 * FULL))
    reader = Reader(ours)
    with gevent.Timeout(LIMIT):
        while len(reader.read()) < FULL:
            pass
        gevent.spawn(reader.close)
        assert reader.read() == b""
    flood.kill()


def test_what_was_read_early_comes_first(pair: tuple[gevent_socket.socket, gevent_socket.socket]) -> None:
    ours, theirs = pair
    reader = Reader(ours, b"early")
    theirs.sendall(b"late")
    with gevent.Timeout(LIMIT):
        assert (reader.read(), reader.read()) == (b"early", b"late")
    theirs.close()
    with gevent.Timeout(LIMIT):
        assert reader.read() == b""
    reader.close()
