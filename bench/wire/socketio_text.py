"""Engine.IO 4 and Socket.IO 5 in text frames, WebSocket only.

The client emits ``join`` with the topic and ``post`` with the message; both are answered by Socket.IO's own
acknowledgement. Everybody else gets the event ``message`` with seq and message.
"""

from __future__ import annotations

from .websocket import TEXT, Template, text

_FIRST = 10_000_000


class SocketioText:
    path = "/socket.io/?EIO=4&transport=websocket"
    subprotocol = ""
    ack = b'["ack",'
    refused = b""  # a refused message has no acknowledgement
    ping = b"\x81\x012"  # a text frame of one byte: Engine.IO's ping

    def opening(self, topic: str) -> list[tuple[bytes, bytes]]:
        return [
            (b'0{"sid"', text("40")),
            (b'40{"sid"', text(f'420["join","{topic}"]')),
            (b'["joined",', b""),
        ]

    def post(self, topic: str, message: str) -> Template:
        return Template(TEXT, b"42", 8, f'["post","{message}"]'.encode())

    def ref(self, number: int) -> bytes:
        return b"%d" % (_FIRST + number)

    def pong(self, rest: bytes) -> bytes:
        return text("3")
