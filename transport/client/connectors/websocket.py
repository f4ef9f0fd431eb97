"""The WebSocket connector: one connection at a time, opened again with back-off whenever it is lost."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from ....actors.words.quantities import check_seconds
from ...wire.progress import Progress, send_all
from .backoff import ReconnectBackoff
from .credentials import Credentials, Token
from .dialing import Dialing, dial
from .ended import CLOSED_HERE, FAREWELL, ConnectionEnd
from .fields import HeaderOption
from .link import Link, LinkConnector
from .runtimes import ClientRuntime
from .urls import Address
from .websocket_machine import ClientWire, FrameArrived, Opened


def websocket(
    url: str,
    *,
    runtime: ClientRuntime | None = None,
    backoff: ReconnectBackoff | None = None,
    heartbeat: float = 20.0,
    timeout: float = 10.0,
    headers: HeaderOption | Credentials = (),
    ssl_context: ssl.SSLContext | None = None,
    proxy: bool | str | None = True,
    chance: Callable[[], float] = random.random,
    token: Token = None,
) -> LinkConnector:
    """Return a connector for a ``ws://`` or ``wss://`` URL.

    ``heartbeat`` seconds without a byte make it ask for a sign of life, as many more end the connection; ``timeout``
    seconds are what connecting may take; ``headers``, ``token``, ``ssl_context`` and ``proxy``: see `Dialing`.
    Raises: UsageError for another URL.
    """
    check_seconds("heartbeat", heartbeat)
    dialing = Dialing(Address.of(url), headers, ssl_context, proxy, timeout, token)
    return LinkConnector(lambda link: _Connection(link, dialing, heartbeat), dialing, runtime, backoff, chance)


class _Connection:
    """One WebSocket: a `link.Attempt`."""

    def __init__(self, link: Link, dialing: Dialing, heartbeat: float) -> None:
        self._link = link
        self._dialing = dialing
        self._heartbeat = heartbeat
        self._lock = link.runtime.lock()  # of whoever writes
        self._wire = ClientWire(dialing.address, (), os.urandom)
        self._opening: Any = None  # the socket, from TCP's connect on
        self._socket: Any = None  # the socket, from the end of the opening handshake on
        self._progress = Progress(None)

    def serve(self) -> ConnectionEnd:
        route = self._dialing.route()
        sock = self._opening = dial(route, self._link.runtime, self._dialing.timeout)
        try:
            self._wire = ClientWire(route.address, route.fields, os.urandom)
            return self._talk(sock)
        finally:
            self._opening = self._socket = None
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # closing alone does not wake a thread that sends
            sock.close()

    def send(self, frame: bytes) -> None:
        self._write(self._wire.message(frame))

    def close(self, code: int) -> None:
        sock = self._opening
        if sock is None:
            return
        with contextlib.suppress(OSError):  # the connection is gone already, or nobody reads at its other end
            if self._socket is not None and self._lock.acquire(blocking=False):
                try:
                    sock.settimeout(FAREWELL)
                    sock.sendall(self._wire.goodbye(code))
                finally:
                    self._lock.release()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _talk(self, sock: Any) -> ConnectionEnd:
        if self._link.is_unwanted:  # closed while it was dialled
            return CLOSED_HERE
        deadline = time.monotonic() + self._dialing.timeout
        sock.sendall(self._wire.take())
        while True:
            if not self._wire.is_open:
                sock.settimeout(max(0.01, deadline - time.monotonic()))
            if (ended := self._receive(sock)) is not None:
                return ended

    def _receive(self, sock: Any) -> ConnectionEnd | None:
        """Handle what arrives next; return the end, if it was that."""
        try:
            data = sock.recv(65536)
        except TimeoutError:
            ended = self._wire.silence(self._progress.has_moved())
            self._answer()
            return ended
        ended = None
        events = self._wire.receive_data(data)
        self._wire.heed(time.monotonic(), events, self._heartbeat)
        for event in events:
            match event:
                case Opened():
                    sock.settimeout(self._heartbeat)
                    self._socket, self._progress = sock, Progress(sock)
                    if not self._link.opened():
                        return CLOSED_HERE
                case FrameArrived(frame):
                    self._link.received(frame)
                case ConnectionEnd():
                    ended = event
        with contextlib.suppress(OSError):  # what it said at the end counts, also if it is gone already
            self._answer()
        return ended

    def _answer(self) -> None:
        if out := self._wire.take():
            self._write(out)

    def _write(self, data: bytes) -> None:
        sock = self._socket
        if sock is None:
            raise BrokenPipeError("there is no connection")
        self._lock.acquire()
        try:
            send_all(sock, data)
        finally:
            self._lock.release()
