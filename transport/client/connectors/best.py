"""The connector for a server's ``http://`` URL: WebSocket, or HTTP where that never opens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack, cast

from .backoff import ReconnectBackoff
from .connector import Connector
from .credentials import Credentials
from .fallback import fallback
from .http import POLL_WAIT, long_polling
from .runtimes import ClientRuntime, choose
from .url_options import ClientOptions, HttpOptions
from .urls import Address
from .websocket import websocket


def best(url: str, *, runtime: ClientRuntime | None = None, **options: Unpack[ClientOptions]) -> Connector:
    """Return a connector for the ``http://`` or ``https://`` URL of a server: WebSocket, else long-polling.

    ``options`` are given to both; each counts its own tries in ``backoff``, and ``heartbeat`` is a poll's ``wait``.
    Raises: UsageError for another URL.
    """
    Address.of(url, "http")
    chosen = runtime or choose()
    shown: dict[str, Any] = {"headers": Credentials(options.pop("headers", ()), options.pop("token", None))}
    options = cast(ClientOptions, {**options, **shown})  # of both transports: what one was refused, both were
    polling = cast(HttpOptions, {name: value for name, value in options.items() if name != "heartbeat"})
    if isinstance(backoff := options.get("backoff"), ReconnectBackoff):
        polling["backoff"] = replace(backoff)
    ways = [
        websocket("ws" + url[4:], runtime=chosen, **options),
        long_polling(url, wait=options.get("heartbeat", POLL_WAIT), runtime=chosen, **polling),
    ]
    return fallback(ways, runtime=chosen)
