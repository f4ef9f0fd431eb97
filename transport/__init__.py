"""How bytes come and go: frames, codec, serialisers, WebSockets, the WSGI middleware, clients."""

from . import frames
from .codec import decode, encode
from .connector import Connector, Handler, Transport
from .limits import Limits
from .origin import Origins
from .serialiser import Serialiser, automatic, custom, register

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
