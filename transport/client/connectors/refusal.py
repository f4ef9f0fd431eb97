"""An answer that refuses a client: its status, where it points, when to come back, the sentence in its body. Pure.

Source: RFC 9110 sections 15.4 (redirects) and 10.2.3 (Retry-After), RFC 9112 section 6 (where a body ends).
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

LOOKED_AT = 4 * 1024
"""Bytes of a body that are looked at."""

SHOWN = 200
"""Characters of it that are told."""

DAY = 86_400.0
"""Seconds for which a Retry-After may keep a client away."""

_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]{0,200}\r?\n")


class HttpRefusal:
    """``head`` is the answer's head, without the empty line; its body is fed in pieces."""

    def __init__(self, status: int, head: bytes) -> None:
        self.status = status
        lines = head.decode("latin-1").split("\r\n")[1:]
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._location = fields.get("location", "")
        self.after = seconds_of(fields.get("retry-after", ""), fields.get("date", ""))
        """The seconds of its Retry-After."""
        self._is_chunked = "chunked" in fields.get("transfer-encoding", "").lower()
        size = fields.get("content-length", "")
        self._size = int(size) if _LENGTH.fullmatch(size) else LOOKED_AT
        if status in (204, 304):  # they have no body
            self._size, self._is_chunked = 0, False
        self._data = b""

    def feed(self, data: bytes) -> bool:
        """Take the next bytes of the body in; say whether enough is there."""
        self._data += data[: 2 * LOOKED_AT - len(self._data)]
        body, is_whole = self._body()
        return is_whole or len(body) >= LOOKED_AT or len(self._data) >= 2 * LOOKED_AT

    @property
    def text(self) -> str:
        """What it says, for people."""
        return explain(self.status, self._location, self._body()[0])

    def _body(self) -> tuple[bytes, bool]:
        if not self._is_chunked:
            return self._data[: self._size], len(self._data) >= self._size
        body, at = b"", 0
        while (found := _CHUNK.match(self._data, at)) is not None:
            size = int(found[1], 16)
            if not size:
                return body, True
            body += self._data[found.end() : found.end() + size]
            at = found.end() + size + 2
        return body, False


def seconds_of(retry_after: str, date: str = "") -> float:
    """Return the seconds that a Retry-After asks for, at most a `DAY`; 0 for one that cannot be read.

    A point in time counts from the answer's own ``date``, as clocks differ.

    >>> seconds_of("120"), seconds_of("soon")
    (120.0, 0.0)
    >>> seconds_of("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:29 GMT")
    30.0
    """
    if _LENGTH.fullmatch(retry_after):
        return min(DAY, float(retry_after))
    try:
        seconds = (parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return min(DAY, max(0.0, seconds))


def explain(status: int, location: str, body: bytes) -> str:
    """Return the sentence of a refusal: what a redirect points to, else the beginning of the body.

    >>> explain(301, "https://example.org/live", b"moved")
    'redirected to https://example.org/live: give the client that address'
    """
    if 300 <= status < 400 and location:
        return f"redirected to {_line(location)}: give the client that address"
    return _line(body[:LOOKED_AT].decode("utf-8", "replace"))


def _line(text: str) -> str:
    """Make one short line of it: it goes into logs."""
    return " ".join("".join(each if each.isprintable() else " " for each in text[: 2 * SHOWN]).split())[:SHOWN]
