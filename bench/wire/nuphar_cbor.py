"""Nuphar's wire protocol in CBOR (docs/wire.md)."""

from __future__ import annotations

from collections.abc import Sequence

import cbor2

from .websocket import BINARY, Template, frame

_FIRST = 0x7AC5_0000
"""The first ref: all 65,536 from here on begin with the same bytes, which nothing else has."""


class NupharCbor:
    path = "/live"
    subprotocol = "nuphar.v1.cbor"
    ack = b"\x1a" + _FIRST.to_bytes(4)[:2]  # one for each ref, also where one Acknowledge has many
    refused = b"\x86\x12" + ack  # a Rejected has the ref too
    ping = b"\x82\x03\x82\x07"  # a short binary message, an array of two, type 7

    def opening(self, topic: str) -> list[tuple[bytes, bytes]]:
        hello = cbor2.dumps([1, 1, None, None, {}, {}])
        return [
            (b"\r\n\r\n", frame(BINARY, hello)),
            (b"\x88\x10", self._subscribe(0, topic)),
            (self.ack, b""),
        ]

    def post(self, topic: str, message: str) -> Template:
        before = b"\x84\x04\x1a"
        return Template(BINARY, before, 4, cbor2.dumps(f"topic:{topic}") + cbor2.dumps(message))

    def ref(self, number: int) -> bytes:
        if number > 0xFFFF:
            raise OverflowError(f"expected at most 65,535 messages of one client, got {number}")
        return (_FIRST + number).to_bytes(4)

    def pong(self, rest: bytes) -> bytes:
        return frame(BINARY, b"\x82\x18\x19" + (rest[:1] or b"\x01"))

    def subscribe_and_post(self, topics: Sequence[str], message: str) -> bytes:
        """Return the frames that subscribe to each of these topics and post a message to it, in a client's first."""
        return b"".join(
            self._subscribe(2 * at + 1, topic) + self.post(topic, message).fill(self.ref(2 * at + 2))
            for at, topic in enumerate(topics)
        )

    def _subscribe(self, number: int, topic: str) -> bytes:
        return frame(BINARY, cbor2.dumps([2, _FIRST + number, f"topic:{topic}", None, None]))
