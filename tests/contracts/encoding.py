"""Every encoding is read by its clients as the port says: over WebSockets, over lines, and by an application's own."""

from __future__ import annotations

from typing import Any

from nuphar.testing.contracts import EncodingCase, EncodingContract
from nuphar.transport.server.framing import BARE
from nuphar.transport.server.subprotocols import FRAMINGS
from nuphar.transport.wire.frames import Frame
from nuphar.transport.wire.sequences import SEQUENCES
from nuphar.transport.wire.websocket_reader import FrameReader

LIMIT = 1 << 20


class BareCase(EncodingCase):
    """Frames one by one."""

    encoding = BARE

    def frames(self, joined: Any) -> list[Frame]:
        return [self.decode(frame) for frame in joined]


class TestBare(EncodingContract):
    def make(self) -> EncodingCase:
        return BareCase()


class WebSocketCase(EncodingCase):
    """Frames as WebSocket messages."""

    def __init__(self, subprotocol: str) -> None:
        super().__init__()
        self.encoding = FRAMINGS[subprotocol]

    def frames(self, joined: Any) -> list[Frame]:
        messages = FrameReader(LIMIT, client=True).feed(joined)
        assert all(isinstance(message, bytes | str) for message in messages), messages
        return [self.decode(message) for message in messages if isinstance(message, bytes | str)]


class TestWebSocketCbor(EncodingContract):
    def make(self) -> EncodingCase:
        return WebSocketCase("nuphar.v1.cbor")


class TestWebSocketJson(EncodingContract):
    def make(self) -> EncodingCase:
        return WebSocketCase("nuphar.v1.json")


class LineCase(EncodingCase):
    """Frames in the body of an answer over HTTP."""

    def __init__(self, content_type: str) -> None:
        super().__init__()
        sequence = SEQUENCES[content_type]
        self.encoding = FRAMINGS[sequence.framing]
        self._split = sequence.split

    def frames(self, joined: Any) -> list[Frame]:
        return [self.decode(frame) for frame in self._split(joined, LIMIT)]


class TestLineCbor(EncodingContract):
    def make(self) -> EncodingCase:
        return LineCase("application/cbor-seq")


class TestLineJson(EncodingContract):
    def make(self) -> EncodingCase:
        return LineCase("application/x-ndjson")
