"""An HTTP proxy for tests: it lets requests and tunnels through to one port, whatever host they name."""

from __future__ import annotations

import contextlib
from typing import Any

import gevent
from gevent import socket as gevent_socket
from gevent.server import StreamServer

NAME = b"chat.example"
"""The host that nobody but the proxy can find."""


class WebProxy:
    """``heads`` are the heads of what it was asked; ``refusal``, if there is one, is its whole answer to everything."""

    def __init__(self, to: int) -> None:
        self.heads: list[str] = []
        self.refusal = b""
        self._to = to
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.url = f"http://me:secret@127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.stop()

    def _serve(self, sock: Any, _: Any) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        self.heads.append(head.decode("latin-1"))
        if self.refusal:
            sock.sendall(self.refusal)
            return
        other = gevent_socket.create_connection(("127.0.0.1", self._to))
        if head.startswith(b"CONNECT"):
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            data = rest
        back = gevent.spawn(self._pass_on, other, sock)
        other.sendall(_origin_form(data))
        self._pass_on(sock, other)
        back.join()

    def _pass_on(self, source: Any, sink: Any) -> None:
        with contextlib.suppress(OSError):  # one of the ends hung up
            while data := source.recv(65536):
                sink.sendall(_origin_form(data))
        for sock in (source, sink):
            sock.close()


def _origin_form(data: bytes) -> bytes:
    """Take the scheme and host out of a request line (RFC 9112 section 3.2.1)."""
    return data.replace(b" http://" + NAME + b"/", b" /")
