"""WebSocket framing without a socket: bytes to events, payloads to bytes (RFC 6455 section 5).

A reader never raises and never waits: what the peer got wrong becomes the last event, `Failed`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ...actors.words.close_codes import FRAMING_ERROR, INVALID_TEXT, NO_CODE, TOO_LARGE, may_be_sent
from .masking import unmask

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

MAX_FRAGMENTS: Final = 1024
"""Of one message. A limit in bytes alone would let empty fragments come for ever."""

AT_ONCE: Final = 256
"""Frames that a server cuts in one step, about 0.4 ms: a read may bring ten thousand empty ones."""

_FIN, _RESERVED, _MASKED, _CONTROL = 0x80, 0x70, 0x80, 0x08


class Ping(NamedTuple):
    """To be answered by a pong with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """The answer to a ping, or an unasked sign of life."""

    payload: bytes


class Close(NamedTuple):
    """The peer closes; nothing after it is read. ``code`` is `NO_CODE` if the frame was empty."""

    code: int
    reason: str


class Failed(NamedTuple):
    """The peer broke a rule; nothing after it is read. ``close_code`` is the answer that it deserves."""

    close_code: int
    reason: str


Event = bytes | str | Ping | Pong | Close | Failed
"""What a stream of bytes is cut into. A whole message is its payload: ``bytes`` if binary, ``str`` if text."""


class _Fault(Exception):
    """What becomes a `Failed`; it never leaves this module."""


_EMPTY = b""
"""What a reader keeps between two frames: one object for all, which a thousand connections need not touch each."""

_SMALL = tuple(bytes((_FIN | BINARY, size)) for size in range(126))


def encode_binary(payload: bytes) -> bytes:
    """One binary message from a server: `encode_frame` for what goes out most."""
    size = len(payload)
    return _SMALL[size] + payload if size < 126 else encode_frame(BINARY, payload)


def encode_frame(opcode: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """One final frame. A client gives four random bytes as ``mask``, a server none (RFC 6455 section 5.2)."""
    size = len(payload)
    bit = 0 if mask is None else _MASKED
    if size < 126:
        head = bytes((_FIN | opcode, bit | size))
    elif size < 65536:
        head = bytes((_FIN | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, bit | 127)) + size.to_bytes(8, "big")
    return head + payload if mask is None else head + mask + unmask(payload, mask)


def encode_close(code: int, reason: str = "", mask: bytes | None = None) -> bytes:
    """A close frame. `NO_CODE` gives an empty one; a reason over 123 bytes is cut between two characters."""
    if code == NO_CODE:
        return encode_frame(CLOSE, b"", mask)
    text = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text, mask)


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
        self._masked = 0 if client else _MASKED
        self._forget()
        self._over = False
        self.has_more = False
        """Whether ``at_once`` frames were cut and more may be here: then feed it again, be it with nothing."""

    @property
    def buffered(self) -> int:
        """How many bytes of unfinished frames and messages are kept."""
        return len(self._buffer) + len(self._message)

    def feed(self, data: bytes) -> list[Event]:
        """The events that ``data`` completes, or those of the first ``at_once`` frames (see `has_more`).

        Never raises; after `Close` or `Failed` always empty.
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
        if is_small and data[0] == 0x82 and data[1] == _MASKED | size and self._masked and not self._fragments:
            # What most reads bring: one whole binary message of a client.
            return [unmask(data[6:], data[2:6])]
        events: list[Event] = []
        try:
            used = self._cut(data, events)
        except _Fault as fault:
            events.append(Failed(*fault.args))
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

    def _cut(self, data: bytes, events: list[Event]) -> int:
        """Append what ``data`` completes to ``events``; return how many bytes that took."""
        position, end, count = 0, len(data), 0
        while end - position >= 2:
            if count == self._at_once:
                self._needed, self.has_more = 0, True
                return position
            count += 1
            first, second = data[position], data[position + 1]
            if first == 0x82 and _MASKED < second < _MASKED + 126 and self._masked and not self._fragments:
                # As in `feed`: a client's whole small binary message.
                stop = position + second - _MASKED + 6
                if stop <= end and second - _MASKED <= self._limit:
                    events.append(unmask(data[position + 6 : stop], data[position + 2 : position + 6]))
                    position = stop
                    continue
            if (first != 0x82 and first != 0x81) or second & _MASKED != self._masked or self._fragments:
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
            if total > self._limit and not first & _CONTROL:
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
            if first & _CONTROL:
                events.append(self._control(first & 15, payload))
                if self._over:
                    return position
            elif first & _FIN and not self._fragments:
                events.append(payload if first & 15 == BINARY else _text(payload))
            else:
                self._fragment(first, payload, events)
        self._needed = 2
        return position

    def _judge(self, first: int, second: int) -> None:
        """Raise for a header that no frame may have here, as far as its first two bytes tell."""
        opcode = first & 15
        if first & _RESERVED:
            raise _Fault(FRAMING_ERROR, f"expected no reserved bits, got 0x{first & _RESERVED:02x}")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise _Fault(FRAMING_ERROR, f"expected a known opcode, got {opcode}")
        if second & _MASKED != self._masked:
            raise _Fault(FRAMING_ERROR, f"expected mask bit {self._masked >> 7}, got {second >> 7}")
        if opcode & _CONTROL:
            if not first & _FIN or second & 0x7F > 125:
                raise _Fault(FRAMING_ERROR, "expected a whole control frame of at most 125 bytes")
        elif opcode == CONTINUATION and not self._fragments:
            raise _Fault(FRAMING_ERROR, "expected the start of a message, got a continuation")
        elif opcode != CONTINUATION and self._fragments:
            raise _Fault(FRAMING_ERROR, f"expected a continuation, got opcode {opcode}")
        elif self._fragments == MAX_FRAGMENTS:
            raise _Fault(TOO_LARGE, f"expected at most {MAX_FRAGMENTS} fragments")

    def _fragment(self, first: int, payload: bytes, events: list[Event]) -> None:
        if not self._fragments:
            self._opcode = first & 15
            self._message = bytearray()
        self._fragments += 1
        self._message += payload
        if first & _FIN:
            whole, opcode = bytes(self._message), self._opcode
            self._message = _EMPTY
            self._fragments = 0
            events.append(whole if opcode == BINARY else _text(whole))

    def _control(self, opcode: int, payload: bytes) -> Event:
        if opcode == PING:
            return Ping(payload)
        if opcode == PONG:
            return Pong(payload)
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


def _close(payload: bytes) -> Close:
    if not payload:
        return Close(NO_CODE, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not may_be_sent(code):
        raise _Fault(FRAMING_ERROR, f"expected a close code, got {payload[:2].hex()}")
    return Close(code, _text(payload[2:]))
