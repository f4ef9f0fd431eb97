"""What the kernel tells of a peer: one that takes bytes, one that does not, and one whose program hangs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from support.serving import eventually

from nuphar.transport.wire.progress import Progress, send_all, traffic, way

Pair = tuple[socket.socket, socket.socket]


def tcp() -> Pair:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.socket()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        theirs.connect(listener.getsockname())
        return listener.accept()[0], theirs


@pytest.fixture(params=[tcp, socket.socketpair])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    make: Callable[[], Pair] = request.param
    ours, theirs = make()
    with ours, theirs:
        yield ours, theirs


def fill(ours: socket.socket) -> None:
    """Write until the kernel takes no more."""
    ours.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            ours.send(bytes(100_000))


def read(theirs: socket.socket, size: int) -> None:
    while size:
        size -= len(theirs.recv(size))


def test_a_peer_that_takes_bytes_moves_and_one_that_does_not_stands_still(pair: Pair) -> None:
    ours, theirs = pair
    fill(ours)
    progress = Progress(ours)
    assert not progress.has_moved()
    assert progress.is_busy
    assert not progress.has_moved()
    for _ in range(3):
        read(theirs, 50_000)
        eventually(progress.has_moved)
    while progress.has_moved():  # what was on its way
        pass
    assert not progress.has_moved()


def test_what_the_kernel_of_a_peer_confirms_of_a_ping_is_no_progress(pair: Pair) -> None:
    ours, _ = pair
    progress = Progress(ours)
    for _ in range(20):
        ours.send(b"x" * 20)
        assert not progress.has_moved()


def test_all_that_was_on_its_way_counts_even_if_it_is_there_by_now(pair: Pair) -> None:
    ours, theirs = pair
    fill(ours)
    progress = Progress(ours)
    assert not progress.has_moved()
    theirs.setblocking(False)

    def drained() -> bool:
        try:
            while theirs.recv(100_000):
                pass
        except BlockingIOError:
            pass
        seen = way(ours)
        return seen is not None and seen.left == 0

    eventually(drained)
    assert progress.has_moved()
    assert not progress.is_busy
    assert not progress.has_moved()


def test_a_socket_that_is_closed_or_none_says_nothing(pair: Pair) -> None:
    ours, _ = pair
    ours.close()
    assert way(ours) is None
    assert way(None) is None
    assert not Progress(ours).has_moved()


def test_everything_is_sent_with_patience_for_each_part() -> None:
    class Slow:
        sent = b""

        def send(self, data: memoryview) -> int:
            self.sent += bytes(data[:3])
            return min(3, len(data))

    sock = Slow()
    send_all(sock, b"0123456789")
    assert sock.sent == b"0123456789"


def test_the_kernel_says_what_a_connection_has_carried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = socket.create_connection(listener.getsockname())
        there, _ = listener.accept()
    with here, there:
        here.sendall(b"x" * 700)
        there.sendall(b"y" * 30)
        assert here.recv(30, socket.MSG_WAITALL) == b"y" * 30
        assert there.recv(700, socket.MSG_WAITALL) == b"x" * 700
        carried = traffic(there)
    assert carried is None or carried.received == 700
    assert traffic(here) is None  # it is closed


def test_where_no_kernel_counts_nobody_knows() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert traffic(one) is None
    assert traffic(object()) is None
