"""How the generator speaks each server's protocol.

It reads no frames: it counts markers, each of which can occur nowhere but where it counts. `DELIVERED` is a part of
every message, and only deliveries carry messages.
"""

from __future__ import annotations

from typing import Protocol

from .nuphar_cbor import NupharCbor
from .raw_json import RawJson
from .socketio_text import SocketioText
from .websocket import DELIVERED, Template, upgrade

__all__ = ["DELIVERED", "WIRES", "Template", "Wire", "upgrade"]


class Wire(Protocol):
    """``ack`` and ``ping`` mark an acknowledged message and a heartbeat that wants an answer.

    ``refused`` marks what looks like an acknowledgement and is none; empty if nothing does.
    """

    path: str
    subprotocol: str
    ack: bytes
    refused: bytes
    ping: bytes

    def opening(self, topic: str) -> list[tuple[bytes, bytes]]:
        """Return the steps of opening after the upgrade request: wait for a marker, then send."""

    def post(self, topic: str, message: str) -> Template:
        """Return the frame that posts ``message``, but for its ref."""

    def ref(self, number: int) -> bytes:
        """Return the ref of a client's message, counted from 1, as it stands in the frame."""

    def pong(self, rest: bytes) -> bytes:
        """Return the answer to a heartbeat, of which ``rest`` came after the marker."""


WIRES: dict[str, Wire] = {"nuphar": NupharCbor(), "raw": RawJson(), "socketio": SocketioText()}
