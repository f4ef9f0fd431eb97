"""Nuphar: authoritative live state for gevent.

The server owns the state, every topic is a supervised actor, and clients stay in step with it over WebSockets.
"""

from typing import TYPE_CHECKING

from .lazily import lazily

__version__ = "0.1.0"

__all__ = [
    "AlreadyStarted",
    "AsyncClient",
    "Busy",
    "CannotListen",
    "Client",
    "ConnectRequest",
    "FileQueue",
    "Identity",
    "KindHandle",
    "Limits",
    "Live",
    "LocalProtocolError",
    "Member",
    "Meta",
    "NotRunning",
    "NupharError",
    "OriginRefused",
    "Origins",
    "ProtocolError",
    "QueueError",
    "Rate",
    "Rates",
    "Refused",
    "RemoteProtocolError",
    "Serialiser",
    "Server",
    "Slice",
    "Store",
    "SupervisionError",
    "TargetHandle",
    "TopicExists",
    "TopicHandle",
    "UnknownOption",
    "UnregisteredType",
    "UsageError",
    "Wiring",
    "WrongUpdate",
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

if TYPE_CHECKING:
    from . import actors as actors
    from . import load as load
    from . import supervision, transport
    from . import testing as testing
    from .actors.routing.kind_handle import KindHandle
    from .actors.routing.topic_handle import TopicHandle
    from .actors.routing.wiring import Slice, Wiring
    from .actors.sessions.sessions import generate_client_id
    from .actors.words import delivery
    from .actors.words.errors import (
        AlreadyStarted,
        Busy,
        CannotListen,
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
        WrongUpdate,
    )
    from .actors.words.identity import Identity
    from .actors.words.member import Member
    from .actors.words.meta import Meta
    from .actors.words.rates import Rate, Rates
    from .actors.words.store import Store
    from .supervision.root.server import Server
    from .supervision.serving.serve import serve
    from .transport.client.async_client import AsyncClient
    from .transport.client.client import Client
    from .transport.client.core import states
    from .transport.client.core.file_queue import FileQueue
    from .transport.client.target_handle import TargetHandle
    from .transport.serialiser.serialiser import Serialiser, automatic, custom, register
    from .transport.server.connect_request import ConnectRequest
    from .transport.server.limits import Limits
    from .transport.server.live import Live
    from .transport.wire.origin import Origins
else:  # not for type checkers, which would believe any name
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "AlreadyStarted": ".actors.words.errors",
            "AsyncClient": ".transport.client.async_client",
            "Busy": ".actors.words.errors",
            "CannotListen": ".actors.words.errors",
            "Client": ".transport.client.client",
            "ConnectRequest": ".transport.server.connect_request",
            "FileQueue": ".transport.client.core.file_queue",
            "Identity": ".actors.words.identity",
            "Meta": ".actors.words.meta",
            "KindHandle": ".actors.routing.kind_handle",
            "Limits": ".transport.server.limits",
            "Live": ".transport.server.live",
            "LocalProtocolError": ".actors.words.errors",
            "Member": ".actors.words.member",
            "NotRunning": ".actors.words.errors",
            "NupharError": ".actors.words.errors",
            "OriginRefused": ".actors.words.errors",
            "Origins": ".transport.wire.origin",
            "ProtocolError": ".actors.words.errors",
            "QueueError": ".actors.words.errors",
            "Rate": ".actors.words.rates",
            "Rates": ".actors.words.rates",
            "Refused": ".actors.words.errors",
            "RemoteProtocolError": ".actors.words.errors",
            "Serialiser": ".transport.serialiser.serialiser",
            "Server": ".supervision.root.server",
            "Slice": ".actors.routing.wiring",
            "Store": ".actors.words.store",
            "SupervisionError": ".actors.words.errors",
            "TargetHandle": ".transport.client.target_handle",
            "TopicExists": ".actors.words.errors",
            "TopicHandle": ".actors.routing.topic_handle",
            "UnknownOption": ".actors.words.errors",
            "UnregisteredType": ".actors.words.errors",
            "UsageError": ".actors.words.errors",
            "WrongUpdate": ".actors.words.errors",
            "Wiring": ".actors.routing.wiring",
            "automatic": ".transport.serialiser.serialiser",
            "custom": ".transport.serialiser.serialiser",
            "generate_client_id": ".actors.sessions.sessions",
            "register": ".transport.serialiser.serialiser",
            "serve": ".supervision.serving.serve",
        },
        {
            "actors": ".actors",
            "delivery": ".actors.words.delivery",
            "load": ".load",
            "states": ".transport.client.core.states",
            "supervision": ".supervision",
            "testing": ".testing",
            "transport": ".transport",
        },
    )
