"""Nuphar under gunicorn, with the extra ``nuphar[gunicorn]``.

Run ``gunicorn -k nuphar.transport.gunicorn.Worker module:app``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gevent
from gevent.monkey import is_module_patched
from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIHandler, PyWSGIServer  # type: ignore[import-untyped]

from .live import ON_EXIT
from .wsgi_handler import WSGIHandler
from .wsgi_server import TlsGreeting

GOODBYE = 5.0
"""Seconds for the servers' stop where gunicorn would end the process at once."""

PRELOADED = (
    "--preload: the application was imported before this worker patched the process, so blocking names that it has "
    "bound (sleep, sockets, locks) stop every client: leave --preload out, or begin the module with "
    "`from gevent import monkey; monkey.patch_all()`"
)

UNCOUNTED = "--max-requests has no effect: gunicorn's workers on gevent's WSGI server do not count requests"


class GunicornHandler(WSGIHandler, PyWSGIHandler):  # type: ignore[misc]  # gunicorn has no types
    """Our handler with gunicorn's environment and access log."""

    def get_environ(self) -> dict[str, Any]:
        """Return the request's environment, with the way to hear of the worker's end."""
        environ: dict[str, Any] = super().get_environ()
        environ[ON_EXIT] = Worker.stops.append
        return environ


class GunicornServer(TlsGreeting, PyWSGIServer):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's WSGI server, with an end to each TLS handshake."""


class Worker(GeventPyWSGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's gevent worker, able to upgrade. Like every gevent worker it patches the worker process."""

    wsgi_handler = GunicornHandler
    server_class = GunicornServer

    stops: ClassVar[list[Callable[[], Any]]] = []
    """What is called, each in a greenlet of its own, when this process is told to end."""

    def patch(self) -> None:
        """Patch the process; say so if that comes too late, or if an option does nothing here."""
        if self.cfg.preload_app and not is_module_patched("socket"):
            self.log.warning(PRELOADED)
        if self.cfg.max_requests:
            self.log.warning(UNCOUNTED)
        super().patch()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End gracefully: the servers say Bye, so that gunicorn need not wait for their WebSockets."""
        super().handle_exit(sig, frame)
        self._stop_servers()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End quickly (SIGQUIT, Ctrl-C), but not without a Bye."""

        def quit() -> None:
            gevent.joinall(self._stop_servers(), timeout=GOODBYE)
            super(Worker, self).handle_quit(sig, frame)

        gevent.spawn(quit)

    def notify(self) -> None:
        """Say that we live; gunicorn ends us here if its master is gone."""
        try:
            super().notify()
        except SystemExit:
            gevent.joinall(self._stop_servers(), timeout=GOODBYE)
            raise

    def _stop_servers(self) -> list[gevent.Greenlet]:
        return [gevent.spawn(stop) for stop in self.stops]
