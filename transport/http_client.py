"""A short address: what is here lives in ``nuphar.transport.client.connectors.http``."""

from .client.connectors.http import event_stream, long_polling

__all__ = ["event_stream", "long_polling"]
