"""The three Python clients behind one face, driven from the test's greenlet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from nuphar import AsyncClient, Client, Store
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.runtimes import ThreadRuntime

from .raw import WAIT
from .serving import eventually, in_thread


def quick(where: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return a client's options, with those of one that comes back at once."""
    return {"backoff": ReconnectBackoff(0.01), "chance": lambda: 0.5} | options if isinstance(where, str) else options


class Skin:
    """A client on greenlets or threads that comes back at once; see `AsyncSkin` for the third."""

    def __init__(self, runtime: str, where: Any, stores: dict[str, Store], queue: Any = None, **options: Any) -> None:
        self.client: Any = Client(where, stores=stores, queue=queue, runtime=runtime, **quick(where, options))

    def start(self, target: str, message: Any) -> Callable[[], Any]:
        """Dispatch; what is returned waits for the answer."""
        return self.answer(lambda client: client.dispatch(target, message))

    def answer(self, dispatch: Callable[[Any], Any]) -> Callable[[], Any]:
        """Call ``dispatch(client)``; what is returned waits for the answer."""
        answer = dispatch(self.client)
        return lambda: answer.get(timeout=WAIT)

    def call(self, function: Callable[[Any], Any]) -> Any:
        """Return ``function(client)``."""
        return function(self.client)

    def wait(self, condition: Callable[[Any], bool]) -> None:
        """Wait until ``condition(client)``."""
        self.client.wait_until(condition, WAIT)

    def close(self) -> None:
        if isinstance(self.client._runtime, ThreadRuntime):
            in_thread(self.client.close)  # it waits for the answer of our own server
        else:
            self.client.close()


class AsyncSkin(Skin):
    """A client on asyncio, whose loop runs in a thread of its own."""

    def __init__(self, where: Any, stores: dict[str, Store], queue: Any = None, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self.client = self.run(self._enter(where, stores, queue, options))
        except BaseException:
            self._end()
            raise

    async def _enter(self, where: Any, stores: dict[str, Store], queue: Any, options: Any) -> AsyncClient:
        return await AsyncClient(where, stores=stores, queue=queue, **quick(where, options)).__aenter__()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop, while our hub goes on."""
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        eventually(done.done)
        return done.result()

    def answer(self, dispatch: Callable[[Any], Any]) -> Callable[[], Any]:
        async def there() -> Any:
            return [dispatch(self.client)]

        (answer,) = self.run(there())

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


def skin(runtime: str, where: Any, stores: dict[str, Store], queue: Any = None, **options: Any) -> Skin:
    """Return a client on ``greenlets``, ``threads`` or ``asyncio``."""
    if runtime == "asyncio":
        return AsyncSkin(where, stores, queue, **options)
    return Skin(runtime, where, stores, queue, **options)
