"""The WebSocket connector: one connection at a time, opened again with back-off whenever it is lost."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import ssl
from collections.abc import Callable
from typing import Any

from gevent import ssl as gevent_ssl

from .backoff import Backoff
from .connector import Connector, Handler, Transport
from .runtimes import ClientRuntime, Greenlets, choose
from .websocket_machine import Address, ClientWire, Ended, Frame, Opened

logger = logging.getLogger("nuphar.client")

FAREWELL = 0.5
"""Seconds that our own close frame may take to be sent."""

DONE, GOING_AWAY = 1000, 1001
"""Close codes of ours: the session ends, or it is kept."""


def websocket(
    url: str,
    *,
    runtime: ClientRuntime | None = None,
    backoff: Backoff | None = None,
    heartbeat: float = 20.0,
    timeout: float = 10.0,
    headers: tuple[tuple[str, str], ...] = (),
    chance: Callable[[], float] = random.random,
) -> Connector:
    """Return a connector for a ``ws://`` or ``wss://`` URL.

    ``heartbeat`` seconds without a byte make it ask for a sign of life, as many more end the connection; ``timeout``
    seconds are what connecting may take. Raises: UsageError for another URL.
    """
    address = Address.of(url)

    def connector(handler: Handler) -> Transport:
        link = _Link(address, handler, runtime or choose(), backoff or Backoff(), heartbeat, timeout, headers, chance)
        link.start()
        return Transport(link.send, link.close, link.pause, lambda: link.close(GOING_AWAY))

    return connector


class _Link:
    def __init__(
        self,
        address: Address,
        handler: Handler,
        runtime: ClientRuntime,
        backoff: Backoff,
        heartbeat: float,
        timeout: float,
        headers: tuple[tuple[str, str], ...],
        chance: Callable[[], float],
    ) -> None:
        self._address = address
        self._handler = handler
        self._runtime = runtime
        self._backoff = backoff
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._headers = headers
        self._chance = chance
        self._closed = runtime.event()
        self._lock = runtime.lock()
        self._wire = self._new_wire()
        self._opening: Any = None  # from TCP's connect on
        self._socket: Any = None  # from the end of the opening handshake on
        self._pause = 0.0

    def start(self) -> None:
        self._runtime.spawn(self._run)

    def send(self, frame: bytes) -> None:
        self._write(self._wire.message(frame))

    def pause(self, seconds: float) -> None:
        self._pause = seconds

    def close(self, code: int = DONE) -> None:
        self._closed.set()
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

    def _new_wire(self) -> ClientWire:
        return ClientWire(self._address, self._headers, os.urandom)

    def _run(self) -> None:
        while not self._closed.is_set():
            ended = self._connection()
            if self._closed.is_set():
                return
            if ended.code:
                self._closed.set()
                self._handler.on_close(ended.code, ended.why)
                return
            delay = self._backoff.pause(self._pause, self._chance())
            self._pause = 0.0
            self._closed.wait(delay)

    def _connection(self) -> Ended:
        """Serve one connection, and return its end."""
        try:
            sock = self._opening = self._connect()
        except OSError as error:
            return self._fault(Ended(0, str(error)))
        self._wire = self._new_wire()
        try:
            return self._serve(sock)
        finally:
            self._opening = None
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # closing alone does not wake a thread that sends
            sock.close()

    def _connect(self) -> Any:
        address = self._address
        sock = self._runtime.connect((address.host, address.port), self._timeout)
        if not address.is_secure:
            return sock
        module: Any = gevent_ssl if isinstance(self._runtime, Greenlets) else ssl
        try:
            return module.create_default_context().wrap_socket(sock, server_hostname=address.host)
        except OSError:
            sock.close()
            raise

    def _serve(self, sock: Any) -> Ended:
        ended: Ended | None = None
        try:
            sock.sendall(self._wire.take())
            while ended is None:
                ended = self._receive(sock)
        except OSError as error:
            ended = ended or Ended(0, str(error))
        self._fault(ended)
        if self._socket is not None:
            self._socket = None
            self._handler.on_disconnect()
        return ended

    def _receive(self, sock: Any) -> Ended | None:
        """Handle what arrives next; return the end, if it was that."""
        try:
            data = sock.recv(65536)
        except TimeoutError:
            if not self._wire.is_open:
                raise
            ended = self._wire.silence()
            self._answer()
            return ended
        ended = None
        for event in self._wire.receive_data(data):
            match event:
                case Opened():
                    if self._closed.is_set():
                        return Ended(0, "closed by this client")
                    sock.settimeout(self._heartbeat)
                    self._socket = sock
                    self._handler.on_reconnect()
                case Frame(frame):
                    self._backoff.reset()
                    self._handler.on_receive(frame)
                case Ended():
                    ended = event
        with contextlib.suppress(OSError):  # what it said at the end counts, also if it is gone already
            self._answer()
        return ended

    def _answer(self) -> None:
        if out := self._wire.take():
            self._write(out)

    def _fault(self, ended: Ended) -> Ended:
        if not self._closed.is_set():
            logger.info("no connection to %s: %s", self._address.netloc, ended.why)
            self._handler.on_fault(ended.why)
        return ended

    def _write(self, data: bytes) -> None:
        sock = self._socket
        if sock is None:
            raise BrokenPipeError("there is no connection")
        self._lock.acquire()
        try:
            sock.sendall(data)
        finally:
            self._lock.release()
