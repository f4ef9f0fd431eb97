"""The reader of WebSocket frames: bytes to events, whatever the bytes are (RFC 6455 section 5). Pure.

It never raises and never waits: what the peer got wrong becomes the last event, `FramingFailed`.
"""

from __future__ import annotations

from typing import Final

from ...actors.words.close_codes import FRAMING_ERROR, INVALID_TEXT, NO_CODE, TOO_LARGE, may_be_sent
from .masking import unmask
from .websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CONTROL,
    FIN,
    MASKED,
    PING,
    PONG,
    RESERVED,
    TEXT,
    FrameEvent,
    FramingFailed,
    WebSocketClose,
    WebSocketPing,
    WebSocketPong,
)

MAX_FRAGMENTS: Final = 1024
"""Of one message. A limit in bytes alone would let empty fragments come for ever."""

AT_ONCE: Final = 256
"""Frames that a server cuts in one step, about 0.4 ms: a read may bring ten thousand empty ones."""


class _Fault(Exception):
    """What becomes a `FramingFailed`; it never leaves this module."""


_EMPTY = b""
"""What a reader keeps between two frames: one object for all, which a thousand connections need not touch each."""


class FrameReader:
    """Cuts a stream of bytes into events; one per connection.

    ``limit`` is the largest message in bytes, over all of its fragments, judged from a frame's header before
    any of the payload is kept. With ``client`` it reads what a server sends, which must not be masked. ``at_once``
    bounds the frames that one `feed` cuts; 0 means all.
    """

    __slots__ = (
        "_at_once", "_buffer", "_fragments", "_limit", "_masked", "_message", "_needed", "_opcode", "_over", "has_more",
    )  # fmt: skip

    _buffer: bytes | bytearray
    _message: bytes | bytearray

    def __init__(self, limit: int, *, client: bool = False, at_once: int = 0) -> None:
        self._limit = limit
        self._at_once = at_once or -1
        self._masked = 0 if client else MASKED
        self._forget()
        self._over = False
        self.has_more = False
        """Whether ``at_once`` frames were cut and more may be here: then feed it again, be it with nothing."""

    @property
    def buffered(self) -> int:
        """How many bytes of unfinished frames and messages are kept."""
        return len(self._buffer) + len(self._message)

    def feed(self, data: bytes) -> list[FrameEvent]:
        """The events that ``data`` completes, or those of the first ``at_once`` frames (see `has_more`).

        Never raises; after `WebSocketClose` or `FramingFailed` always empty.
        """
        if self._over:
            return []
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
            self._buffer = _EMPTY
            self.has_more = False
        size = len(data) - 6
        is_small = 0 < size < 126 and size <= self._limit
        if is_small and data[0] == 0x82 and data[1] == MASKED | size and self._masked and not self._fragments:
            # What most reads bring: one whole binary message of a client.
            return [unmask(data[6:], data[2:6])]
        events: list[FrameEvent] = []
        try:
            used = self._cut(data, events)
        except _Fault as fault:
            events.append(FramingFailed(*fault.args))
            self._over = True
        if self._over:
            self._forget()
        elif used < len(data):
            self._buffer = bytearray(data[used:])
        return events

    def _forget(self) -> None:
        self._buffer = _EMPTY  # the start of a frame that is not complete
        self._needed = 0  # how long the buffer must be before another look at it is worth while
        self.has_more = False
        self._message = _EMPTY  # the fragments so far
        self._fragments = 0  # how many; 0 between two messages
        self._opcode = 0

    def _cut(self, data: bytes, events: list[FrameEvent]) -> int:
        """Append what ``data`` completes to ``events``; return how many bytes that took."""
        position, end, count = 0, len(data), 0
        while end - position >= 2:
            if count == self._at_once:
                self._needed, self.has_more = 0, True
                return position
            count += 1
            first, second = data[position], data[position + 1]
            if first == 0x82 and MASKED < second < MASKED + 126 and self._masked and not self._fragments:
                # As in `feed`: a client's whole small binary message.
                stop = position + second - MASKED + 6
                if stop <= end and second - MASKED <= self._limit:
                    events.append(unmask(data[position + 6 : stop], data[position + 2 : position + 6]))
                    position = stop
                    continue
            if (first != 0x82 and first != 0x81) or second & MASKED != self._masked or self._fragments:
                self._judge(first, second)
            start = position + 2
            size = second & 0x7F
            if size >= 126:
                start += 2 if size == 126 else 8
                if start > end:
                    self._needed = start - position
                    return position
                size = _long_size(data[position + 2 : start])
            total = size + len(self._message)
            if total > self._limit and not first & CONTROL:
                raise _Fault(TOO_LARGE, f"expected at most {self._limit} bytes, got {total}")
            payload_start = start + 4 if self._masked else start
            stop = payload_start + size
            if stop > end:
                self._needed = stop - position
                return position
            payload = data[payload_start:stop]
            if self._masked and payload:
                payload = unmask(payload, data[start:payload_start])
            position = stop
            if first & CONTROL:
                events.append(self._control(first & 15, payload))
                if self._over:
                    return position
            elif first & FIN and not self._fragments:
                events.append(payload if first & 15 == BINARY else _text(payload))
            else:
                self._fragment(first, payload, events)
        self._needed = 2
        return position

    def _judge(self, first: int, second: int) -> None:
        """Raise for a header that no frame may have here, as far as its first two bytes tell."""
        opcode = first & 15
        if first & RESERVED:
            raise _Fault(FRAMING_ERROR, f"expected no reserved bits, got 0x{first & RESERVED:02x}")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise _Fault(FRAMING_ERROR, f"expected a known opcode, got {opcode}")
        if second & MASKED != self._masked:
            raise _Fault(FRAMING_ERROR, f"expected mask bit {self._masked >> 7}, got {second >> 7}")
        if opcode & CONTROL:
            if not first & FIN or second & 0x7F > 125:
                raise _Fault(FRAMING_ERROR, "expected a whole control frame of at most 125 bytes")
        elif opcode == CONTINUATION and not self._fragments:
            raise _Fault(FRAMING_ERROR, "expected the start of a message, got a continuation")
        elif opcode != CONTINUATION and self._fragments:
            raise _Fault(FRAMING_ERROR, f"expected a continuation, got opcode {opcode}")
        elif self._fragments == MAX_FRAGMENTS:
            raise _Fault(TOO_LARGE, f"expected at most {MAX_FRAGMENTS} fragments")

    def _fragment(self, first: int, payload: bytes, events: list[FrameEvent]) -> None:
        if not self._fragments:
            self._opcode = first & 15
            self._message = bytearray()
        self._fragments += 1
        self._message += payload
        if first & FIN:
            whole, opcode = bytes(self._message), self._opcode
            self._message = _EMPTY
            self._fragments = 0
            events.append(whole if opcode == BINARY else _text(whole))

    def _control(self, opcode: int, payload: bytes) -> FrameEvent:
        if opcode == PING:
            return WebSocketPing(payload)
        if opcode == PONG:
            return WebSocketPong(payload)
        close = _close(payload)
        self._over = True
        return close


def _long_size(data: bytes) -> int:
    """The size in an extended length field of two or eight bytes (RFC 6455 section 5.2)."""
    size = int.from_bytes(data, "big")
    if size < (126 if len(data) == 2 else 65536):
        raise _Fault(FRAMING_ERROR, f"expected the shortest form of length {size}, got {len(data)} bytes")
    if size >> 63:
        raise _Fault(FRAMING_ERROR, "expected a length below 2**63")
    return size


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise _Fault(INVALID_TEXT, f"expected UTF-8, got {error.reason} at byte {error.start}") from None


def _close(payload: bytes) -> WebSocketClose:
    if not payload:
        return WebSocketClose(NO_CODE, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not may_be_sent(code):
        raise _Fault(FRAMING_ERROR, f"expected a close code, got {payload[:2].hex()}")
    return WebSocketClose(code, _text(payload[2:]))
