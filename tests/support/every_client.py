"""A client over each transport and on each runtime, for tests that are a table of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nuphar import Store
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.http import event_stream, long_polling
from nuphar.transport.client.connectors.runtimes import choose

from .skins import Skin, skin

RUNTIMES = ["greenlets", "threads", "asyncio"]
TRANSPORTS = ["websocket", "fallback", "poll", "events"]

Make = Callable[..., Skin]


@contextmanager
def every_client(runtime: str, transport: str, stores: dict[str, Store]) -> Iterator[Make]:
    """Give a function that starts a client with options: ``make(rest of the URL, …)``; all are closed at the end."""
    skins: list[Skin] = []

    def make(rest: str, secure: bool = False, **options: Any) -> Skin:
        options = {"backoff": ReconnectBackoff(0.01), "chance": lambda: 0.5} | options
        http = ("https" if secure else "http") + rest
        if transport in ("poll", "events"):
            way = long_polling if transport == "poll" else event_stream
            on = choose("threads" if runtime == "asyncio" else runtime)
            skins.append(skin(runtime, way(http, runtime=on, **options), stores))
        else:
            url = http if transport == "fallback" else "ws" + http.removeprefix("http")
            skins.append(skin(runtime, url, stores, **options))
        return skins[-1]

    try:
        yield make
    finally:
        for each in skins:
            each.close()
