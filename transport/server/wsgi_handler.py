"""The door from HTTP to WebSockets: a handler for gevent's pywsgi that upgrades what the application claims.

Run a server with ``WSGIServer(address, app, handler_class=Handler)``. The application then finds
``nuphar.upgrade`` in its environment. Requests for which it does not call that are left alone,
whatever upgrade they ask for.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from io import BufferedReader, BytesIO
from typing import Any

import gevent
from gevent import socket as gevent_socket
from gevent.pywsgi import MAX_REQUEST_LINE, Input
from geventwebsocket.handler import WebSocketHandler

from ...actors.runtime.forks import own
from ..wire.origin import Origins
from ..wire.upgrade import SUBPROTOCOLS, Refuse, negotiate
from .http.request_log import RequestLog
from .limits import Limits
from .websocket import LOG, WebSocket

UPGRADE = "nuphar.upgrade"
"""The key of the environment under which an application finds `Handler.upgrade`, until it was upgraded."""

HANG_UP = "nuphar.hang_up"
"""The key of the environment under which an application finds `Handler.hang_up`."""

_SECRET = re.compile(r"(?<=[?&]line=)[A-Za-z0-9_-]{32}(?![^&\s])")

_EARLY = 64 * 1024  # bytes: more than pywsgi's buffered reader holds

_REST, _PIECE = 1024 * 1024, 16 * 1024  # bytes that are read of a body that nobody wants, and how many at once

_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Handler(RequestLog, WebSocketHandler):  # type: ignore[misc]  # the package has no types
    """Serves one TCP or Unix connection. The access log stays the server's."""

    head = 15.0
    """Seconds that a request's head may take, and the first byte of a connection."""
    keep_alive = 75.0
    """Seconds that a connection may do nothing between two requests: some more than proxies keep it for."""
    rest = 1.0
    """Seconds in which the rest of a body is thrown away that the application has not read, before it is cut off."""

    websocket: WebSocket | None = None
    requestline: str | None

    def upgrade(
        self,
        origins: Origins,
        *,
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        subprotocols: Sequence[str] = SUBPROTOCOLS,
        clock: Callable[[], float] = time.monotonic,
    ) -> WebSocket | Refuse:
        """Answer the opening handshake of the present request, and return its WebSocket.

        After it the application calls no ``start_response``, and returns an empty body once the connection is
        over. A `Refuse` is for the application to answer with; it has been logged.
        Raises: OSError if the peer is gone.
        """
        answer = negotiate(self.environ, origins, subprotocols)
        if isinstance(answer, Refuse):
            self.close_connection = True
            LOG.warning("upgrade of %r from %r refused: %s", self.path, self.client_address, answer.reason)
            return answer
        early = self._release()
        websocket = WebSocket(
            self.socket, self.environ, limits=limits, subprotocol=answer.subprotocol, early=early, clock=clock
        )
        self.environ["wsgi.websocket"] = websocket
        self.environ["wsgi.websocket_version"] = "13"
        self.start_response("101 Switching Protocols", list(answer.headers))
        super().write(b"")  # the headers
        self.websocket = websocket
        return websocket

    def handle(self) -> None:
        """Serve the connection to its end, request after request."""
        own(self.socket)
        self._tune()
        super().handle()

    def read_requestline(self) -> str:
        """Read the first line of a request; one that breaks off is the end, of which the base would log a traceback."""
        line: str = ""
        with gevent.Timeout(self.head if self.requestline is None else self.keep_alive, False):
            line = super().read_requestline()
        return line if line.endswith("\n") or len(line) >= MAX_REQUEST_LINE else ""

    def read_request(self, raw_requestline: str) -> bool:
        """Read the rest of a head. Raises: ValueError for one that is malformed, TimeoutError."""
        with gevent.Timeout(self.head, TimeoutError(f"expected the head within {self.head:g} s")):
            is_sound: bool = super().read_request(raw_requestline)
        return is_sound

    def MessageClass(self, *stream: Any) -> Any:  # noqa: N802 (pywsgi's name for what reads the headers)
        """Read the headers. Raises: ValueError for too many, or for two that say how long the body is.

        Who believes one of them, like a proxy, sees another request than who believes the other (RFC 9112, 6.1, 6.3).
        """
        try:
            headers = super().MessageClass(*stream)
        except HTTPException as error:
            raise ValueError(f"the headers cannot be read: {error}") from None
        lengths = set(headers.get_all("Content-Length", ()))
        if len(lengths) > 1:
            raise ValueError(f"expected one Content-Length, got {sorted(lengths)[:3]}")
        if lengths and headers.get("Transfer-Encoding") is not None:
            raise ValueError("expected a Content-Length or a Transfer-Encoding, got both")
        return headers

    def hang_up(self) -> None:
        """End TCP now, in both directions: the client of this request does not read, or does not send."""
        self.close_connection = True
        with contextlib.suppress(OSError, AttributeError):  # it was dead already, or closed
            gevent_socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def run_application(self) -> None:
        """Run the application for one request, and see its WebSocket to its end."""
        self.environ[UPGRADE] = self.upgrade
        self.environ[HANG_UP] = self.hang_up
        try:
            super(WebSocketHandler, self).run_application()  # the base would upgrade whatever asks for it
        except Exception:
            if self.websocket is not None:
                self.websocket.linger(1011)
            raise
        else:
            if self.websocket is not None:
                self.websocket.linger()
            else:
                self._discard()
        finally:
            if self.websocket is not None:
                self.websocket.abort()  # also when this greenlet is being killed
                self.websocket = None
            self.environ.pop(UPGRADE, None)  # they hold this handler, which holds them
            self.environ.pop(HANG_UP, None)
            self.environ.pop("wsgi.websocket", None)
            self.wsgi_input = Input(BytesIO(), 0)  # or the base would read the rest of the body without an end

    def write(self, data: bytes) -> None:
        """Send a part of a response. After an upgrade there is none: the socket is the WebSocket's alone."""
        if self.websocket is None:
            super().write(data)

    def log_request(self) -> None:
        """Write the server's access log, which the base would replace by a logger of its own.

        The id of a line, which an EventSource has to write into its query, is left out: whoever knows it may read.
        """
        if self.requestline and "line=" in self.requestline:
            self.requestline = _SECRET.sub("-", self.requestline)
            for key in ("RAW_URI", "QUERY_STRING"):  # what gunicorn logs
                if key in (self.environ or ()):
                    self.environ[key] = _SECRET.sub("-", "?" + self.environ[key])[1:]
        super(WebSocketHandler, self).log_request()

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes] | None:
        """Answer a head that cannot be read. The base would log a connection lost within one as an error, twice."""
        if isinstance(ex, ConnectionError):
            return None
        if isinstance(ex, TimeoutError):
            return "408", _TIMEOUT
        answer: tuple[str, bytes] = super()._handle_client_error(ex)
        return answer

    def _discard(self) -> None:
        """Read what the application has left of the body, so that its answer arrives (RFC 9112, 9.6)."""
        body, size = self.wsgi_input, 0
        body.send_100_continue_enabled = False
        with gevent.Timeout(self.rest, False), contextlib.suppress(OSError):
            while size < _REST:
                piece = body.read(_PIECE)
                if not piece:
                    return
                size += len(piece)
                gevent.sleep(0)  # others run, however fast it comes
        self.close_connection = True

    def _tune(self) -> None:
        if self.socket.family in (socket.AF_INET, socket.AF_INET6):
            # Without this, Nagle's algorithm and a delayed acknowledge add 40 ms to small frames.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def _release(self) -> bytes:
        """Drop what only HTTP needs, 6 KiB of 20; return what the peer has sent beyond its request."""
        rfile: BufferedReader = self.__dict__.pop("rfile")
        patience = self.socket.gettimeout()
        self.socket.settimeout(0.0)  # or an empty buffer would wait for the peer
        try:
            early: bytes = rfile.read1(_EARLY)
        except OSError:  # TLS says in this way that nothing is there
            early = b""
        finally:
            self.socket.settimeout(patience)
        rfile.close()
        nothing = BytesIO()
        self.rfile = self.environ["wsgi.input"] = nothing
        self.wsgi_input = Input(nothing, 0)
        self.__dict__.pop("headers", None)
        return early
