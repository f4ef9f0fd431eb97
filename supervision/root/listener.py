"""The actor that holds the listening socket: it is the first to stop, so that nobody new comes in during a stop.

Who has a line over HTTP is not new, and comes with a new connection perhaps: then the socket stays open until the
connections have ended, and what is new is refused.
"""

from __future__ import annotations

from typing import Any, Protocol

from ...actors.runtime.actor import Actor
from ...actors.words.exit_reasons import Normal, Reason, Shutdown
from ...transport.server.gateway import Gateway


class PywsgiServer(Protocol):
    """What the listener needs of gevent's pywsgi server."""

    started: bool

    def start(self) -> None: ...

    def close(self) -> None: ...


class Listener(Actor):
    """Starts and closes a WSGI server, which goes on accepting while its listener is restarted."""

    def __init__(self, wsgi: PywsgiServer, gateway: Gateway, **link: Any) -> None:
        super().__init__(**link)
        self._wsgi = wsgi
        self._gateway = gateway

    def init(self) -> None:
        if not self._wsgi.started:
            self._wsgi.start()

    def terminate(self, reason: Reason) -> None:
        if not isinstance(reason, Normal | Shutdown):
            return
        if self._gateway.lines:
            self._gateway.is_closing = True
            self._gateway.doors.append(self._wsgi.close)
        else:
            self._wsgi.close()
