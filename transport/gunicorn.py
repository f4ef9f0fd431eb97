"""Nuphar under gunicorn, with the extra ``nuphar[gunicorn]``.

Run ``gunicorn -k nuphar.transport.gunicorn.Worker module:app``.
"""

from __future__ import annotations

from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIHandler  # type: ignore[import-untyped]

from .handler import Handler


class GunicornHandler(Handler, PyWSGIHandler):  # type: ignore[misc]  # gunicorn has no types
    """Our handler with gunicorn's environment and access log."""


class Worker(GeventPyWSGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's gevent worker, able to upgrade. Like every gevent worker it patches the worker process."""

    wsgi_handler = GunicornHandler
