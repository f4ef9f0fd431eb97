"""A client's WebSocket without a socket: the opening handshake, messages, signs of life and the end. Pure.

Bytes in, events out; what it wants to send is in `take`. It never raises for what the peer sends.
Source: RFC 6455 sections 4.1, 5 and 7; docs/wire.md for the close codes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from ....actors.words.errors import UsageError
from ...wire import websocket_frames as wire
from ...wire.upgrade import accept_key
from ..core.states import is_for_good

SUBPROTOCOL = "nuphar.v1.cbor"

LIMIT = 16 * 1024 * 1024
"""The largest message that a client takes, in bytes: a snapshot may be large."""

HEAD = 16 * 1024
"""The largest answer to the opening handshake, in bytes."""

COME_BACK = frozenset({4404})
"""Close codes in 4400 to 4499 after which a new session may begin; the others are for good (docs/wire.md)."""


class Address(NamedTuple):
    """Where a server is."""

    host: str
    port: int
    is_secure: bool
    netloc: str
    resource: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Cut a URL apart.

        Raises: UsageError unless it begins with ``ws://`` or ``wss://`` and names a host.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:  # beyond 65535
            port = 0
        if parts.scheme not in ("ws", "wss") or not parts.hostname or port == 0:
            raise UsageError(f"expected a URL like ws://127.0.0.1:8000/live, got {url!r}")
        is_secure = parts.scheme == "wss"
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(
            parts.hostname, port or (443 if is_secure else 80), is_secure, parts.netloc.rpartition("@")[2], resource
        )


class Opened(NamedTuple):
    """The opening handshake has succeeded."""


class Frame(NamedTuple):
    """One frame of the protocol has arrived."""

    data: bytes


class Ended(NamedTuple):
    """It is over: ``why`` is for people; with ``code`` above 0 it is for good."""

    code: int
    why: str


Event = Opened | Frame | Ended


class ClientWire:
    """One connection. ``chance(n)`` gives n random bytes, for the key and the masks."""

    def __init__(self, address: Address, headers: tuple[tuple[str, str], ...], chance: Callable[[int], bytes]) -> None:
        self._chance = chance
        self._key = base64.b64encode(chance(16)).decode()
        self._head: bytes | None = b""
        self._reader = wire.FrameReader(LIMIT, client=True)
        self._is_quiet = False
        lines = [
            f"GET {address.resource} HTTP/1.1",
            f"Host: {address.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        self._out = "\r\n".join([*lines, "", ""]).encode()

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

    def silence(self) -> Ended | None:
        """Nothing has arrived for a heartbeat: ask for a sign of life, the second time in a row give up."""
        if self._is_quiet:
            return Ended(0, "no sign of life for two heartbeats")
        self._is_quiet = True
        self._out += wire.encode_frame(wire.PING, b"", self._chance(4))
        return None

    def receive_data(self, data: bytes) -> list[Event]:
        """Take the next bytes in; none mean that the peer has hung up. Nothing comes after `Ended`."""
        self._is_quiet = False
        if not data:
            return [Ended(0, "the server hung up")]
        if self._head is None:
            return self._read(data)
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return [Ended(0, "expected an HTTP response of at most 16 KiB")] if len(self._head) > HEAD else []
        head, _, early = self._head.partition(b"\r\n\r\n")
        if (ended := self._judge(head, early)) is not None:
            return [ended]
        self._head = None
        return [Opened(), *(self._read(early) if early else [])]

    def _judge(self, head: bytes, body: bytes) -> Ended | None:
        """Return why the answer to the opening handshake will not do, if it won't."""
        status, *lines = head.decode("latin-1").split("\r\n")
        words = status.split(None, 2)
        if len(words) < 2 or not words[1].isdecimal():
            return Ended(0, f"expected an HTTP status line, got {status[:80]!r}")
        if words[1] != "101":
            text = body[:200].decode("utf-8", "replace").strip()
            code = int(words[1])
            return Ended(code, text) if is_for_good(code) else Ended(0, f"HTTP status {code}: {text}")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("sec-websocket-accept") != accept_key(self._key):
            return Ended(0, "the server's Sec-WebSocket-Accept is wrong")
        if headers.get("sec-websocket-protocol") != SUBPROTOCOL:
            return Ended(0, f"expected the subprotocol {SUBPROTOCOL}, got {headers.get('sec-websocket-protocol')!r}")
        return None

    def _read(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for event in self._reader.feed(data):
            match event:
                case bytes() | str() as payload:
                    events.append(Frame(payload if isinstance(payload, bytes) else payload.encode()))
                case wire.Ping(payload):
                    self._out += wire.encode_frame(wire.PONG, payload, self._chance(4))
                case wire.Close(code, reason):
                    self._out += wire.encode_close(code, "", self._chance(4))
                    is_final = 4400 <= code < 4500 and code not in COME_BACK
                    events.append(Ended(code, reason) if is_final else Ended(0, f"closed with {code}: {reason}"))
                case wire.Failed(code, reason):
                    self._out += wire.encode_close(code, reason, self._chance(4))
                    events.append(Ended(0, f"the server's framing is broken: {reason}"))
        return events
