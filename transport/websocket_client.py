"""The WebSocket connector: one connection at a time, opened again with back-off whenever it is lost."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import random
import socket
import ssl
from collections.abc import Callable
from http.client import parse_headers
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from gevent import ssl as gevent_ssl

from ..actors.errors import RemoteProtocolError, UsageError
from . import websocket_frames as wire
from .backoff import Backoff
from .client_runtime import ClientRuntime, Greenlets, choose
from .connector import Connector, Handler, Transport
from .upgrade import accept_key

logger = logging.getLogger("nuphar.client")

SUBPROTOCOL = "nuphar.v1.cbor"

LIMIT = 16 * 1024 * 1024
"""The largest message that a client takes, in bytes: a snapshot may be large."""

HEAD = 16 * 1024
"""The largest answer to the opening handshake, in bytes."""

FAREWELL = 0.5
"""Seconds that our own close frame may take to be sent."""

COME_BACK = frozenset({4404})
"""Close codes in 4400 to 4499 after which a new session may begin; the others are for good (docs/wire.md)."""


class Refused(OSError):
    """The server answered the opening handshake with ``status``; below 500 it will not change its mind."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the server answered {status}: {text}")
        self.status = status
        self.text = text


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
    parts = urlsplit(url)
    try:
        has_port = parts.port is None or parts.port > 0
    except ValueError:  # beyond 65535
        has_port = False
    if parts.scheme not in ("ws", "wss") or not parts.hostname or not has_port:
        raise UsageError(f"expected a URL like ws://127.0.0.1:8000/live, got {url!r}")

    def connector(handler: Handler) -> Transport:
        link = _Link(url, handler, runtime or choose(), backoff or Backoff(), heartbeat, timeout, headers, chance)
        link.start()
        return Transport(link.send, link.close, link.pause)

    return connector


class _Link:
    def __init__(
        self,
        url: str,
        handler: Handler,
        runtime: ClientRuntime,
        backoff: Backoff,
        heartbeat: float,
        timeout: float,
        headers: tuple[tuple[str, str], ...],
        chance: Callable[[], float],
    ) -> None:
        self._url = urlsplit(url)
        self._handler = handler
        self._runtime = runtime
        self._backoff = backoff
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._headers = headers
        self._chance = chance
        self._closed = runtime.event()
        self._lock = runtime.lock()
        self._opening: Any = None  # from TCP's connect on
        self._socket: Any = None  # from the end of the opening handshake on
        self._pause = 0.0

    def start(self) -> None:
        self._runtime.spawn(self._run)

    def send(self, frame: bytes) -> None:
        self._write(wire.encode_frame(wire.BINARY, frame, os.urandom(4)))

    def pause(self, seconds: float) -> None:
        self._pause = seconds

    def close(self) -> None:
        self._closed.set()
        sock = self._opening
        if sock is None:
            return
        with contextlib.suppress(OSError):  # the connection is gone already, or nobody reads at its other end
            if self._socket is not None and self._lock.acquire(blocking=False):
                try:
                    sock.settimeout(FAREWELL)
                    sock.sendall(wire.encode_close(1000, "", os.urandom(4)))
                finally:
                    self._lock.release()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while not self._closed.is_set():
            ending: tuple[int, str] | None = None
            try:
                ending = self._connection()
            except (OSError, RemoteProtocolError) as error:
                logger.info("no connection to %s: %s", self._url.geturl(), error)
                self._handler.on_fault(str(error))
                if isinstance(error, Refused) and error.status < 500:
                    ending = (error.status, error.text)
            if ending is not None and not self._closed.is_set():
                self._closed.set()
                self._handler.on_close(*ending)
            delay = max(self._backoff.delay(self._chance()), self._pause * (1 + self._chance()))
            self._pause = 0.0
            self._closed.wait(delay)

    def _connection(self) -> tuple[int, str] | None:
        """Serve one connection; return the code and reason of an end that is for good."""
        sock = self._opening = self._connect()
        try:
            early = self._open(sock)
            sock.settimeout(self._heartbeat)
            self._socket = sock
            if self._closed.is_set():
                return None
            self._handler.on_reconnect()
            try:
                return self._serve(sock, early)
            finally:
                self._socket = None
                self._handler.on_disconnect()
        finally:
            self._opening = None
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # closing alone does not wake a thread that sends
            sock.close()

    def _connect(self) -> Any:
        secure = self._url.scheme == "wss"
        host = self._url.hostname
        assert host is not None
        sock = self._runtime.connect((host, self._url.port or (443 if secure else 80)), self._timeout)
        if not secure:
            return sock
        module: Any = gevent_ssl if isinstance(self._runtime, Greenlets) else ssl
        return module.create_default_context().wrap_socket(sock, server_hostname=host)

    def _open(self, sock: Any) -> bytes:
        """Do the opening handshake (RFC 6455 section 4.1); return what came after it."""
        key = base64.b64encode(os.urandom(16)).decode()
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {self._url.netloc.rpartition('@')[2]}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            *(f"{name}: {value}" for name, value in self._headers),
        ]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            data = sock.recv(4096)
            if not data or len(head) > HEAD:
                raise RemoteProtocolError("expected an HTTP response to the opening handshake")
            head += data
        head, _, early = head.partition(b"\r\n\r\n")
        status, _, fields = head.partition(b"\r\n")
        words = status.split(None, 2)
        if len(words) < 2 or not words[1].isdigit():
            raise RemoteProtocolError(f"expected an HTTP status line, got {status[:80]!r}")
        if words[1] != b"101":
            raise Refused(int(words[1]), str(early[:200], "utf-8", "replace").strip())
        headers = parse_headers(BytesIO(fields + b"\r\n\r\n"))
        if headers.get("Sec-WebSocket-Accept") != accept_key(key):
            raise RemoteProtocolError("the server's Sec-WebSocket-Accept is wrong")
        if headers.get("Sec-WebSocket-Protocol") != SUBPROTOCOL:
            raise RemoteProtocolError(f"expected the subprotocol {SUBPROTOCOL}")
        return early

    def _serve(self, sock: Any, data: bytes) -> tuple[int, str] | None:
        reader = wire.FrameReader(LIMIT, client=True)
        is_quiet = False
        while True:
            for event in reader.feed(data) if data else ():
                match event:
                    case bytes() | str() as payload:
                        self._backoff.reset()
                        self._handler.on_receive(payload if isinstance(payload, bytes) else payload.encode())
                    case wire.Ping(payload):
                        self._write(wire.encode_frame(wire.PONG, payload, os.urandom(4)))
                    case wire.Close(code, reason):
                        with contextlib.suppress(OSError):  # it may be gone already, and what it said counts
                            self._write(wire.encode_close(code, "", os.urandom(4)))
                        is_final = 4400 <= code < 4500 and code not in COME_BACK
                        return (code, reason) if is_final else None
                    case wire.Failed(code, reason):
                        self._write(wire.encode_close(code, reason, os.urandom(4)))
                        return None
            try:
                data = sock.recv(65536)
            except TimeoutError:
                if is_quiet:
                    return None  # two heartbeats without a byte: nobody is there
                is_quiet, data = True, b""
                self._write(wire.encode_frame(wire.PING, b"", os.urandom(4)))
                continue
            if not data:
                return None
            is_quiet = False

    def _write(self, data: bytes) -> None:
        sock = self._socket
        if sock is None:
            raise BrokenPipeError("there is no connection")
        self._lock.acquire()
        try:
            sock.sendall(data)
        finally:
            self._lock.release()
