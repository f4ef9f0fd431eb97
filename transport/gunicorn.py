"""A short address: what is here lives in ``nuphar.transport.server.gunicorn``."""

from .server.gunicorn import Worker

__all__ = ["Worker"]
