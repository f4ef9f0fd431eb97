"""Server-sent events: one batch is one event, its id the batch's number. Pure.

Source: HTML, section 9.2 (Server-sent events).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import NamedTuple

from ...actors.words.close_codes import TOO_LARGE
from ...actors.words.errors import RemoteProtocolError
from .batches import Batch

START = b"retry: 1000\n\n"
"""The first bytes, so that the headers go out; an EventSource comes back after a second."""

COMMENT = b":\n\n"
"""A sign of life, which is no event."""


class StreamEvent(NamedTuple):
    """What a client got: ``name`` is ``message`` unless the server says otherwise, ``id`` None if there was none."""

    name: str
    id: str | None
    data: str


def write_batch(batch: Batch, *, is_text: bool) -> bytes:
    """Write a batch: newline-delimited JSON as lines of data, a CBOR sequence in base64url without padding."""
    if is_text:
        lines = batch.data.removesuffix(b"\n").replace(b"\n", b"\ndata: ")
    else:
        lines = urlsafe_b64encode(batch.data).rstrip(b"=")
    return b"id: %d\ndata: %s\n\n" % (batch.number, lines)


def write_close(ending: str) -> bytes:
    """Write the end: a close code and its reason."""
    return b"event: close\ndata: " + " ".join(ending.split()).encode() + b"\n\n"


class EventReader:
    """Bytes to events; ``largest`` bounds what one event, or one line, may take."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._rest = bytearray()
        self._seen = 0  # bytes of the rest in which there is no newline
        self._size = 0
        self._name = ""
        self._id: str | None = None
        self._data: list[str] = []

    @property
    def is_within(self) -> bool:
        """Whether an event has begun, and not ended."""
        return bool(self._rest or self._data)

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Take bytes, and return the events that are whole now.

        Raises: RemoteProtocolError for an event over the limit, or bytes that are not UTF-8.
        """
        self._rest += data
        while (stop := self._rest.find(b"\n", self._seen)) >= 0:
            line = bytes(self._rest[:stop]).removesuffix(b"\r")
            del self._rest[: stop + 1]
            self._seen = 0
            if (event := self._take(line)) is not None:
                yield event
        self._seen = len(self._rest)
        self._check(self._seen)

    def _take(self, line: bytes) -> StreamEvent | None:
        if not line:
            event = StreamEvent(self._name or "message", self._id, "\n".join(self._data)) if self._data else None
            self._name, self._id, self._data, self._size = "", None, [], 0
            return event
        self._check(self._size + len(line))
        self._size += len(line)
        field, _, value = line.partition(b":")
        try:
            text = value.removeprefix(b" ").decode()
        except UnicodeDecodeError as error:
            raise RemoteProtocolError("expected UTF-8 in an event stream") from error
        match field:
            case b"data":
                self._data.append(text)
            case b"event":
                self._name = text
            case b"id":
                self._id = text
        return None

    def _check(self, size: int) -> None:
        if size > self._largest:
            raise RemoteProtocolError(f"expected an event of at most {self._largest} bytes", close_code=TOO_LARGE)
