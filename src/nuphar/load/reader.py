"""One greenlet that reads the sockets of all clients.

A greenlet for each client would cost several times the CPU of what it reads: two switches and a few system calls for
each delivery. Here a socket is registered once, and one look finds all that have something.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Self

import gevent
from gevent.hub import get_hub

_TURN = 100  # sockets read before everybody else has a turn
_READ = 1  # libev's word for it


class SharedReader:
    """A context in which ``read()`` of each descriptor that has something to read is called."""

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        self._greenlet = gevent.spawn(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._greenlet.kill()
        self._selector.close()

    def add(self, descriptor: int, read: Callable[[], None]) -> None:
        """Watch a descriptor. ``read`` must not wait, and may come once more after `remove`."""
        self._selector.register(descriptor, selectors.EVENT_READ, read)

    def remove(self, descriptor: int) -> None:
        """Watch a descriptor no more, before it is closed."""
        self._selector.unregister(descriptor)

    def _run(self) -> None:
        hub = get_hub()
        watcher = hub.loop.io(self._selector.fileno(), _READ)
        try:
            while True:
                hub.wait(watcher)
                for count, (key, _) in enumerate(self._selector.select(0), 1):
                    key.data()
                    if count % _TURN == 0:
                        gevent.sleep(0)
        finally:
            watcher.close()
