"""What runs in each worker process of ``nuphar serve --workers``: a server of its own, and its listening socket."""

from __future__ import annotations

import time
from typing import Any

from gevent.pool import Pool

from ...actors.runtime.actor import Actor
from ...actors.words.errors import SupervisionError, UsageError
from ...actors.words.exit_reasons import Reason, Shutdown
from ...transport.server.live import Live
from ...transport.server.wsgi_handler import WSGIHandler
from ...transport.server.wsgi_server import WSGIServer
from ..processes.dotted_names import find
from ..root.server import Server
from .collector import Collector
from .serve import listen

FINISH_REQUESTS = 1.0
"""Seconds that plain HTTP requests get to finish; an idle connection that is kept alive takes them all."""

FLUSH = 0.2
"""Seconds of a deadline that are left for the end of the process itself."""


class ServerEnded(SupervisionError):
    """A worker's server has given up, or was stopped by its own program: the worker ends, and another takes over."""


class DrainingServer(WSGIServer):
    """Takes in whoever the kernel has queued before it closes: they would be reset, and not go to another worker."""

    def close(self) -> None:
        """Close the listening socket; who is in stays."""
        while not self.closed and (connection := self.do_read()) is not None:
            self.do_handle(*connection)
        super().close()


class TreeEnded:
    """Told by the server's tree to the worker: it has ended."""


class ServingWorker(Actor):
    """Serves ``server`` (``"module:name"``) on a port that it shares with the other workers."""

    def __init__(
        self, server: str, app: str | None, host: str, port: int, path: str, stop_timeout: float, **link: Any
    ) -> None:
        super().__init__(**link)
        # Imported here and not in init, so that the module runs in the main greenlet, as it would in a program.
        self._server = server_named(server)
        self._live = Live(self._server, None if app is None else find(app), path)
        self._host, self._port = host, port
        self._stop_timeout = stop_timeout
        self._requests = Pool()
        self._collector = Collector()

    def init(self) -> None:
        listening = listen(self._host, self._port, shared=True)
        try:
            self._server.ensure_started()
            self._server.listen(
                DrainingServer(listening, self._live, handler_class=WSGIHandler, log=None, spawn=self._requests)
            )
        except BaseException:
            listening.close()
            raise
        self._collector.start()
        self._server.on_end(lambda: self.ref.tell_anyway(TreeEnded()))

    def handle(self, message: Any) -> Any:
        if isinstance(message, TreeEnded):
            raise ServerEnded("the server of this worker has ended by itself")
        return super().handle(message)

    def terminate(self, reason: Reason) -> None:
        self._collector.stop()
        now = time.monotonic()
        end = now + self._stop_timeout
        if isinstance(reason, Shutdown) and reason.deadline is not None:
            end = max(now + FLUSH, min(end, reason.deadline - FLUSH))
        self._server.stop(end - now)
        self._requests.join(max(0.0, min(FINISH_REQUESTS, end - time.monotonic())))


def server_named(name: str) -> Server:
    """Return the server called ``"module:name"``.

    Raises: UsageError if there is none.
    """
    found = find(name)
    if not isinstance(found, Server):
        raise UsageError(f"{name}: expected a nuphar.Server, got {type(found).__name__}")
    return found
