"""A WebSocket client that does exactly what it is told: send anything, read nothing, cut the line.

It knows the protocol from docs/wire.md and shares no code with the package.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import cbor2
from gevent import socket as gevent_socket

WAIT = 10.0
"""Seconds that any single wait of a test may take before it fails."""

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(NamedTuple):
    """The server's close frame."""

    code: int
    reason: str


class Refused(Exception):
    """The server did not upgrade."""

    def __init__(self, status: int, headers: dict[str, str], body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.headers, self.body = status, headers, body


OPEN: set[Any] = set()
"""The sockets of all raw clients."""


def close_all() -> None:
    """Close whatever raw clients have left open."""
    for sock in list(OPEN):
        sock.close()
    OPEN.clear()


def websocket_frame(opcode: int, payload: bytes, *, masked: bool = True, declared: int | None = None) -> bytes:
    """Return one final frame; ``declared`` is the length that its header tells, by default the true one."""
    size = len(payload) if declared is None else declared
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes((0x80 | opcode, bit | size))
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def request(
    port: int, path: str = "/", method: str = "GET", headers: tuple[str, ...] = (), body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """Do one HTTP request, and return the status, the headers in lower case, and the body."""
    sock = gevent_socket.create_connection(("127.0.0.1", port), WAIT)
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded"]
    sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    data = b""
    while piece := sock.recv(65536):
        data += piece
    sock.close()
    status, fields, content = _split(data)
    return status, fields, content


def _split(data: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), fields, rest


class RawClient:
    """One connection. ``receive`` gives frames as plain lists, a `Closed`, or None at the end of TCP."""

    def __init__(
        self,
        port: int,
        path: str = "/live",
        *,
        subprotocol: str | None = "nuphar.v1.cbor",
        headers: tuple[str, ...] = (),
        receive_buffer: int | None = None,
        greet: bool = True,
    ) -> None:
        sock = gevent_socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        OPEN.add(sock)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(WAIT)
        try:
            sock.connect(("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        self.sock = sock
        self.port = port
        self.is_json = subprotocol == "nuphar.v1.json"
        self.got: deque[Any] = deque()
        self.pongs = 0
        self._data = b""
        self._ref = 0
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        if subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            assert piece, f"the server hung up: {data!r}"
            data += piece
        status, fields, rest = _split(data)
        if status != 101:
            while piece := sock.recv(65536):
                rest += piece
            sock.close()
            raise Refused(status, fields, rest.decode())
        self.headers = fields
        self._data = rest
        self._cut()
        self.welcome: list[Any] = self.hello() if greet else []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    @property
    def client_id(self) -> str:
        return str(self.welcome[1])

    def hello(
        self, session: str | None = None, token: str | None = None, cursors: dict[str, Any] | None = None
    ) -> list[Any]:
        """Say Hello and return the Welcome."""
        self.send([1, 1, session, token, cursors or {}, {}])
        welcome = self.receive()
        assert isinstance(welcome, list), welcome
        assert welcome[0] == 16, welcome
        return welcome

    def back(self, cursors: dict[str, Any] | None = None, *, token: str | None = None, **options: Any) -> RawClient:
        """Return another connection that asked for this one's session, with its newest token unless told otherwise."""
        other = RawClient(self.port, greet=False, **options)
        other.welcome = other.hello(self.welcome[2], self.welcome[3] if token is None else token, cursors)
        other._ref = self._ref
        return other

    def ref(self) -> int:
        """Return the next ref."""
        self._ref += 1
        return self._ref

    def subscribe(self, target: str, since: Any = None) -> list[Any]:
        """Subscribe, and return everything up to the answer."""
        ref = self.ref()
        self.send([2, ref, target, since, None])
        return self.receive_until(lambda frame: (frame[0] == 17 and ref in frame[3]) or frame[:2] == [18, ref])

    def post(self, target: str, *payloads: Any) -> list[int]:
        """Send messages in one write, and return their refs."""
        refs = [self.ref() for _ in payloads]
        self.send(*([4, ref, target, payload] for ref, payload in zip(refs, payloads, strict=True)))
        return refs

    def send(self, *frames: Any) -> None:
        """Send frames of the protocol in one write; bytes and text go as they are."""
        self.sock.sendall(b"".join(self._message(frame) for frame in frames))

    def send_raw(self, data: bytes) -> None:
        """Send anything."""
        self.sock.sendall(data)

    def receive(self) -> Any:
        """Return what comes next; pings of WebSockets are left out. Raises: TimeoutError."""
        while not self.got:
            data = self.sock.recv(262144)
            if not data:
                return None
            self._data += data
            self._cut()
        return self.got.popleft()

    def take(self, count: int) -> list[Any]:
        """Return the next ``count`` frames."""
        return [self.receive() for _ in range(count)]

    def receive_until(self, found: Callable[[Any], bool]) -> list[Any]:
        """Return everything up to the frame for which ``found(frame)``; fails if the connection ends before."""
        frames = []
        while True:
            frame = self.receive()
            assert isinstance(frame, list), f"the connection ended with {frame} after {frames[-3:]}"
            frames.append(frame)
            if found(frame):
                return frames

    def receive_all(self) -> list[Any]:
        """Return everything up to the end: the last one is a `Closed`, or None if TCP ended without it."""
        frames = []
        while True:
            frame = self.receive()
            frames.append(frame)
            if frame is None or isinstance(frame, Closed):
                return frames

    def barrier(self) -> list[Any]:
        """Ping, and return all that came before the Pong."""
        ref = self.ref()
        self.send([7, ref])
        return self.receive_until(lambda frame: frame == [25, ref])[:-1]

    def close(self) -> None:
        """Close politely, and wait for the end."""
        self.sock.sendall(websocket_frame(CLOSE, (1000).to_bytes(2, "big")))
        try:
            while self.sock.recv(262144):
                pass
        finally:
            self.sock.close()

    def cut(self) -> None:
        """Reset TCP, as when a line is cut."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _message(self, frame: Any) -> bytes:
        if isinstance(frame, str):
            return websocket_frame(TEXT, frame.encode())
        if isinstance(frame, bytes):
            return websocket_frame(BINARY, frame)
        if self.is_json:
            return websocket_frame(TEXT, json.dumps(frame).encode())
        return websocket_frame(BINARY, cbor2.dumps(frame))

    def _cut(self) -> None:
        data, at, end = self._data, 0, len(self._data)
        while end - at >= 2:
            assert data[at] & 0xF0 == 0x80, f"a frame that is not final or has reserved bits: {data[at]:02x}"
            assert not data[at + 1] & 0x80, "a server must not mask"
            opcode, size, start = data[at] & 15, data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[start : start + 2], "big"), start + 2
            elif size == 127:
                size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
            if start + size > end:
                break
            self._take(opcode, data[start : start + size])
            at = start + size
        self._data = data[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        match opcode:
            case 1:
                self.got.append(json.loads(payload))
            case 2:
                self.got.append(cbor2.loads(payload))
            case 8:
                self.got.append(Closed(int.from_bytes(payload[:2], "big") if payload else 1005, payload[2:].decode()))
            case 9:
                self.sock.sendall(websocket_frame(PONG, payload))
            case 10:
                self.pongs += 1
            case _:
                raise AssertionError(f"an unknown opcode {opcode}")
