"""A line whose way down carries as many bytes as it is told, and whose buffers are small."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import gevent
from gevent import socket as gevent_socket
from gevent.event import Event


class SlowLine:
    """Relays what comes to ``port`` of this object to a server's; what the server says goes on when it is allowed."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = gevent_socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._allowed: float = float("inf")
        self._more = Event()
        self._more.set()
        self.passed = 0
        """Bytes that have gone down."""
        self._sockets: list[Any] = []
        self._greenlets = [gevent.spawn(self._accept)]

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def allow(self, size: float) -> None:
        """Let so many bytes go down from now on, and no more."""
        self._allowed = size
        self._more.set()

    @property
    def is_dry(self) -> bool:
        """Whether all that was allowed has gone down."""
        return self._allowed <= 0

    def close(self) -> None:
        gevent.killall(self._greenlets)
        for sock in (self._listener, *self._sockets):
            sock.close()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = gevent_socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
            far.connect(("127.0.0.1", self._server_port))
            self._sockets += [near, far]
            self._greenlets += [gevent.spawn(self._up, near, far), gevent.spawn(self._down, far, near)]

    def _up(self, near: Any, far: Any) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65_536):
                far.sendall(data)
        self._end(near, far)

    def _down(self, far: Any, near: Any) -> None:
        with contextlib.suppress(OSError):
            while True:
                while self._allowed <= 0:
                    self._more.clear()
                    self._more.wait()
                data = far.recv(min(4_096, int(min(self._allowed, 1e9) + 1) // 2))  # others get their share
                if not data:
                    break
                self._allowed -= len(data)
                self.passed += len(data)
                near.sendall(data)
                gevent.sleep(0)
        self._end(near, far)

    def _end(self, *sockets: Any) -> None:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
