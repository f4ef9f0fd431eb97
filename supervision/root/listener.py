"""The actor that holds the listening socket: it is the first to stop, so that nobody new comes in during a stop."""

from __future__ import annotations

from typing import Any, Protocol

from ...actors.runtime.actor import Actor
from ...actors.words.exit_reasons import Normal, Reason, Shutdown


class WSGIServer(Protocol):
    """What the listener needs of gevent's pywsgi server."""

    started: bool

    def start(self) -> None: ...

    def close(self) -> None: ...


class Listener(Actor):
    """Starts and closes a WSGI server, which goes on accepting while its listener is restarted."""

    def __init__(self, wsgi: WSGIServer, **link: Any) -> None:
        super().__init__(**link)
        self._wsgi = wsgi

    def init(self) -> None:
        if not self._wsgi.started:
            self._wsgi.start()

    def terminate(self, reason: Reason) -> None:
        if isinstance(reason, Normal | Shutdown):
            self._wsgi.close()
