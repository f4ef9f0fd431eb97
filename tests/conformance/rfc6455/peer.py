"""A client that writes what a case says, right or wrong, and reads with the frame parser of ``websockets``.

So what our server writes is judged by another implementation than our own.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import Frame
from websockets.streams import StreamReader

WAIT = 10.0
"""Seconds that any read may take."""

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
"""The example of section 1.3, whose answer is known."""

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {TEXT: "text", BINARY: "binary", PONG: "pong", PING: "ping"}


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x01\x80\xff\x37",
    form: int | None = None,
) -> bytes:
    """Return a frame's bytes. ``form`` 126 or 127 takes that form of the length, needed or not."""
    size = len(payload)
    bit = 0 if mask is None else 0x80
    form = form or (size if size < 126 else 126 if size < 65536 else 127)
    head = bytes(((0x80 if fin else 0) | rsv << 4 | opcode, bit | form))
    if form == 126:
        head += struct.pack("!H", size)
    elif form == 127:
        head += struct.pack("!Q", size)
    if mask is None:
        return head + payload
    repeated = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
    return head + mask + masked


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Return a close frame; without a code an empty one."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def request(*changes: tuple[bytes, bytes | None], first: bytes = b"GET / HTTP/1.1") -> bytes:
    """Return an opening handshake with these fields instead of, or beside, the usual ones; None leaves one out."""
    fields = {
        b"Host": b"localhost",
        b"Upgrade": b"websocket",
        b"Connection": b"Upgrade",
        b"Sec-WebSocket-Key": KEY,
        b"Sec-WebSocket-Version": b"13",
    }
    more = []
    for name, value in changes:
        if name in fields:
            fields[name] = value  # type: ignore[assignment]
        else:
            more.append((name, value))
    lines = [b"%b: %b" % (name, value) for name, value in (*fields.items(), *more) if value is not None]
    return b"\r\n".join([first, *lines, b"", b""])


class Answer(NamedTuple):
    """What the server answered to an opening handshake; the fields' names are in lower case."""

    status: int
    fields: dict[str, str]
    rest: bytes


class Peer:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), WAIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def shake(self, data: bytes) -> Answer:
        """Send an opening handshake, and return the answer to it."""
        self.sock.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.sock.recv(65536)
            if not piece:
                return Answer(0, {}, answer)
            answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Answer(int(first.split()[1]), fields, rest)

    def write(self, data: bytes, chop: int) -> None:
        """Send in pieces of ``chop`` bytes, 0 for one piece; a server may have closed before the last one."""
        try:
            for piece in [data] if not chop else [data[at : at + chop] for at in range(0, len(data), chop)]:
                self.sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return

    def read(self, begun: bytes = b"") -> Iterable[Any]:
        """Yield each event up to the end of TCP; what no server may send is an event ``broken``."""
        stream = StreamReader()
        stream.feed_data(begun)
        parsing = Frame.parse(stream.read_exact, mask=False)
        kind: int | None = None
        message = b""
        while True:
            try:
                next(parsing)
            except StopIteration as done:
                each = done.value
                parsing = Frame.parse(stream.read_exact, mask=False)
                if each.opcode == CLOSE:
                    code = int.from_bytes(each.data[:2], "big") if each.data else None
                    yield "close", code, bytes(each.data[2:])
                elif each.opcode in (PING, PONG):
                    yield NAMES[each.opcode], bytes(each.data)
                else:
                    kind = kind if each.opcode == CONT else each.opcode
                    message += bytes(each.data)
                    if each.fin:
                        yield NAMES[kind or CONT], message
                        kind, message = None, b""
                continue
            except ProtocolError as error:
                yield "broken", str(error)
                return
            except EOFError:
                yield "broken", "the stream ends within a frame"
                return
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                yield ("reset",)
                return
            except TimeoutError:
                yield ("silence",)
                return
            if not data:
                yield ("end",)
                return
            stream.feed_data(data)

    def end(self) -> None:
        """Close TCP."""
        self.sock.close()
