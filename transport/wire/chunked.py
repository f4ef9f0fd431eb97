"""The framing of a chunked body as decisions (RFC 9112, 7.1). Pure.

A chunk costs work whatever it brings, so what may be framing is bounded by what is content: a body in very many tiny
chunks is refused early.
"""

from __future__ import annotations

import re

from .http_head import BadRequest, read_field

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[\t ]*;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")

_PLAIN = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")

FREE = 16 * 1024
"""Bytes of framing that any body may have: sizes, extensions, line ends and trailers."""

CONTENT_PER_FRAMING = 2
"""Bytes of content that allow one more of framing: chunks of ten bytes and more pass for ever."""

MAX_LINE = 8 * 1024
"""Bytes of one line of framing."""


class BodyFraming:
    """Judges the lines between the chunks of one body."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = FREE

    def size(self, line: bytes) -> int:
        """Return the size that the line before a chunk tells, 0 for the last one. Raises: BadRequest."""
        found = _SIZE.fullmatch(line)
        if found is None:
            raise BadRequest(f"expected a chunk's size in hexadecimal digits, got {line[:40]!r} (9112, 7.1)")
        size = int(found[1], 16)
        self._spend(len(line) + 2 - size // CONTENT_PER_FRAMING)
        return size

    def whole(self, data: bytes) -> tuple[bytes, int]:
        """Return the content of the plain chunks that ``data`` begins with, and how many bytes these are.

        What is cut off, last or otherwise special is left for `size` and the others. Raises: BadRequest.
        """
        parts, at = [], 0
        while (found := _PLAIN.match(data, at)) is not None:
            start = found.end()
            stop = start + int(found[1], 16)
            if start == stop or data[stop : stop + 2] != b"\r\n":
                break
            self._spend(start - at + 2 - (stop - start) // CONTENT_PER_FRAMING)
            parts.append(data[start:stop])
            at = stop + 2
        return b"".join(parts), at

    def end(self, line: bytes) -> None:
        """Judge what follows a chunk's content. Raises: BadRequest."""
        if line != b"\r\n":
            raise BadRequest(f"expected a line end behind a chunk, got {line[:40]!r} (9112, 7.1)")

    def is_last(self, line: bytes) -> bool:
        """Judge a line behind the last chunk: is it the body's end, or a trailer? Raises: BadRequest."""
        if line == b"\r\n":
            return True
        self._spend(len(line))
        read_field(line)
        return False

    def _spend(self, cost: int) -> None:
        self._left -= cost
        if self._left < 0:
            raise BadRequest("expected fewer or larger chunks: there is more framing than content (9112, 7.1)")
