"""Nuphar: authoritative live state for gevent.

The server owns the state, every topic is a supervised actor, and clients stay in step with it over WebSockets.
"""

from . import supervision, transport
from .actors.routing.wiring import Slice, Wiring
from .actors.sessions.sessions import generate_client_id
from .actors.words import delivery
from .actors.words.errors import (
    AlreadyStarted,
    Busy,
    LocalProtocolError,
    NotRunning,
    NupharError,
    OriginRefused,
    ProtocolError,
    QueueError,
    Refused,
    RemoteProtocolError,
    SupervisionError,
    TopicExists,
    UnknownOption,
    UnregisteredType,
    UsageError,
)
from .actors.words.store import Store
from .supervision.root.server import Server
from .supervision.serving.serve import serve
from .transport.client.async_client import AsyncClient
from .transport.client.client import Client
from .transport.client.core import states
from .transport.client.core.file_queue import FileQueue
from .transport.serialiser.serialiser import Serialiser, automatic, custom, register
from .transport.server.limits import Limits
from .transport.server.live import Live
from .transport.wire.origin import Origins

__version__ = "0.1.0"

__all__ = [
    "AlreadyStarted",
    "AsyncClient",
    "Busy",
    "Client",
    "FileQueue",
    "Limits",
    "Live",
    "LocalProtocolError",
    "NotRunning",
    "NupharError",
    "OriginRefused",
    "Origins",
    "ProtocolError",
    "QueueError",
    "Refused",
    "RemoteProtocolError",
    "Serialiser",
    "Server",
    "Slice",
    "Store",
    "SupervisionError",
    "TopicExists",
    "UnknownOption",
    "UnregisteredType",
    "UsageError",
    "Wiring",
    "automatic",
    "custom",
    "delivery",
    "generate_client_id",
    "register",
    "serve",
    "states",
    "supervision",
    "transport",
]
