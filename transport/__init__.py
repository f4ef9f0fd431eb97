"""How bytes come and go: frames, codec, serialisers, WebSockets, the WSGI middleware, clients."""

from typing import TYPE_CHECKING

from ..lazily import lazily

__all__ = [
    "Connector",
    "Handler",
    "Limits",
    "Origins",
    "ReconnectBackoff",
    "Serialiser",
    "Transport",
    "automatic",
    "custom",
    "decode",
    "encode",
    "frames",
    "register",
]

if TYPE_CHECKING:
    from . import async_websocket as async_websocket
    from . import fallback as fallback
    from . import gunicorn as gunicorn
    from . import handler as handler
    from . import http_client as http_client
    from . import identify as identify
    from . import websocket_client as websocket_client
    from .client.connectors.backoff import ReconnectBackoff
    from .client.connectors.connector import Connector, Handler, Transport
    from .serialiser.serialiser import Serialiser, automatic, custom, register
    from .server.limits import Limits
    from .wire import frames
    from .wire.codec import decode, encode
    from .wire.origin import Origins
else:  # not for type checkers, which would believe any name
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "Connector": ".client.connectors.connector",
            "Handler": ".client.connectors.connector",
            "Limits": ".server.limits",
            "Origins": ".wire.origin",
            "ReconnectBackoff": ".client.connectors.backoff",
            "Serialiser": ".serialiser.serialiser",
            "Transport": ".client.connectors.connector",
            "automatic": ".serialiser.serialiser",
            "custom": ".serialiser.serialiser",
            "decode": ".wire.codec",
            "encode": ".wire.codec",
            "register": ".serialiser.serialiser",
        },
        {
            "async_websocket": ".async_websocket",
            "fallback": ".fallback",
            "frames": ".wire.frames",
            "gunicorn": ".gunicorn",
            "handler": ".handler",
            "http_client": ".http_client",
            "identify": ".identify",
            "websocket_client": ".websocket_client",
        },
    )
