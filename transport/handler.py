"""A short address: what is here lives in ``nuphar.transport.server``, in ``wsgi_handler`` and ``wsgi_server``."""

from .server.wsgi_handler import WSGIHandler
from .server.wsgi_server import WSGIServer

Handler = WSGIHandler
"""The same class under its first name, which configurations may still hold."""

__all__ = ["Handler", "WSGIHandler", "WSGIServer"]
