"""Nuphar under gunicorn, with the extra ``nuphar[gunicorn]``.

Run ``gunicorn -k nuphar.transport.gunicorn.Worker module:app``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gevent
from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIHandler, PyWSGIServer  # type: ignore[import-untyped]

from .live import ON_EXIT
from .wsgi_handler import Handler
from .wsgi_server import TlsGreeting


class GunicornHandler(Handler, PyWSGIHandler):  # type: ignore[misc]  # gunicorn has no types
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
    """What is called, each in a greenlet of its own, when this process is told to end gracefully."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End gracefully: the servers say Bye, so that gunicorn need not wait for their WebSockets."""
        super().handle_exit(sig, frame)
        for stop in self.stops:
            gevent.spawn(stop)
