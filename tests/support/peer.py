"""Servers that misbehave on purpose: a peer that says what it is told to, and a proxy that cuts the line."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import struct
from typing import Any, Self

import cbor2
import gevent
from gevent import socket as gevent_socket
from gevent.server import StreamServer

from .raw import BINARY, CLOSE, WAIT, websocket_frame

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
WELCOME = [16, "c" * 32, "s", "t", False, {}, 20.0, ""]


class Line:
    """One connection of a client to a `Peer`."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        sock.settimeout(WAIT)
        self._data = b""

    def read_request(self) -> str:
        """Return the head of the HTTP request."""
        while b"\r\n\r\n" not in self._data:
            piece = self.sock.recv(65536)
            assert piece, "the client hung up"
            self._data += piece
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        return head.decode()

    def answer(self, status: str, *headers: str, body: str = "") -> None:
        """Send an HTTP response."""
        self.sock.sendall("\r\n".join([f"HTTP/1.1 {status}", *headers, "", body]).encode())

    def upgrade(self, early: bytes = b"") -> Self:
        """Do the opening handshake, with ``early`` bytes in the same write."""
        head = self.read_request()
        key = next(line.split()[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        proof = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {proof}",
            "Sec-WebSocket-Protocol: nuphar.v1.cbor",
        ]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + early)
        return self

    def greet(self) -> Self:
        """Upgrade, hear Hello and say Welcome."""
        self.upgrade()
        assert self.receive() == [1, 1, None, None, {}, {}]
        self.send(WELCOME)
        return self

    def send(self, *frames: Any) -> None:
        """Send frames of the protocol, or bytes as they are, each as a message."""
        for frame in frames:
            data = frame if isinstance(frame, bytes) else cbor2.dumps(frame)
            self.sock.sendall(websocket_frame(BINARY, data, masked=False))

    def send_raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def send_close(self, code: int, reason: str = "") -> None:
        payload = code.to_bytes(2, "big") + reason.encode()
        self.sock.sendall(websocket_frame(CLOSE, payload, masked=False))

    def receive_frame(self) -> tuple[int, bytes] | None:
        """Return the opcode and payload of the next WebSocket frame; None at the end of TCP."""
        head = self._exactly(2)
        if not head:
            return None
        assert head[1] & 0x80, "a client must mask"
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(self._exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(self._exactly(8), "big")
        mask = self._exactly(4)
        return head[0] & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(self._exactly(size)))

    def receive(self) -> Any:
        """Return the next frame of the protocol; None at the end of TCP."""
        frame = self.receive_frame()
        if frame is None:
            return None
        assert frame[0] == BINARY, frame
        return cbor2.loads(frame[1])

    def close(self) -> None:
        self.sock.close()

    def cut(self) -> None:
        """Reset TCP."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _exactly(self, size: int) -> bytes:
        while len(self._data) < size:
            piece = self.sock.recv(65536)
            if not piece:
                return b""
            self._data += piece
        taken, self._data = self._data[:size], self._data[size:]
        return taken


class Peer:
    """Listens on a free port; a test accepts each connection when it likes."""

    def __init__(self) -> None:
        self._listener = gevent_socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self._listener.settimeout(WAIT)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"ws://127.0.0.1:{self.port}/live"
        self._lines: list[Line] = []

    def accept(self) -> Line:
        """Return the next connection. Raises: TimeoutError."""
        sock, _ = self._listener.accept()
        line = Line(sock)
        self._lines.append(line)
        return line

    def close(self) -> None:
        self._listener.close()
        for line in self._lines:
            line.close()


class Proxy:
    """Passes bytes on to ``port`` until it is told to cut; ``refuse`` lets nobody through."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[tuple[Any, Any]] = []
        self.refuse = False
        self.accepted = 0
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.url = f"ws://127.0.0.1:{self._server.server_port}/live"

    def cut(self) -> None:
        """Reset every connection, in both directions."""
        pairs, self._pairs = self._pairs, []
        for sock in (sock for pair in pairs for sock in pair):
            with contextlib.suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()

    def close(self) -> None:
        self.cut()
        self._server.stop()

    def _serve(self, sock: Any, _: Any) -> None:
        if self.refuse:
            return
        self.accepted += 1
        other = gevent_socket.create_connection(("127.0.0.1", self._to))
        self._pairs.append((sock, other))
        back = gevent.spawn(self._pass_on, other, sock)
        self._pass_on(sock, other)
        back.join()

    def _pass_on(self, source: Any, sink: Any) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            sock.close()
