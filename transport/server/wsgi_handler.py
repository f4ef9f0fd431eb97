"""The door from HTTP to WebSockets: a handler for gevent's pywsgi that upgrades what the application claims.

Run a server with ``WSGIServer(address, app, handler_class=WSGIHandler)``. The application then finds
``nuphar.upgrade`` in its environment, and ``wsgi.websocket`` as gevent-websocket's handler gives it
(gevent_websockets.py). Requests for which it uses neither are left alone, whatever upgrade they ask for.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from io import BufferedReader, BytesIO
from typing import Any

from geventwebsocket.handler import WebSocketHandler

from ...actors.runtime.forks import own
from ...actors.runtime.host import GEVENT, Host
from ...actors.words.close_codes import INTERNAL_ERROR
from ..wire.origin import Origins
from ..wire.progress import Progress
from ..wire.secret_names import masked
from ..wire.upgrade import SUBPROTOCOLS, Decline, negotiate
from .gevent_websockets import BadHandshake, Lending
from .http.request_log import RequestLog
from .http_reading import HttpReading
from .http_writing import HttpWriting
from .limits import Limits
from .upgrade_stream import UpgradeStream
from .websocket import LOG, WebSocket

UPGRADE = "nuphar.upgrade"
"""The key of the environment under which an application finds `WSGIHandler.upgrade`, until it was upgraded."""

PROGRESS = "nuphar.progress"
"""The key of the environment under which an application finds how its answer moves, a `Progress`."""

HANG_UP = "nuphar.hang_up"
"""The key of the environment under which an application finds `WSGIHandler.hang_up`."""

LAST = "nuphar.last"
"""The key of the environment under which an application finds `WSGIHandler.make_last`."""

HeaderPairs = Sequence[tuple[str, str]]

_EARLY = 64 * 1024  # bytes: more than pywsgi's buffered reader holds


class WSGIHandler(RequestLog, HttpReading, HttpWriting, Lending):
    """Serves one TCP or Unix connection. The access log stays the server's."""

    websocket: WebSocket | None = None
    _is_last = False

    def upgrade(
        self,
        origins: Origins,
        *,
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        subprotocols: Sequence[str] = SUBPROTOCOLS,
        host: Host = GEVENT,
        admit: Callable[[], Decline | HeaderPairs] = tuple,
    ) -> WebSocket | Decline:
        """Answer the opening handshake of the present request, and return its WebSocket.

        ``admit()`` is asked of a request that is in order: it refuses, or says which headers the answer has besides.
        After it the application calls no ``start_response``, and returns an empty body once the connection is
        over. A `Decline` is for the application to answer with; it has been logged.
        Raises: OSError if the peer is gone.
        """
        answer = negotiate(self.environ, origins, subprotocols)
        if isinstance(answer, Decline):
            return self._turn_down(answer)
        besides = admit()
        if isinstance(besides, Decline):
            return self._turn_down(besides)
        early = self._release()
        self.socket.settimeout(None)
        websocket = WebSocket(
            self.socket, self.environ, limits=limits, subprotocol=answer.subprotocol, early=early, host=host
        )
        self.environ["wsgi.websocket"] = websocket
        self.environ["wsgi.websocket_version"] = "13"
        self.start_response("101 Switching Protocols", [*answer.headers, *besides])
        super().write(b"")  # the headers
        self.websocket = websocket
        return websocket

    def handle(self) -> None:
        """Serve the connection to its end, request after request."""
        own(self.socket)
        self._tune()
        super().handle()

    def make_last(self) -> None:
        """Have the answer of this request say ``Connection: close``, and end the connection after it."""
        self.close_connection = self._is_last = True

    def finalize_headers(self) -> None:
        """Add the headers that the server owes."""
        if self._is_last and not any(name.lower() == b"connection" for name, _ in self.response_headers):
            self.response_headers.append((b"Connection", b"close"))
        super().finalize_headers()
        if self.code == 101 and isinstance(stream := self.environ["wsgi.input"], UpgradeStream):
            stream.take()

    def run_application(self) -> None:
        """Run the application for one request, and see its WebSocket to its end."""
        self.environ[UPGRADE] = self.upgrade
        self.environ[HANG_UP] = self.hang_up
        self.environ[PROGRESS] = Progress(self.socket)
        self.environ[LAST] = self.make_last
        self.begin()
        self.offer()
        self.socket.settimeout(self.stall)  # of each wait, until the connection is upgraded
        stream = self.environ["wsgi.input"]
        try:
            super(WebSocketHandler, self).run_application()  # the base would upgrade whatever asks for it
        except BadHandshake as error:
            self._refuse(error.refuse)
        except Exception:
            if self.websocket is not None:
                self.websocket.linger(INTERNAL_ERROR)
            raise
        else:
            if self.websocket is not None:
                self.websocket.linger()
            elif self.headers_sent and self.lent is None and not getattr(stream, "is_taken", False):
                self.discard()
            else:  # the socket was somebody else's: what still comes there is no request
                self.close_connection, self._has_rest = True, self.lent is not None
        finally:
            if self.websocket is not None:
                self.websocket.abort()  # also when this greenlet is being killed
                self.websocket = None
            self.take_back()
            self.lent = None
            self.environ.pop(UPGRADE, None)  # they hold this handler, which holds them
            self.environ.pop(HANG_UP, None)
            self.environ.pop(PROGRESS, None)
            self.environ.pop(LAST, None)
            self.environ.pop("wsgi.websocket", None)
            self.forget_body()

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Begin a response. After an upgrade there is none, whatever the application says."""
        if self.lent is not None and exc_info is None:
            return self.write
        return super().start_response(status, headers, exc_info)

    def write(self, data: bytes) -> None:
        """Send a part of a response. After an upgrade there is none: the socket is the WebSocket's alone."""
        if self.websocket is None and self.lent is None:
            super().write(data)

    def send_upgrade(self) -> None:
        """Write the head of a 101 for the application."""
        super().write(b"")

    def log_request(self) -> None:
        """Write the server's access log, which the base would replace by a logger of its own.

        The id of a line and a token, which a page has to write into its query, are left out: whoever reads them is in.
        """
        if self.requestline and "=" in self.requestline:
            self.requestline = masked(self.requestline)
            for key in ("RAW_URI", "QUERY_STRING"):  # what gunicorn logs
                if key in (self.environ or ()):
                    self.environ[key] = masked(self.environ[key])
        super(WebSocketHandler, self).log_request()

    def _turn_down(self, refuse: Decline) -> Decline:
        self.close_connection = True
        LOG.warning("upgrade of %r from %r refused: %s", masked(self.path), self.client_address, refuse.reason)
        return refuse

    def _refuse(self, refuse: Decline) -> None:
        """Answer the handshake of an application that cannot have its WebSocket."""
        self._turn_down(refuse)
        if not self.headers_sent:
            self.write(*refuse.respond(self.start_response))

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
        self.forget_body()
        self.__dict__.pop("headers", None)
        return early
