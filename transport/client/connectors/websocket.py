"""The WebSocket connector: one connection at a time, opened again with back-off whenever it is lost."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from ....actors.words.close_codes import GOING_AWAY, NORMAL
from ...wire.progress import Progress, send_all
from .backoff import Backoff
from .connector import Connector, Handler, Transport
from .dialing import Dialing, dial
from .fields import Headers
from .owner import owned, reason
from .runtimes import ClientRuntime, choose
from .urls import Address
from .websocket_machine import ClientWire, Ended, Frame, Opened

logger = logging.getLogger("nuphar.client")

FAREWELL = 0.5
"""Seconds that our own close frame may take to be sent."""


def websocket(
    url: str,
    *,
    runtime: ClientRuntime | None = None,
    backoff: Backoff | None = None,
    heartbeat: float = 20.0,
    timeout: float = 10.0,
    headers: Headers = (),
    ssl_context: ssl.SSLContext | None = None,
    proxy: bool | str | None = True,
    chance: Callable[[], float] = random.random,
) -> Connector:
    """Return a connector for a ``ws://`` or ``wss://`` URL.

    ``heartbeat`` seconds without a byte make it ask for a sign of life, as many more end the connection; ``timeout``
    seconds are what connecting may take; ``headers``, ``ssl_context`` and ``proxy``: see `Dialing`.
    Raises: UsageError for another URL.
    """
    dialing = Dialing(Address.of(url), headers, ssl_context, proxy, timeout)

    def connector(handler: Handler) -> Transport:
        link = _Link(dialing, handler, runtime or choose(), backoff or Backoff(), heartbeat, chance)
        link.start()
        return Transport(link.send, link.close, link.pause, lambda: link.close(GOING_AWAY))

    return connector


class _Link:
    def __init__(
        self,
        dialing: Dialing,
        handler: Handler,
        runtime: ClientRuntime,
        backoff: Backoff,
        heartbeat: float,
        chance: Callable[[], float],
    ) -> None:
        self._dialing = dialing
        self._handler = handler
        self._runtime = runtime
        self._backoff = backoff
        self._heartbeat = heartbeat
        self._chance = chance
        self._closed = runtime.event()
        self._lock = runtime.lock()
        self._wire = ClientWire(dialing.address, (), os.urandom)
        self._opening: Any = None  # from TCP's connect on
        self._socket: Any = None  # from the end of the opening handshake on
        self._pause = 0.0
        self._progress = Progress(None)

    def start(self) -> None:
        self._runtime.spawn(owned(self._run, self._is_over, self._handler.on_close))

    def send(self, frame: bytes) -> None:
        self._write(self._wire.message(frame))

    def pause(self, seconds: float) -> None:
        self._pause = seconds

    def close(self, code: int = NORMAL) -> None:
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

    def _is_over(self) -> bool:
        return self._closed.is_set() or self._dialing.home.is_foreign

    def _run(self) -> None:
        while not self._is_over():
            ended = self._connection()
            if self._is_over():
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
            route = self._dialing.route()
            sock = self._opening = dial(route, self._runtime, self._dialing.timeout)
        except Exception as error:
            return self._fault(Ended(0, reason(error)))
        self._wire = ClientWire(route.address, route.fields, os.urandom)
        try:
            return self._serve(sock)
        finally:
            self._opening = None
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # closing alone does not wake a thread that sends
            sock.close()

    def _serve(self, sock: Any) -> Ended:
        ended: Ended | None = None
        deadline = time.monotonic() + self._dialing.timeout
        try:
            sock.sendall(self._wire.take())
            while ended is None:
                if not self._wire.is_open:
                    sock.settimeout(max(0.01, deadline - time.monotonic()))
                ended = self._receive(sock)
        except Exception as error:
            ended = ended or Ended(0, reason(error))
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
            ended = self._wire.silence(self._progress.has_moved())
            self._answer()
            return ended
        ended = None
        events = self._wire.receive_data(data)
        self._wire.heed(time.monotonic(), events, self._heartbeat)
        for event in events:
            match event:
                case Opened():
                    if self._closed.is_set():
                        return Ended(0, "closed by this client")
                    sock.settimeout(self._heartbeat)
                    self._socket, self._progress = sock, Progress(sock)
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
            logger.info("no connection to %s: %s", self._dialing.address.netloc, ended.why)
            self._handler.on_fault(ended.why)
        return ended

    def _write(self, data: bytes) -> None:
        sock = self._socket
        if sock is None:
            raise BrokenPipeError("there is no connection")
        self._lock.acquire()
        try:
            send_all(sock, data)
        finally:
            self._lock.release()
