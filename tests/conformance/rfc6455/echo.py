"""The server that is looked at: it sends back each message. Under gevent's pywsgi by itself, or for gunicorn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from nuphar.transport.server.limits import Limits
from nuphar.transport.wire.origin import Origins
from nuphar.transport.wire.upgrade import Decline

LARGE = 16 * 1024 * 1024
"""Bytes of the largest message of the stock suite."""


def limits() -> Limits:
    """The default limits; with NUPHAR_LARGE those under which the stock suite's large messages pass."""
    large = os.environ.get("NUPHAR_LARGE")
    return Limits(message=LARGE, outbox=4 * LARGE, close=2.0) if large else Limits(close=2.0)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Echo."""
    offered = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "").replace(" ", "").split(",")
    subprotocols = ("echo",) if "echo" in offered else ()
    websocket = environ["nuphar.upgrade"](Origins(), limits=limits(), subprotocols=subprotocols)
    if isinstance(websocket, Decline):
        start_response(websocket.status, list(websocket.headers))
        return [websocket.body]
    while (messages := websocket.receive()) is not None:
        for message in messages:
            websocket.send(message)
    return []
