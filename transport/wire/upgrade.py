"""The opening handshake as a decision: a request's environment in, the answer out (RFC 6455 section 4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...actors.words.errors import OriginRefused
from .origin import Origins

SUBPROTOCOLS = ("nuphar.v1.cbor", "nuphar.v1.json")
"""What we speak, the preferred one first (docs/wire.md)."""

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'{_TOKEN}(?:[ \t]*=[ \t]*(?:{_TOKEN}|"{_TOKEN}"))?')
_PLAIN_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"))
_WANTED = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))


class Decline(NamedTuple):
    """An answer in plain HTTP: ``text`` is for the peer, ``reason`` for our log, with what is allowed."""

    status: str
    text: str
    headers: tuple[tuple[str, str], ...]
    reason: str

    @property
    def body(self) -> bytes:
        """The response's body."""
        return f"{self.text}\n".encode()

    def respond(self, start_response: Callable[..., Any]) -> list[bytes]:
        """Answer a WSGI request with it, and return the body."""
        start_response(self.status, [*self.headers, ("Content-Length", str(len(self.body)))])
        return [self.body]


class Accept(NamedTuple):
    """The headers of a 101, and the subprotocol that they name; None if the server asked for none."""

    headers: tuple[tuple[str, str], ...]
    subprotocol: str | None


def negotiate(
    environ: Mapping[str, Any], origins: Origins, subprotocols: Sequence[str] = SUBPROTOCOLS
) -> Accept | Decline:
    """Judge a request for an upgrade, given as a WSGI environment.

    The subprotocol is the first of ours that the client offers, compared as whole tokens. No extension is
    accepted; a list of them that is ill-formed is refused (section 9.1).
    """
    method = environ.get("REQUEST_METHOD")
    if method != "GET":
        return _refuse("405 Method Not Allowed", f"expected the method GET, got {method!r}", ("Allow", "GET"))
    version = environ.get("SERVER_PROTOCOL")
    if version != "HTTP/1.1":
        return _refuse("400 Bad Request", f"expected HTTP/1.1, got {version!r}")
    upgrade, connection = environ.get("HTTP_UPGRADE", ""), environ.get("HTTP_CONNECTION", "")
    if "websocket" not in tokens(upgrade.lower()) or "upgrade" not in tokens(connection.lower()):
        text = f"expected an upgrade to websocket, got Upgrade {upgrade!r} and Connection {connection!r}"
        return _refuse("426 Upgrade Required", text, *_WANTED)
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
    if version != "13":
        text = f"expected Sec-WebSocket-Version 13, got {version!r}"
        return _refuse("426 Upgrade Required", text, *_WANTED)
    if has_body(environ):
        return _refuse("400 Bad Request", "expected no body, got a Content-Length above 0 or a Transfer-Encoding")
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
    if not _is_key(key):
        return _refuse("400 Bad Request", f"expected 16 bytes in base64 as Sec-WebSocket-Key, got {key!r}")
    try:
        origins.check(environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST"))
    except OriginRefused as refusal:
        return Decline("403 Forbidden", "this origin is not allowed", _PLAIN_TEXT, str(refusal))
    extensions = environ.get("HTTP_SEC_WEBSOCKET_EXTENSIONS", "")
    if not all(is_extension(each) for each in tokens(extensions)):
        return _refuse("400 Bad Request", f"expected a list of extensions, got {extensions[:80]!r}")
    offered = tokens(environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", ""))
    chosen = next((ours for ours in subprotocols if ours in offered), None)
    if subprotocols and chosen is None:
        return _refuse("400 Bad Request", f"expected a subprotocol of {list(subprotocols)}, got {offered}")
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(key))]
    if chosen is not None:
        headers.append(("Sec-WebSocket-Protocol", chosen))
    return Accept(tuple(headers), chosen)


def has_body(environ: Mapping[str, Any]) -> bool:
    """Say whether the request of a WSGI environment has a body (RFC 9112 section 6.3)."""
    return "HTTP_TRANSFER_ENCODING" in environ or (environ.get("CONTENT_LENGTH") or "").strip("0") != ""


def accept_key(key: str) -> str:
    """The proof that the server understood the client's ``key`` (RFC 6455 section 4.2.2, step 5.4)."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


def tokens(header: str) -> list[str]:
    """The elements of a comma-separated header (RFC 9110 section 5.6.1)."""
    return [token for part in header.split(",") if (token := part.strip(" \t"))]


def is_extension(text: str) -> bool:
    """Is this one element of Sec-WebSocket-Extensions: a name, then parameters? A quoted value is a token too."""
    name, *parameters = (part.strip(" \t") for part in text.split(";"))
    is_name = re.fullmatch(_TOKEN, name) is not None
    return is_name and all(_PARAMETER.fullmatch(each) for each in parameters)


def _is_key(key: str) -> bool:
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _refuse(status: str, text: str, *headers: tuple[str, str]) -> Decline:
    return Decline(status, text, _PLAIN_TEXT + headers, text)
