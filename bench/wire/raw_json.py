"""The least that JSON over a WebSocket can be: what the bare servers speak.

``{"join": topic}`` is answered ``{"joined": seq, "state": count}``; ``{"ref": 1, "post": message}`` is answered
``{"ack": ref, "seq": seq}``, and everybody else gets ``{"seq": seq, "data": message}``.
"""

from __future__ import annotations

from .websocket import PONG, TEXT, Template, frame, text

_FIRST = 10_000_000


class RawJson:
    path = "/"
    subprotocol = ""
    ack = b'"ack":'
    refused = b""  # a refused message has no acknowledgement
    ping = b"\x89\x04"  # a ping frame of four bytes

    def opening(self, topic: str) -> list[tuple[bytes, bytes]]:
        return [(b"\r\n\r\n", text(f'{{"join":"{topic}"}}')), (b'"joined":', b"")]

    def post(self, topic: str, message: str) -> Template:
        return Template(TEXT, b'{"ref":', 8, f',"post":"{message}"}}'.encode())

    def ref(self, number: int) -> bytes:
        return b"%d" % (_FIRST + number)

    def pong(self, rest: bytes) -> bytes:
        return frame(PONG, rest[:4])
