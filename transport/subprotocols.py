"""What a WebSocket's subprotocol means for its frames."""

from __future__ import annotations

from .framing import CborFraming, Framing, JsonFraming
from .outbox import write_to_all
from .websocket_frames import TEXT, encode_binary, encode_frame

FRAMINGS: dict[str, Framing] = {
    "nuphar.v1.cbor": CborFraming(encode_binary, b"".join, write_to_all),
    "nuphar.v1.json": JsonFraming(lambda frame: encode_frame(TEXT, frame), b"".join, write_to_all),
}
"""The one we like best first: joined is one bytes object of WebSocket messages, for an `Outbox`."""
