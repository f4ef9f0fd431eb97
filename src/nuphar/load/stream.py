"""A client's bytes, cut into frames. Pure.

All subscribers of a topic get the same bytes, so whole runs of deliveries are read once and known again after that:
at 50 clients in a topic, reading each for itself would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..actors.words.close_codes import FRAMING_ERROR
from ..actors.words.errors import RemoteProtocolError
from ..transport.wire import websocket_frames as wire
from ..transport.wire.codec import read
from ..transport.wire.frames import Frame, ServerMessage
from ..transport.wire.websocket_reader import FrameReader

Item = Frame | wire.WebSocketPing | wire.WebSocketPong | wire.WebSocketClose | wire.FramingFailed

_LIMIT = 1 << 20  # bytes: no frame of a load topic comes near
_MOST = 2048  # runs of deliveries that are known at a time
_LONGEST = 4096  # bytes of one of them


class KnownBytes:
    """What bytes that came before mean; shared by the streams of a run. Bounded: 8 MiB of bytes, and their frames."""

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames: dict[bytes, Sequence[Item]] = {}

    def find(self, data: bytes) -> Sequence[Item] | None:
        """Return the frames in ``data``, if they are known."""
        return self._frames.get(data)

    def keep(self, data: bytes, items: Sequence[Item]) -> None:
        """Remember what ``data`` means, if others are likely to get the same."""
        if len(data) <= _LONGEST and all(type(item) is ServerMessage for item in items):
            if len(self._frames) >= _MOST:
                self._frames.clear()  # messages are not repeated: what is old is never asked for
            self._frames[data] = items


class Stream:
    """The stream of one client."""

    __slots__ = ("_known", "_pending", "_reader")

    def __init__(self, known: KnownBytes) -> None:
        self._known = known
        self._reader = FrameReader(_LIMIT, client=True)
        self._pending = 0  # bytes that are no whole message yet; only without any may something known follow

    def feed(self, data: bytes) -> Sequence[Item]:
        """Return what ``data`` completes. Never raises: what cannot be read is `FramingFailed`, and the last."""
        if not self._pending and (known := self._known.find(data)) is not None:
            return known
        is_between = not self._pending
        items: list[Item] = []
        self._pending += len(data)
        for event in self._reader.feed(data):
            if isinstance(event, (bytes, str)):
                self._pending -= _framed(len(event))
                try:
                    items.append(read(event))
                except RemoteProtocolError as error:
                    items.append(wire.FramingFailed(FRAMING_ERROR, str(error)))
                    break
            else:
                items.append(event)
                if isinstance(event, (wire.WebSocketPing, wire.WebSocketPong)):
                    self._pending -= _framed(len(event.payload))
        if is_between and not self._pending:
            self._known.keep(data, items)
        return items


def _framed(size: int) -> int:
    """Return how many bytes a message of ``size`` bytes takes, unmasked and in one piece (RFC 6455 section 5.2)."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10)
