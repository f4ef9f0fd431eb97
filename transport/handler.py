"""A short address: what is here lives in ``nuphar.transport.server.wsgi_handler``."""

from .server.wsgi_handler import Handler

__all__ = ["Handler"]
