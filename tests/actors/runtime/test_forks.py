"""What belongs to one process, in real forks."""

from __future__ import annotations

import gc
import os
import socket
import weakref
from collections.abc import Callable

import pytest

from nuphar import NotRunning
from nuphar.actors.runtime.forks import HomeProcess, own

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def in_fork(function: Callable[[], str]) -> str:
    """Return what ``function()`` returns in a forked child."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = function()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    text = b""
    while piece := os.read(read, 4096):
        text += piece
    os.close(read)
    os.waitpid(pid, 0)
    return text.decode()


def test_a_home_is_foreign_in_a_fork_until_it_moves() -> None:
    home = HomeProcess("this thing")

    def child() -> str:
        before = home.is_foreign
        home.move()
        home.check()
        return f"{before} {home.is_foreign}"

    assert in_fork(child) == "True False"
    assert not home.is_foreign


def test_a_check_in_a_fork_says_whose_it_is() -> None:
    home = HomeProcess("this thing")
    home.check()
    told = in_fork(lambda: str(home.check()))
    assert told.startswith(f"NotRunning: this thing belongs to process {os.getpid()}, and this is its fork ")


def test_what_is_called_only_here_does_nothing_in_a_fork() -> None:
    calls: list[int] = []
    call = HomeProcess("this thing").only_here(calls.append)
    assert in_fork(lambda: (call(1), str(calls))[1]) == "[]"
    call(2)
    assert calls == [2]


def test_a_fork_lets_go_before_anything_else_runs() -> None:
    class Thing:
        def __init__(self) -> None:
            self.let_gone = False
            self.home = HomeProcess("it", self.let_go)

        def let_go(self) -> None:
            self.let_gone = True

    thing = Thing()
    gone = weakref.ref(thing)
    assert in_fork(lambda: str(getattr(gone(), "let_gone", None))) == "True"
    assert not thing.let_gone
    del thing
    gc.collect()
    assert gone() is None  # it is not kept for it


def test_an_owned_socket_has_ended_in_a_fork_and_lives_on_here() -> None:
    one, other = socket.socketpair()
    try:
        own(one)

        def child() -> str:
            got = one.recv(10)
            try:
                one.sendall(b"child")
                sent = "sent"
            except OSError:
                sent = "refused"
            one.shutdown(socket.SHUT_RDWR)
            return f"{got!r} {sent}"

        assert in_fork(child) in ("b'' refused", "b'' sent", "OSError: [Errno 107] Transport endpoint is not connected")
        one.sendall(b"parent")
        other.settimeout(5)
        assert other.recv(10) == b"parent"
    finally:
        one.close()
        other.close()


def test_the_reason_names_both_processes() -> None:
    home = HomeProcess("this thing")
    with pytest.raises(NotRunning, match="make one after the fork"):
        raise NotRunning(home.reason)
