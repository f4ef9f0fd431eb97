"""A proxy that cuts the line at one byte: so many bytes of one direction pass, then everything is lost at once."""

from __future__ import annotations

import contextlib
import socket
import struct
from enum import Enum
from typing import Any

import gevent
from gevent import socket as gevent_socket
from gevent.server import StreamServer


class Way(Enum):
    """A direction."""

    UP = "client to server"
    DOWN = "server to client"


class Exchange:
    """The connections between one client and the server; ``passed`` counts their bytes, over all of them.

    After ``limit`` bytes of ``way`` all connections there are are cut, once; with ``limit`` None they never are.
    """

    def __init__(self, way: Way, limit: int | None, *, abrupt: bool) -> None:
        self.passed = dict.fromkeys(Way, 0)
        self.is_cut = False
        self._way = way
        self._limit = limit
        self._abrupt = abrupt
        self._pairs: list[tuple[Any, Any]] = []

    def connect(self, client: Any, server: Any) -> None:
        """Pass bytes on between two sockets, until one of them ends."""
        self._pairs.append((client, server))
        if self._limit == 0 and not self.is_cut:
            self._cut()
        back = gevent.spawn(self._pass_on, Way.DOWN, server, client)
        self._pass_on(Way.UP, client, server)
        back.join()

    def _pass_on(self, way: Way, source: Any, sink: Any) -> None:
        with contextlib.suppress(OSError):  # it was cut, or its end hung up
            while data := source.recv(65536):
                room = self._room(way, len(data))
                self.passed[way] += room
                sink.sendall(data[:room])
                if way is self._way and self.passed[way] == self._limit and not self.is_cut:
                    self._cut()
        for sock in (source, sink):
            sock.close()

    def _room(self, way: Way, size: int) -> int:
        if self._limit is None or self.is_cut or way is not self._way:
            return size
        return min(size, self._limit - self.passed[way])

    def _cut(self) -> None:
        self.is_cut = True
        for sock in (sock for pair in self._pairs for sock in pair):
            with contextlib.suppress(OSError):  # closed already
                if self._abrupt:  # reset: what the other end has not read may be lost
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class CuttingProxy:
    """Listens on a free ``port``, and connects to ``to``; whoever comes belongs to the ``exchange`` of that time."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.exchange = Exchange(Way.UP, None, abrupt=False)
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port = int(self._server.server_port)

    def begin(self, way: Way, limit: int | None) -> Exchange:
        """Begin another exchange; an odd ``limit`` ends in a reset, an even one in an orderly end."""
        self.exchange = Exchange(way, limit, abrupt=bool(limit and limit % 2))
        return self.exchange

    def close(self) -> None:
        self._server.stop()

    def _serve(self, sock: Any, _: Any) -> None:
        exchange = self.exchange
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with gevent_socket.create_connection(("127.0.0.1", self._to)) as other:
            other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            exchange.connect(sock, other)
