from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest
from gevent.event import Event

from nuphar.load.reader import SharedReader


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with ExitStack() as stack:
        one, other = socket.socketpair()
        stack.callback(one.close)
        stack.callback(other.close)
        yield one, other


def test_what_has_something_to_read_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    got: list[bytes] = []
    done = Event()

    def read() -> None:
        got.append(here.recv(2))
        if len(got) == 2:
            done.set()

    with SharedReader() as reader:
        reader.add(here.fileno(), read)
        there.sendall(b"abcd")  # twice, as it is level that counts and not edge
        assert done.wait(5)

    assert got == [b"ab", b"cd"]


def test_what_is_removed_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    woken: list[str] = []
    other, sender = socket.socketpair()
    done = Event()
    with other, sender, SharedReader() as reader:
        reader.add(here.fileno(), lambda: woken.append("here"))
        reader.add(other.fileno(), lambda: (other.recv(1), done.set()))
        reader.remove(here.fileno())
        there.sendall(b"a")
        sender.sendall(b"b")
        assert done.wait(5)

    assert woken == []


def test_many_that_are_ready_do_not_keep_others_from_their_turn() -> None:
    turns: list[int] = []
    reads: list[int] = []
    with ExitStack() as stack, SharedReader() as reader:
        for number in range(250):
            here, there = socket.socketpair()
            stack.callback(here.close)
            stack.callback(there.close)
            there.sendall(b"a")
            reader.add(here.fileno(), lambda here=here, number=number: (here.recv(1), reads.append(number)))
        while len(reads) < 250:
            gevent.sleep(0)
            turns.append(len(reads))

    assert any(0 < turn < 250 for turn in turns)
