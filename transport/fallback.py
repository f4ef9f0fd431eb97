"""A short address: what is here lives in ``nuphar.transport.client.connectors.fallback``."""

from .client.connectors.fallback import fallback

__all__ = ["fallback"]
