"""The three Python clients behind one face, driven from the test's greenlet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from nuphar import AsyncClient, Client, Store
from nuphar.transport.client.connectors.async_websocket import AsyncLink
from nuphar.transport.client.connectors.backoff import Backoff
from nuphar.transport.client.connectors.runtimes import choose
from nuphar.transport.client.connectors.websocket import websocket

from .raw import WAIT
from .serving import eventually


def is_websocket(where: Any) -> bool:
    """Say whether it is a URL that needs no fallback."""
    return isinstance(where, str) and where.startswith("ws")


class Skin:
    """A client on greenlets or threads that comes back at once; see `AsyncSkin` for the third."""

    def __init__(self, runtime: str, where: Any, stores: dict[str, Store], queue: Any = None) -> None:
        if is_websocket(where):
            where = websocket(where, runtime=choose(runtime), backoff=Backoff(0.01), chance=lambda: 0.5)
        self.client: Any = Client(where, stores=stores, queue=queue, runtime=runtime)

    def start(self, target: str, message: Any) -> Callable[[], Any]:
        """Dispatch; what is returned waits for the answer."""
        answer = self.client.dispatch(target, message)
        return lambda: answer.get(timeout=WAIT)

    def call(self, function: Callable[[Any], Any]) -> Any:
        """Return ``function(client)``."""
        return function(self.client)

    def wait(self, condition: Callable[[Any], bool]) -> None:
        """Wait until ``condition(client)``."""
        self.client.wait_until(condition, WAIT)

    def close(self) -> None:
        self.client.close()


class AsyncSkin(Skin):
    """A client on asyncio, whose loop runs in a thread of its own."""

    def __init__(self, where: Any, stores: dict[str, Store], queue: Any = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self.client = self.run(self._enter(where, stores, queue))
        except BaseException:
            self._end()
            raise

    async def _enter(self, where: Any, stores: dict[str, Store], queue: Any) -> AsyncClient:
        if is_websocket(where):
            where = AsyncLink(where, backoff=Backoff(0.01), chance=lambda: 0.5)
        return await AsyncClient(where, stores=stores, queue=queue).__aenter__()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop, while our hub goes on."""
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        eventually(done.done)
        return done.result()

    def start(self, target: str, message: Any) -> Callable[[], Any]:
        async def dispatch() -> Any:
            return [self.client.dispatch(target, message)]

        (answer,) = self.run(dispatch())

        async def wait() -> Any:
            return await asyncio.wait_for(answer, WAIT)

        return lambda: self.run(wait())

    def call(self, function: Callable[[Any], Any]) -> Any:
        async def there() -> Any:
            return function(self.client)

        return self.run(there())

    def wait(self, condition: Callable[[Any], bool]) -> None:
        self.run(self.client.wait_until(condition, WAIT))

    def close(self) -> None:
        if self._thread.is_alive():
            self.run(self.client.close())
            self._end()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WAIT)
            self._loop.close()
