"""Every connector does what the port says: over WebSockets, over HTTP, in memory; on greenlets, threads and asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from support.peer import Proxy
from support.serving import eventually, in_thread, listen

from nuphar.testing import MemoryConnector
from nuphar.testing.contracts import ConnectorCase, ConnectorContract
from nuphar.transport import Connector, Handler, Transport
from nuphar.transport.client.connectors.async_websocket import AsyncLink
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.best import best
from nuphar.transport.client.connectors.fallback import fallback
from nuphar.transport.client.connectors.http import event_stream, long_polling
from nuphar.transport.client.connectors.runtimes import choose
from nuphar.transport.client.connectors.websocket import websocket

LIMIT = 10.0  # seconds that any wait here may take


class MemoryCase(ConnectorCase):
    """A line in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.connector = self._line = MemoryConnector(self.server)

    def cut(self) -> None:
        self._line.cut()

    def restore(self) -> None:
        self._line.restore()


class TestMemory(ConnectorContract):
    def make(self) -> ConnectorCase:
        return MemoryCase()


class SocketCase(ConnectorCase):
    """A connector over real sockets, through a proxy that cuts them."""

    def __init__(self, make: Callable[..., Any], scheme: str, runtime: str) -> None:
        super().__init__()
        self._proxy = Proxy(listen(self.server))
        self._is_threaded = runtime == "threads"
        url = f"{scheme}{self._proxy.url[2:]}"
        self.connector = make(url, runtime=choose(runtime), backoff=ReconnectBackoff(0.01), chance=lambda: 0.5)

    def cut(self) -> None:
        self._proxy.refuse = True
        self._proxy.cut()

    def restore(self) -> None:
        self._proxy.refuse = False

    def run(self, function: Callable[[], Any]) -> Any:
        return in_thread(function) if self._is_threaded else function()  # it may wait for our own server

    def close(self) -> None:
        super().close()
        self._proxy.close()


class TestWebSocketOnGreenlets(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(websocket, "ws", "greenlets")


class TestWebSocketOnThreads(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(websocket, "ws", "threads")


class TestLongPollingOnGreenlets(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(long_polling, "http", "greenlets")


class TestLongPollingOnThreads(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(long_polling, "http", "threads")


class TestEventStream(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(event_stream, "http", "greenlets")


class TestBestOnGreenlets(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(best, "http", "greenlets")


class TestBestOnThreads(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(best, "http", "threads")


def second_best(url: str, *, runtime: Any, **options: Any) -> Connector:
    """Return a connector whose first choice never opens."""

    def never(handler: Handler) -> Transport:
        handler.on_fault("it never opens")
        handler.on_fault("it never opens")
        handler.on_fault("it never opens")
        return Transport(lambda frame: None, lambda: None)

    return fallback([never, long_polling(url, runtime=runtime, **options)], runtime=runtime)


class TestFallenBack(ConnectorContract):
    def make(self) -> ConnectorCase:
        return SocketCase(second_best, "http", "greenlets")


class AsyncCase(ConnectorCase):
    """The connector of asyncio, in a loop in a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._proxy = Proxy(listen(self.server))
        self._link = AsyncLink(self._proxy.url, backoff=ReconnectBackoff(0.01), chance=lambda: 0.5)
        self.connector = self._link
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def cut(self) -> None:
        self._proxy.refuse = True
        self._proxy.cut()

    def restore(self) -> None:
        self._proxy.refuse = False

    def run(self, function: Callable[[], Any]) -> Any:
        async def there() -> Any:
            return function()

        done = asyncio.run_coroutine_threadsafe(there(), self._loop)
        eventually(done.done)
        return done.result()

    def close(self) -> None:
        done = asyncio.run_coroutine_threadsafe(self._link.wait_closed(), self._loop)
        eventually(done.done)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT)
        self._loop.close()
        super().close()
        self._proxy.close()


class TestAsyncWebSocket(ConnectorContract):
    def make(self) -> ConnectorCase:
        return AsyncCase()
