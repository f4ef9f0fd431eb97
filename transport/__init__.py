"""How bytes come and go: frames, codec, serialisers, WebSockets, the WSGI middleware, clients."""

from .client.connectors.connector import Connector, Handler, Transport
from .serialiser.serialiser import Serialiser, automatic, custom, register
from .server.limits import Limits
from .wire import frames
from .wire.codec import decode, encode
from .wire.origin import Origins

__all__ = [
    "Connector",
    "Handler",
    "Limits",
    "Origins",
    "Serialiser",
    "Transport",
    "automatic",
    "custom",
    "decode",
    "encode",
    "frames",
    "register",
]
