"""A short address: what is here lives in ``nuphar.transport.server``, in ``wsgi_handler`` and ``wsgi_server``."""

from .server.wsgi_handler import Handler
from .server.wsgi_server import WSGIServer

__all__ = ["Handler", "WSGIServer"]
