"""What belongs to one process: a forked child hears of it before anything else runs there, and keeps its hands off.

A child has a copy of every object and descriptor, so two processes would speak on one connection. What is `owned` here
is another descriptor there, of a connection that has ended: whatever the child still does with it ends at once, and
its parent's connection never sees a byte of it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakMethod, WeakSet

from ..words.errors import NotRunning

_sockets: WeakSet[Any] = WeakSet()
_homes: WeakSet[HomeProcess] = WeakSet()
_forks = 0
"""How often this process is a fork of the one that began: to look at it is faster than to ask for the process id."""


class HomeProcess:
    """The process in which ``what`` was made, a name for people; ``let_go()``, a method, is called in a forked child.

    Nothing else runs there yet, and other threads may have held any lock: it must not wait.
    """

    def __init__(self, what: str, let_go: Callable[[], Any] | None = None) -> None:
        self.what = what
        self.pid = os.getpid()
        self._forks = _forks
        self._let_go = None if let_go is None else WeakMethod(let_go)
        _homes.add(self)

    @property
    def is_foreign(self) -> bool:
        """Whether this process is a fork of that one."""
        return self._forks != _forks

    def check(self) -> None:
        """Raise NotRunning in a fork."""
        if self._forks != _forks:
            raise NotRunning(self.reason)

    @property
    def reason(self) -> str:
        """Why it is of no use in a fork, in one sentence."""
        return f"{self.what} belongs to process {self.pid}, and this is its fork {os.getpid()}: make one after the fork"

    def only_here(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Return ``function`` as one that does nothing in a fork."""

        def call(*arguments: Any) -> None:
            if self._forks == _forks:
                function(*arguments)

        return call

    def move(self) -> None:
        """Belong to this process from now on."""
        self.pid, self._forks = os.getpid(), _forks

    def _forked(self) -> None:
        if self._let_go is not None and (let_go := self._let_go()) is not None:
            let_go()


def own(sock: Any) -> None:
    """Keep ``sock`` for this process; its descriptor leads nowhere in a forked child."""
    _sockets.add(sock)


def cut_off(descriptors: Iterable[int]) -> None:
    """Have descriptors lead to a connection that has ended; to be called in a forked child."""
    one, other = socket.socketpair()
    other.close()
    one.setblocking(False)
    for descriptor in descriptors:
        if descriptor >= 0:
            os.dup2(one.fileno(), descriptor, inheritable=False)
    one.close()


def _in_child() -> None:
    global _forks
    _forks += 1
    sockets, homes = list(_sockets), list(_homes)
    _sockets.clear()
    cut_off(sock.fileno() for sock in sockets)
    for home in homes:
        home._forked()


os.register_at_fork(after_in_child=_in_child)
