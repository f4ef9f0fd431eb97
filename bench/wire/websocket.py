"""A client's half of RFC 6455, by hand: the upgrade request and masked frames."""

from __future__ import annotations

DELIVERED = b"~delivered~"
"""The marker in every message."""

TEXT, BINARY, PONG = 1, 2, 10

_MASK = b"\x37\xfa\x21\x3d"  # any will do: no server may look at it


def upgrade(host: str, path: str, subprotocol: str) -> bytes:
    """Return the request (RFC 6455 section 4.1)."""
    offered = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{offered}\r\n"
    ).encode()


def masked(data: bytes, offset: int = 0) -> bytes:
    """Mask what stands ``offset`` bytes into a payload (section 5.3)."""
    at = offset % 4
    key = ((_MASK[at:] + _MASK[:at]) * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(key)).to_bytes(len(data))


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole frame."""
    return _header(opcode, len(payload)) + masked(payload)


def text(payload: str) -> bytes:
    """Return one whole text frame."""
    return frame(TEXT, payload.encode())


class Template:
    """A frame in which only ``width`` bytes change, those of the ref; the rest is masked once for all."""

    def __init__(self, opcode: int, before: bytes, width: int, after: bytes) -> None:
        whole = frame(opcode, before + bytes(width) + after)
        at = len(whole) - len(after) - width
        self._before = whole[:at]
        self._after = whole[at + width :]
        self._width = width
        self._key = int.from_bytes(whole[at : at + width])

    def fill(self, ref: bytes) -> bytes:
        """Return the frame with this ref."""
        return self._before + (int.from_bytes(ref) ^ self._key).to_bytes(self._width) + self._after


def _header(opcode: int, size: int) -> bytes:
    first = 0x80 | opcode
    if size < 126:
        return bytes((first, 0x80 | size)) + _MASK
    if size < 65536:
        return bytes((first, 0x80 | 126)) + size.to_bytes(2) + _MASK
    return bytes((first, 0x80 | 127)) + size.to_bytes(8) + _MASK
