"""WebSockets of the application behind us: ``wsgi.websocket``, as gevent-websocket's handler gives it.

A package may look whether gevent-websocket is installed, and then demand what only that package's handler gives:
python-engineio does, which is below Flask-SocketIO. Nuphar brings gevent-websocket along, so it gives it to every
request that passes through our handler, or through `Live` under gunicorn's own workers on gevent.

The upgrade happens when the application first asks for something of the WebSocket. So an application that answers in
plain HTTP, or takes the socket by other means (simple-websocket), is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from gevent.lock import RLock
from geventwebsocket.exceptions import WebSocketError
from geventwebsocket.handler import Client, WebSocketHandler

from ..wire.origin import Origins
from ..wire.upgrade import Decline, negotiate, tokens
from .wsgi_types import Environ

KEY = "wsgi.websocket"
"""The key of the environment under which an application finds its WebSocket."""


class BadHandshake(Exception):
    """The application asked for the WebSocket of a request that cannot be upgraded: ``refuse`` is the answer."""

    def __init__(self, refuse: Decline) -> None:
        super().__init__(refuse.reason)
        self.refuse = refuse


class Offered:
    """A WebSocket of gevent-websocket's that is upgraded when something of it is first asked for."""

    def __init__(self, upgrade: Callable[[], Any]) -> None:
        self._upgrade: Callable[[], Any] | None = upgrade
        self._websocket: Any = None
        self._lock = RLock()  # greenlets that ask together upgrade once

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # `copy` and its like ask everything for these
            raise AttributeError(name)
        with self._lock:
            if self._upgrade is not None:
                upgrade, self._upgrade = self._upgrade, None
                self._websocket = upgrade()
            if self._websocket is None:
                raise WebSocketError("the request was not upgraded, and is refused or over")
        return getattr(self._websocket, name)

    def withdraw(self) -> None:
        """Upgrade no more: the request is over."""
        self._upgrade = None


class Lending(WebSocketHandler):  # type: ignore[misc]  # the package has no types
    """The part of a handler that upgrades for the application, by what gevent-websocket's handler does."""

    logger = logging.getLogger("nuphar.transport")

    websocket: Any = None
    lent: Any = None
    """The application's WebSocket, once it has asked for something of it."""
    _offered: Offered | None = None

    def send_upgrade(self) -> None:
        """Write the head of the 101."""
        raise NotImplementedError

    def offer(self) -> None:
        """Put a WebSocket into the environment of a request that asks for one."""
        if asks(self.environ):
            self._offered = self.environ[KEY] = Offered(self._lend)

    def _lend(self) -> Any:
        """Answer the opening handshake. Raises: BadHandshake; OSError if the peer is gone."""
        answer = negotiate(self.environ, Origins.any(), ())  # whose pages may come is for the application to say
        if isinstance(answer, Decline):
            raise BadHandshake(answer)
        self.upgrade_connection()
        self.lent, self.websocket = self.websocket, None
        self.environ[KEY] = self._offered  # one object for all who ask
        self.socket.settimeout(None)  # it may wait for ever, as with gevent-websocket's handler
        self.send_upgrade()
        if not hasattr(self.server, "clients"):
            self.server.clients = {}
        self.server.clients[self.client_address] = Client(self.client_address, self._offered)
        return self.lent

    def take_back(self) -> None:
        """Close what was lent, if the application has not; whoever asks for it from now on is told that it is over."""
        if self._offered is not None:
            self._offered.withdraw()
            self._offered = None  # it holds this handler
        if self.lent is not None:
            self.server.clients.pop(self.client_address, None)
            if not self.lent.closed:
                self.socket.settimeout(0.0)  # who reads nothing gets no close frame either
                self.lent.close()


def asks(environ: Environ) -> bool:
    """Say whether this request is one that gevent-websocket's handler would upgrade."""
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in tokens(environ.get("HTTP_CONNECTION", "").lower())
    )
