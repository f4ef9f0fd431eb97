"""The system calls of a connection as one object: a simulation passes another, with lines of its own below."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from gevent import socket as gevent_socket

from ..wire.progress import Way, way


class Kernel(Protocol):
    """What we ask of the system for one socket, by its descriptor where that is enough."""

    @property
    def read(self) -> Callable[[int, int], bytes]:
        """``read(fd, size)``: what has arrived, b"" at the end. Raises: BlockingIOError if nothing has, OSError."""

    @property
    def write(self) -> Callable[[int, bytes], int]:
        """``write(fd, data)``: how many bytes of it were taken. Raises: BlockingIOError if none, OSError."""

    def shut(self, sock: Any, how: int) -> None:
        """Shut one direction of the plain socket, or both. Raises: OSError."""

    def way(self, sock: Any) -> Way | None:
        """Return what is on its way to the peer, None if that is not known."""


class System:
    """The real one."""

    read = staticmethod(os.read)
    write = staticmethod(os.write)
    way = staticmethod(way)

    def shut(self, sock: Any, how: int) -> None:
        """Shut with the plain socket's method, also with TLS, whose own would drop its state under a reader."""
        gevent_socket.socket.shutdown(sock, how)


SYSTEM = System()
