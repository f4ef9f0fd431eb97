"""The Python client for asyncio programs; it needs no gevent at run time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, NamedTuple, Self, Unpack

from ...actors.words.close_codes import NORMAL_CLOSURE
from ...actors.words.errors import NotRunning, Refused, UsageError
from ...actors.words.store import Store
from ...actors.words.target_names import as_target
from ..serialiser.serialiser import Serialiser
from .base import BY_US, BaseClient
from .connectors.async_websocket import AsyncLink
from .connectors.best import best
from .connectors.connector import Connector
from .connectors.credentials import Token
from .connectors.runtimes import choose
from .connectors.threaded import Threaded
from .connectors.url_options import ClientOptions, check_client_options
from .connectors.urls import scheme_of
from .core.outgoing import Queue
from .core.replica import OwnMessage

BEHIND = 1_000
"""Changes that may wait for a slow ``async for``; then they become one, as after a Snapshot."""


class Change(NamedTuple):
    """A model that is new, by ``message``, or by more than one (None)."""

    model: Any
    message: Any


class AsyncClient(BaseClient[asyncio.Future[int]]):
    """Like `nuphar.Client`, in one asyncio loop: ``async with AsyncClient(url, stores=…) as client``.

    It connects when the block is entered, in the background. A URL with ``http://`` takes a WebSocket, or long-polling
    where none gets through, both in threads; a connector of one's own may call its handler from any thread, too. All
    methods belong to the loop's thread. With a URL go the ``options`` of `nuphar.Client`; ``token`` may be a coroutine
    function, too.
    """

    def __init__(
        self,
        where: str | AsyncLink | Connector,
        serialiser: Serialiser | None = None,
        stores: Mapping[str, Store] | None = None,
        *,
        queue: Queue | None = None,
        debug: bool | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        check_client_options(where, options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._patience = options.get("timeout", 10.0)
        self._connector: AsyncLink | Threaded = self._connector_for(where, options)
        super().__init__(serialiser, stores, queue, debug)
        self._answers: dict[int, asyncio.Future[int]] = {}
        self._news = asyncio.Event()
        self._later: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise UsageError("an AsyncClient is entered once")
        self._loop = asyncio.get_running_loop()
        self._transport = self._connector(self._handler())
        self._flush()
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await self._close()
        if kind is None:
            self._raise_wrong()

    def dispatch(self, target: str, message: Any) -> asyncio.Future[int]:
        """Apply a message here at once, and send it; await what it returns for the seq, or Refused with its code.

        Raises: Refused ``busy`` when too many wait, ``too_large``; UnregisteredType; QueueError; NotRunning after the
        end. Then nothing has happened.
        """
        self._check_open()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_looked_at)
        own, events = self._core.dispatch(as_target(target), message)
        self._answers[own.number] = answer
        self._note(events)
        self._flush()
        self._tell()
        return answer

    async def changes(self, target: str) -> AsyncIterator[Change]:
        """Iterate over the changes of a target from now on, until the client is closed.

        Raises: UsageError if the client does not follow it.
        """
        self._replica(target)
        name = as_target(target)
        waiting: deque[Change] = deque()

        def note(changed: str, model: Any, message: Any) -> None:
            if changed == name:
                if len(waiting) >= BEHIND:
                    waiting.clear()
                    message = None
                waiting.append(Change(model, message))

        self._changes.append(note)
        try:
            while waiting or not self.is_closed:
                if waiting:
                    yield waiting.popleft()
                else:
                    await self._wait_for_news()
        finally:
            self._changes.remove(note)

    async def wait_live(self, target: str | float | None = None, timeout: float = 5.0) -> Self:
        """Wait until the server has answered every Subscribe, or until the client follows ``target``.

        A number alone is the timeout, in seconds. Raises: TimeoutError; NotRunning as soon as the client is closed;
        Refused as soon as the server has refused ``target``; UsageError if the client does not follow it.
        """
        if isinstance(target, str):
            await self.wait_until(lambda client: client._follows(target), timeout)
        else:
            await self.wait_until(lambda client: client._is_settled(), timeout if target is None else target)
        return self

    async def wait_until(self, condition: Callable[[AsyncClient], bool], timeout: float = 5.0) -> None:
        """Wait until ``condition(client)`` holds; it is looked at whenever something has changed.

        Raises: TimeoutError.
        """
        self._home.check()
        async with asyncio.timeout(timeout):
            while not condition(self):
                await self._wait_for_news()

    async def close(self) -> None:
        """End the connection for good; does nothing the second time, and in a forked child, whose parent's it is.

        The session ends too, unless messages wait in a file: then it is kept for the next run of the program.
        Raises: with ``debug``, WrongUpdate, behind the end, if an update did what it must not.
        """
        await self._close()
        self._raise_wrong()

    async def _close(self) -> None:
        if self._home.is_foreign:
            return
        if not self.is_closed:
            self._ended(NORMAL_CLOSURE, BY_US)
            self._end_transport()
        await self._connector.wait_closed()

    def _connector_for(self, where: str | AsyncLink | Connector, options: ClientOptions) -> AsyncLink | Threaded:
        if isinstance(where, AsyncLink):
            return where
        if not isinstance(where, str):
            return Threaded(where)
        if not scheme_of(where).startswith("http"):
            return AsyncLink(where, **options)
        options["token"] = self._from_a_thread(options.get("token"))
        return Threaded(best(where, runtime=choose("threads"), **options))

    def _askable(self, token: Token) -> Token:
        return token if isinstance(self._connector, AsyncLink) else self._from_a_thread(token)

    def _from_a_thread(self, token: Token) -> Token:
        """Return a coroutine function for a token as one that a thread may call, which runs it in the loop."""
        if not iscoroutinefunction(token):
            return token

        async def asked() -> Any:
            return await token()

        def ask() -> Any:
            assert self._loop is not None
            answer = asyncio.run_coroutine_threadsafe(asked(), self._loop)
            try:
                return answer.result(self._patience)
            except TimeoutError:
                answer.cancel()
                raise

        return ask

    async def _wait_for_news(self) -> None:
        news = self._news
        await news.wait()

    def _ended(self, code: int, reason: str) -> None:
        super()._ended(code, reason)
        for each in self._later:
            each.cancel()
        self._later.clear()
        answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            if not answer.done():
                answer.set_exception(NotRunning(f"the client is {self._state}"))
        self._look()

    def _after(self, seconds: float, function: Callable[[], Any]) -> None:
        assert self._loop is not None

        def ring() -> None:
            self._later.discard(timer)
            function()

        timer = self._loop.call_later(seconds, ring)
        self._later.add(timer)

    def _answer(self, own: OwnMessage, seq: int, refused: Refused | None) -> None:
        answer = self._answers.pop(own.number, None)
        if answer is None or answer.done():  # cancelled: nobody waits for it
            return
        if refused is not None:
            answer.set_exception(refused)
        else:
            answer.set_result(seq)

    def _look(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _flush(self) -> None:
        outgoing = self._core.outgoing
        while outgoing and self._transport is not None:
            try:
                self._transport.send(outgoing[0])
            except OSError:
                return  # the transport will say that the connection is lost
            if outgoing:
                outgoing.popleft()


def _looked_at(answer: asyncio.Future[int]) -> None:
    """Take note of an error, so that a dispatch that nobody awaits is not complained about."""
    if not answer.cancelled():
        answer.exception()
