"""Whole frames one after the other, as HTTP carries them: cut and joined. Pure.

In CBOR a sequence (RFC 8742) of byte strings, each of which holds one frame: so a frame's length is known before it is
read. In JSON one frame a line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...actors.words.close_codes import TOO_LARGE
from ...actors.words.errors import RemoteProtocolError

MOST_FRAMES = 1_000
"""Frames in one body: more would keep everybody else waiting."""

_BYTES = 0x40  # the first byte of an empty byte string (RFC 8949 section 3.1, major type 2)


class Sequence(NamedTuple):
    """One way to write them; ``framing`` is its key in `nuphar.transport.server.subprotocols.FRAMINGS`."""

    content_type: str
    framing: str
    split: Callable[[bytes, int], list[bytes] | list[str]]


def head(size: int) -> bytes:
    """Return what stands in front of a byte string of ``size`` bytes.

    >>> head(3).hex(), head(300).hex()
    ('43', '59012c')
    """
    if size < 24:
        return bytes((_BYTES + size,))
    if size < 0x100:
        return bytes((_BYTES + 24, size))
    if size < 0x10000:
        return b"\x59" + size.to_bytes(2, "big")
    return b"\x5a" + size.to_bytes(4, "big")


def join_cbor(frame: bytes) -> bytes:
    """Put one frame into its byte string."""
    return head(len(frame)) + frame


def split_cbor(body: bytes, largest: int, most: int = MOST_FRAMES) -> list[bytes]:
    """Cut a sequence of byte strings of at most ``largest`` bytes.

    Raises: RemoteProtocolError; with ``too_large`` and 1009 over one of the limits.
    """
    frames: list[bytes] = []
    at, end = 0, len(body)
    while at < end:
        small = body[at] - _BYTES
        at += 1
        if 0 <= small < 24:
            size = small
        elif 24 <= small <= 26:
            width = 1 << (small - 24)
            if at + width > end:
                raise RemoteProtocolError("the body ends within the length of a frame")
            size = int.from_bytes(body[at : at + width], "big")
            at += width
        else:
            raise RemoteProtocolError(f"expected a byte string for each frame, got the byte {body[at - 1]:#04x}")
        _check(size, largest, len(frames), most)
        if at + size > end:
            raise RemoteProtocolError(f"expected a frame of {size} bytes, got {end - at}")
        frames.append(body[at : at + size])
        at += size
    return frames


def split_json(body: bytes, largest: int, most: int = MOST_FRAMES) -> list[str]:
    """Cut a body into its lines, of at most ``largest`` bytes; the last one may end without a newline.

    Raises: RemoteProtocolError for an empty line, or one that is not UTF-8; with ``too_large`` and 1009 over a limit.
    """
    frames: list[str] = []
    at, end = 0, len(body)
    while at < end:
        stop = body.find(b"\n", at)
        stop = end if stop < 0 else stop
        if stop == at:
            raise RemoteProtocolError("expected a frame on each line, got an empty one")
        _check(stop - at, largest, len(frames), most)
        try:
            frames.append(body[at:stop].decode())
        except UnicodeDecodeError as error:
            raise RemoteProtocolError("expected lines in UTF-8") from error
        at = stop + 1
    return frames


def _check(size: int, largest: int, count: int, most: int) -> None:
    if size > largest:
        raise RemoteProtocolError(
            f"expected a frame of at most {largest} bytes, got {size}", code="too_large", close_code=TOO_LARGE
        )
    if count >= most:
        raise RemoteProtocolError(f"expected at most {most} frames in a body", code="too_large", close_code=TOO_LARGE)


SEQUENCES = {
    each.content_type: each
    for each in (
        Sequence("application/cbor-seq", "nuphar.v1.cbor-seq", split_cbor),
        Sequence("application/x-ndjson", "nuphar.v1.ndjson", split_json),
    )
}
"""By content type. Neither is one that a foreign page may post without asking first (Fetch, section 2.2.2)."""
