"""A client's WebSocket without a socket: the opening handshake, messages, signs of life and the end. Pure.

Bytes in, events out; what it wants to send is in `take`. It never raises for what the peer sends.
Source: RFC 6455 sections 4.1, 5 and 7; docs/wire.md for the close codes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import NamedTuple

from ...wire import websocket_frames as wire
from ...wire.upgrade import accept_key
from ...wire.websocket_reader import FrameReader
from .ended import ConnectionEnd, closed_with, refused_with
from .refusal import HttpRefusal
from .urls import Address

SUBPROTOCOL = "nuphar.v1.cbor"

LARGEST_MESSAGE = 16 * 1024 * 1024
"""The largest message that a client takes, in bytes: a snapshot may be large."""

LONGEST_HEAD = 16 * 1024
"""The largest answer to the opening handshake, in bytes."""


_STATUS = re.compile(r"[0-9]{3}")


class Opened(NamedTuple):
    """The opening handshake has succeeded."""


class FrameArrived(NamedTuple):
    """One frame of the protocol has arrived."""

    data: bytes


WireEvent = Opened | FrameArrived | ConnectionEnd
"""What comes of the server's bytes; nothing comes after `ConnectionEnd`."""


class ClientWire:
    """One connection. ``chance(n)`` gives n random bytes, for the key and the masks."""

    def __init__(self, address: Address, headers: tuple[tuple[str, str], ...], chance: Callable[[int], bytes]) -> None:
        self._chance = chance
        self._key = base64.b64encode(chance(16)).decode()
        self._head: bytes | None = b""
        self._reader = FrameReader(LARGEST_MESSAGE, client=True)
        self._is_quiet = False
        self._whole_at = 0.0  # when a message was whole, or was asked about
        self._refusal: HttpRefusal | None = None
        own_host = any(name.lower() == "host" for name, _ in headers)
        lines = [
            f"GET {address.resource} HTTP/1.1",
            *(() if own_host else (f"Host: {address.netloc}",)),
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        self._out = "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def is_open(self) -> bool:
        """Whether the opening handshake has succeeded."""
        return self._head is None

    def take(self) -> bytes:
        """Take away what is to be sent: the request at first, then answers to pings and to a close."""
        out, self._out = self._out, b""
        return out

    def message(self, frame: bytes) -> bytes:
        """Write one frame of the protocol as a WebSocket message."""
        return wire.encode_frame(wire.BINARY, frame, self._chance(4))

    def goodbye(self, code: int) -> bytes:
        """Write a close frame of our own."""
        return wire.encode_close(code, "", self._chance(4))

    def silence(self, is_taking: bool = False) -> ConnectionEnd | None:
        """Nothing has arrived for a heartbeat: ask for a sign of life, the second time in a row give up.

        Not if the server ``is_taking`` what we send. During the opening handshake: its time is over.
        """
        if self._refusal is not None:
            return self._refused(self._refusal)
        if not self.is_open:
            return ConnectionEnd(0, "no answer to the opening handshake")
        if is_taking:
            return None
        if self._is_quiet:
            return ConnectionEnd(0, "no sign of life for two heartbeats")
        self._is_quiet = True
        self._ask()
        return None

    def heed(self, now: float, events: list[WireEvent], heartbeat: float) -> None:
        """Note that ``events`` have come at ``now`` (seconds), and ask if a message has been arriving for a heartbeat.

        It is a sign of life: a server behind a proxy sees in no other way that somebody takes what it has sent.
        """
        if events or not self._reader.buffered:
            self._whole_at = now
        elif self.is_open and now - self._whole_at >= heartbeat:
            self._whole_at = now
            self._ask()

    def _ask(self) -> None:
        self._out += wire.encode_frame(wire.PING, b"", self._chance(4))

    def receive_data(self, data: bytes) -> list[WireEvent]:
        """Take the next bytes in; none mean that the peer has hung up. Nothing comes after `ConnectionEnd`."""
        self._is_quiet = False
        if (refusal := self._refusal) is not None:
            return [self._refused(refusal)] if not data or refusal.feed(data) else []
        if not data:
            return [ConnectionEnd(0, "the server hung up")]
        if self._head is None:
            return self._read(data)
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return (
                [ConnectionEnd(0, "expected an HTTP response of at most 16 KiB")]
                if len(self._head) > LONGEST_HEAD
                else []
            )
        head, _, early = self._head.partition(b"\r\n\r\n")
        match self._judge(head):
            case ConnectionEnd() as ended:
                return [ended]
            case HttpRefusal() as refusal:  # what it says may come later than its head
                self._refusal = refusal
                return [self._refused(refusal)] if refusal.feed(early) else []
        self._head = None
        return [Opened(), *(self._read(early) if early else [])]

    def _judge(self, head: bytes) -> ConnectionEnd | HttpRefusal | None:
        """Return why the answer to the opening handshake will not do, if it won't."""
        status, *lines = head.decode("latin-1").split("\r\n")
        words = status.split(None, 2)
        if len(words) < 2 or not _STATUS.fullmatch(words[1]):
            return ConnectionEnd(0, f"expected an HTTP status line, got {status[:80]!r}")
        if words[1] != "101":
            return HttpRefusal(int(words[1]), head)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("sec-websocket-accept") != accept_key(self._key):
            return ConnectionEnd(0, "the server's Sec-WebSocket-Accept is wrong")
        if headers.get("sec-websocket-protocol") != SUBPROTOCOL:
            return ConnectionEnd(
                0, f"expected the subprotocol {SUBPROTOCOL}, got {headers.get('sec-websocket-protocol')!r}"
            )
        return None

    @staticmethod
    def _refused(refusal: HttpRefusal) -> ConnectionEnd:
        return refused_with(refusal.status, refusal.text, refusal.after)

    def _read(self, data: bytes) -> list[WireEvent]:
        events: list[WireEvent] = []
        for event in self._reader.feed(data):
            match event:
                case bytes() | str() as payload:
                    events.append(FrameArrived(payload if isinstance(payload, bytes) else payload.encode()))
                case wire.WebSocketPing(payload):
                    self._out += wire.encode_frame(wire.PONG, payload, self._chance(4))
                case wire.WebSocketClose(code, reason):
                    self._out += wire.encode_close(code, "", self._chance(4))
                    events.append(closed_with(code, reason))
                case wire.FramingFailed(code, reason):
                    self._out += wire.encode_close(code, reason, self._chance(4))
                    events.append(ConnectionEnd(0, f"the server's framing is broken: {reason}"))
        return events
