"""WebSocket frames without a socket: how they are written, and what reading makes of them (RFC 6455 section 5). Pure.

`websocket_reader` is the way back.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ...actors.words.close_codes import NO_CODE
from .masking import unmask

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

FIN: Final = 0x80
RESERVED: Final = 0x70
CONTROL: Final = 0x08
"""Bits of a frame's first byte (RFC 6455 section 5.2)."""

MASKED: Final = 0x80
"""The bit of its second byte that says that the payload is masked."""


class WebSocketPing(NamedTuple):
    """To be answered by a pong with the same payload."""

    payload: bytes


class WebSocketPong(NamedTuple):
    """The answer to a ping, or an unasked sign of life."""

    payload: bytes


class WebSocketClose(NamedTuple):
    """The peer closes; nothing after it is read. ``code`` is `NO_CODE` if the frame was empty."""

    code: int
    reason: str


class FramingFailed(NamedTuple):
    """The peer broke a rule; nothing after it is read. ``close_code`` is the answer that it deserves."""

    close_code: int
    reason: str


FrameEvent = bytes | str | WebSocketPing | WebSocketPong | WebSocketClose | FramingFailed
"""What a stream of bytes is cut into. A whole message is its payload: ``bytes`` if binary, ``str`` if text."""


_SMALL = tuple(bytes((FIN | BINARY, size)) for size in range(126))


def encode_binary(payload: bytes) -> bytes:
    """One binary message from a server: `encode_frame` for what goes out most."""
    size = len(payload)
    return _SMALL[size] + payload if size < 126 else encode_frame(BINARY, payload)


def encode_frame(opcode: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """One final frame. A client gives four random bytes as ``mask``, a server none (RFC 6455 section 5.2)."""
    size = len(payload)
    bit = 0 if mask is None else MASKED
    if size < 126:
        head = bytes((FIN | opcode, bit | size))
    elif size < 65536:
        head = bytes((FIN | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN | opcode, bit | 127)) + size.to_bytes(8, "big")
    return head + payload if mask is None else head + mask + unmask(payload, mask)


def encode_close(code: int, reason: str = "", mask: bytes | None = None) -> bytes:
    """A close frame. `NO_CODE` gives an empty one; a reason over 123 bytes is cut between two characters."""
    if code == NO_CODE:
        return encode_frame(CLOSE, b"", mask)
    text = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text, mask)
