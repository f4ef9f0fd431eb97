"""A short address: what is here lives in ``nuphar.transport.client.connectors.async_websocket``."""

from .client.connectors.async_websocket import AsyncLink

__all__ = ["AsyncLink"]
