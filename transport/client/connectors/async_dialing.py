"""The way to the server for asyncio's streams: like ``dialing.py``, which it takes its route from."""

from __future__ import annotations

import asyncio

from .dialing import Dialing, Route
from .proxies import Tunnel, connect_request

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_streams(dialing: Dialing) -> tuple[Route, asyncio.StreamReader, asyncio.StreamWriter]:
    """Return streams that are connected with the server, TLS included, and the way that they took.

    A program's plain functions for headers and token run in a thread, a coroutine function in the loop.
    Raises: OSError, a TimeoutError of ``dialing.timeout`` too.
    """
    async with asyncio.timeout(dialing.timeout):
        token = await dialing.credentials.ask_in_loop()
        may_wait = dialing.credentials.may_wait
        route = await asyncio.to_thread(dialing.route, token) if may_wait else dialing.route(token)
        if route.proxy is not None:
            return route, *await _through_proxy(route)
        address = route.address
        return route, *await asyncio.open_connection(address.host, address.port, ssl=route.context)


async def _through_proxy(route: Route) -> Streams:
    assert route.proxy is not None
    reader, writer = await asyncio.open_connection(route.proxy.host, route.proxy.port)
    try:
        writer.write(connect_request(route.address, route.proxy))
        tunnel = Tunnel(route.proxy)
        while not tunnel.feed(await reader.read(4096)):
            pass
        if route.context is not None:
            await writer.start_tls(route.context, server_hostname=route.address.host)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer
