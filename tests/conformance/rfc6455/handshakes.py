"""Section 4, 9.1, 10.2 and 11.3: opening handshakes, and what each must be answered with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .peer import ACCEPT, KEY, request

UPGRADED = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": ACCEPT}


class Shake(NamedTuple):
    """An opening handshake. ``fields`` are those that the answer must have, ``absent`` those that it must not."""

    section: str
    rule: str
    request: bytes
    status: int
    fields: Mapping[str, str] = MappingProxyType({})
    absent: tuple[str, ...] = ()


def good(section: str, rule: str, data: bytes, **fields: str) -> Shake:
    """Return a handshake that must be accepted; an extension never is."""
    return Shake(section, rule, data, 101, UPGRADED | fields, ("sec-websocket-extensions", "content-length"))


def bad(section: str, rule: str, data: bytes, status: int = 400, **fields: str) -> Shake:
    """Return a handshake that must be refused."""
    return Shake(section, rule, data, status, fields, ("sec-websocket-accept",))


EXTENSIONS = b"Sec-WebSocket-Extensions"
PROTOCOL = b"Sec-WebSocket-Protocol"
ECHO = {"sec-websocket-protocol": "echo"}
WANTED = {"sec-websocket-version": "13"}

SHAKES = [
    good("4.2.2", "the answer proves that the key was read (1.3's example)", request()),
    good("4.1", "a target with a query", request(first=b"GET /?a=b HTTP/1.1")),
    good("4.2.1", "Upgrade is compared without regard to case", request((b"Upgrade", b"WebSocket"))),
    good("4.2.1", "Upgrade may name more", request((b"Upgrade", b"h2c, websocket"))),
    good("4.2.1", "Connection is compared without regard to case", request((b"Connection", b"uPGRADE"))),
    good("4.2.1", "Connection may have more options", request((b"Connection", b"keep-alive, Upgrade"))),
    good("4.2.1", "Connection may come in two fields", request((b"connection", b"keep-alive"))),
    good("4.2.1", "names of fields in any case", request((b"Upgrade", None), (b"uPgRaDe", b"websocket"))),
    good("4.2.1", "unknown fields are ignored", request((b"X-Unknown", b"a, b; c"))),
    good("4.2.1", "spaces around a value are none of it", request((b"Sec-WebSocket-Version", b"\t13 "))),
    bad("4.2.1", "the method is GET", request(first=b"POST / HTTP/1.1"), 405),
    bad("4.2.1", "HTTP/1.1 or later", request(first=b"GET / HTTP/1.0")),
    bad("4.2.1", "a Host", request((b"Host", None))),
    bad("4.2.1", "one Host", request((b"host", b"localhost"))),
    bad("4.2.1", "an Upgrade", request((b"Upgrade", None)), 426),
    bad("4.2.1", "Upgrade names websocket as a whole", request((b"Upgrade", b"websockets")), 426),
    bad("4.2.1", "a Connection", request((b"Connection", None)), 426),
    bad("4.2.1", "Connection names Upgrade as a whole", request((b"Connection", b"Upgrades")), 426),
    bad("4.2.1", "a key", request((b"Sec-WebSocket-Key", None))),
    bad("4.2.1", "a key of 16 bytes: not 15", request((b"Sec-WebSocket-Key", b"AAAAAAAAAAAAAAAAAAAA"))),
    bad("4.2.1", "not 17", request((b"Sec-WebSocket-Key", b"AAAAAAAAAAAAAAAAAAAAAAA="))),
    bad("4.2.1", "a key in base64", request((b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZ!=="))),
    bad("11.3.1", "one key", request((b"sec-websocket-key", KEY))),
    bad("4.2.1", "a version", request((b"Sec-WebSocket-Version", None)), 426, **WANTED),
    bad("4.4", "an older version is told ours", request((b"Sec-WebSocket-Version", b"8")), 426, **WANTED),
    bad("4.4", "a newer one too", request((b"Sec-WebSocket-Version", b"25")), 426, **WANTED),
    bad("4.4", "a version has no zeros before it", request((b"Sec-WebSocket-Version", b"013")), 426, **WANTED),
    bad("11.3.5", "one version", request((b"sec-websocket-version", b"13")), 426, **WANTED),
    good("4.2.2", "no subprotocol is asked for, and none is named", request())._replace(
        absent=("sec-websocket-protocol", "sec-websocket-extensions")
    ),
    good("4.2.2", "the subprotocol is one that the client names", request((PROTOCOL, b"other, echo")), **ECHO),
    good("11.3.4", "subprotocols in two fields", request((PROTOCOL, b"other"), (PROTOCOL.lower(), b"echo")), **ECHO),
    good("4.2.2", "no subprotocol is named that the client has not", request((PROTOCOL, b"echoes")))._replace(
        absent=("sec-websocket-protocol",)
    ),
    good("9.1", "an extension that we do not know is not accepted", request((EXTENSIONS, b"x-unknown"))),
    good("9.1", "an extension with parameters", request((EXTENSIONS, b'foo; a=1; b="2", bar'))),
    good("9.1", "compression is not accepted", request((EXTENSIONS, b"permessage-deflate; client_max_window_bits"))),
    good("9.1", "extensions in two fields", request((EXTENSIONS, b"foo"), (EXTENSIONS.lower(), b"bar; baz"))),
    bad("9.1", "an extension has a name", request((EXTENSIONS, b"; a=1"))),
    bad("9.1", "which is a token", request((EXTENSIONS, b"f(oo)"))),
    bad("9.1", "a parameter has a name", request((EXTENSIONS, b"foo; =1"))),
    bad("9.1", "a parameter's value has an end", request((EXTENSIONS, b'foo; a="1'))),
    good("10.2", "without an origin: no browser", request()),
    good("10.2", "the same origin", request((b"Origin", b"http://localhost"))),
    bad("10.2", "another origin", request((b"Origin", b"http://evil.example")), 403),
]  # fmt: skip
