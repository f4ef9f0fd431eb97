"""What the subprotocol of a WebSocket, or the content type of a line, means for its frames."""

from __future__ import annotations

from ..wire.sequences import join_cbor
from ..wire.websocket_frames import TEXT, encode_binary, encode_frame
from .fan_out import write_to_all
from .framing import CborFraming, Framing, JsonFraming, write_to_each

FRAMINGS: dict[str, Framing] = {
    "nuphar.v1.cbor": CborFraming(encode_binary, b"".join, write_to_all),
    "nuphar.v1.json": JsonFraming(lambda frame: encode_frame(TEXT, frame), b"".join, write_to_all),
    "nuphar.v1.cbor-seq": CborFraming(join_cbor, b"".join, write_to_each),
    "nuphar.v1.ndjson": JsonFraming(lambda frame: frame + b"\n", b"".join, write_to_each),
}
"""The one we like best first: joined is one bytes object of WebSocket messages, for an `Outbox`.

The last two are for lines over HTTP (`nuphar.transport.wire.sequences`): joined is one bytes object of a sequence.
"""
