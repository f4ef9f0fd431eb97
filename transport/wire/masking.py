"""The masks of WebSocket frames (RFC 6455 section 5.3), without a loop in Python."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

_XOR_UP_TO = 3072  # bytes: an integer XOR is the faster below, four translations above (measured)
_XOR_TABLES = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


def portable_unmask(payload: bytes, key: bytes) -> bytes:
    """XOR ``payload`` with the four bytes of ``key``, over and over; it masks as well."""
    size = len(payload)
    if size < _XOR_UP_TO:
        whole, part = divmod(size, 4)
        pad = key * whole + key[:part]
        return (int.from_bytes(payload, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")
    result = bytearray(size)
    for offset in range(4):
        result[offset::4] = payload[offset::4].translate(_XOR_TABLES[key[offset]])
    return bytes(result)


unmask: Callable[[bytes, bytes], bytes] = portable_unmask
"""The fastest that is here: the same in C if the package ``websockets`` happens to be installed."""

with contextlib.suppress(ImportError):
    from websockets.speedups import apply_mask

    unmask = apply_mask
