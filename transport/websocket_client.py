"""A short address: what is here lives in ``nuphar.transport.client.connectors.websocket``."""

from .client.connectors.websocket import websocket

__all__ = ["websocket"]
