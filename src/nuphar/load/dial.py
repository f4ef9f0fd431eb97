"""The opening handshake of a simulated client (RFC 6455 section 4.1). The requests and answers are pure."""

from __future__ import annotations

import base64
import errno
import os

from gevent import socket

from ..transport.client.connectors.websocket_machine import SUBPROTOCOL
from ..transport.wire.upgrade import accept_key, tokens
from .errors import LoadError
from .plan import WebSocketAddress
from .sources import Sources

STEP_TIMEOUT = 10.0
"""Seconds that a server has for TCP, and again for each part of its answer."""

_HEAD = 16 * 1024  # bytes: what a response's head may take
_SHOWN = 200  # characters of a refusal's body that are shown


_USED_UP = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL})  # no port is left: for binding, for connecting


def open_client(address: WebSocketAddress, sources: Sources | None = None) -> tuple[socket.socket, bytes]:
    """Open a WebSocket from one of ``sources``, and return its socket and what the server has sent already.

    Raises: LoadError that says why there is none.
    """
    where = f"ws://{address.authority}{address.path}"
    key = base64.b64encode(os.urandom(16)).decode()
    try:
        sock = _connect(address, sources)
    except OSError as error:
        raise LoadError(f"cannot reach {where}: {_explained(error)}") from error
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request(address, key))
        head, early = _read_head(sock)
        status = status_of(head)
        if status != 101:
            raise LoadError(f"{where} refused the upgrade with {_refusal(head, _read_body(sock, head, early))}")
        if (fault := fault_of(head, key)) is not None:
            raise LoadError(f"{where} is no server of ours: {fault}")
        sock.settimeout(None)
    except OSError as error:
        sock.close()
        raise LoadError(f"{where} did not answer the upgrade: {error.strerror or error}") from error
    except BaseException:
        sock.close()
        raise
    return sock, early


def _connect(address: WebSocketAddress, sources: Sources | None) -> socket.socket:
    if sources is None:
        return socket.create_connection((address.host, address.port), STEP_TIMEOUT)
    while True:
        source = sources.current
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(STEP_TIMEOUT)
            sock.bind((source, 0))
            sock.connect((address.host, address.port))
        except OSError as error:
            sock.close()
            if error.errno not in _USED_UP or not sources.leave(source):
                raise
        except BaseException:
            sock.close()
            raise
        else:
            return sock


def _explained(error: OSError) -> str:
    text = error.strerror or str(error)
    if error.errno in _USED_UP:
        return f"{text}: no port is left for one more connection; only to 127.0.0.1 a run has several source addresses"
    return text


def request(address: WebSocketAddress, key: str) -> bytes:
    """Write the request for an upgrade."""
    lines = [
        f"GET {address.path} HTTP/1.1",
        f"Host: {address.authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def status_of(head: str) -> int:
    """Return the status of a response's head, 0 if it has none."""
    parts = head.split(" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[0].startswith("HTTP/1.") and parts[1].isdecimal() else 0


def fault_of(head: str, key: str) -> str | None:
    """Say what is wrong with the head of a 101, None if nothing is."""
    headers = headers_of(head)
    if "websocket" not in tokens(headers.get("upgrade", "").lower()):
        return f"expected Upgrade websocket, got {headers.get('upgrade')!r}"
    if headers.get("sec-websocket-accept") != accept_key(key):
        return f"expected Sec-WebSocket-Accept {accept_key(key)!r}, got {headers.get('sec-websocket-accept')!r}"
    if headers.get("sec-websocket-protocol") != SUBPROTOCOL:
        return f"expected the subprotocol {SUBPROTOCOL}, got {headers.get('sec-websocket-protocol')!r}"
    return None


def headers_of(head: str) -> dict[str, str]:
    """Return the headers of a response's head, their names in lower case."""
    lines = [line.partition(":") for line in head.split("\r\n")[1:]]
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _read_head(sock: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(4096)
        if not more:
            raise OSError("it closed the connection")
        data += more
        if len(data) > _HEAD:
            raise OSError(f"the head of its answer is longer than {_HEAD} bytes")
    head, _, early = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), early


def _read_body(sock: socket.socket, head: str, body: bytes) -> bytes:
    size = headers_of(head).get("content-length", "")
    wanted = min(int(size), 4 * _SHOWN) if size.isdecimal() else 0
    while len(body) < wanted and (more := sock.recv(4096)):
        body += more
    return body


def _refusal(head: str, body: bytes) -> str:
    status = _shown(head.split("\r\n", 1)[0].removeprefix("HTTP/1.1 "))
    text = _shown(body.decode("utf-8", "replace"))
    return f"{status}: {text}" if text else status


def _shown(text: str) -> str:
    """Return the beginning of somebody else's text, on one line and harmless to a terminal."""
    plain = " ".join(text.split())[:_SHOWN]
    return "".join(character for character in plain if character.isprintable())
