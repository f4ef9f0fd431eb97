"""A connector that works in threads, behind the client of an asyncio loop, which never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from ....actors.words.close_codes import INTERNAL_ERROR
from .connector import Connector, Handler, Transport, renewing
from .credentials import Token
from .fields import HeaderOption
from .owner import said

logger = logging.getLogger("nuphar.client")

OFFER_AGAIN = 0.1
"""Seconds after which a frame is offered again to a transport in which too much waits, if nothing arrives before."""

SAID_WITHIN = 5.0
"""Seconds that the end may take."""

Job = Callable[[], Any]


class Threaded:
    """Called with a `Handler` it has ``connector`` call it in the running loop, in order, from whichever thread.

    What the client says is said by a thread, in its order: a transport may wait. How much that can be is bounded by
    the messages that a client may have in flight.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._turns = 0  # how often the connection has come or gone, counted in the connector's thread
        self._heard = 0  # the turn with which the connection came that the client, in the loop, knows of
        self._moved = threading.Event()
        self._transport: Transport | None = None
        self._worker: threading.Thread | None = None

    def __call__(self, handler: Handler) -> Transport:
        transport = self._transport = self._connector(self._on_loop(handler, asyncio.get_running_loop()))
        self._worker = threading.Thread(target=self._work, name="nuphar client", daemon=True)
        self._worker.start()
        leave, reopen = transport.leave, transport.reopen
        return Transport(
            self._send,
            lambda: self._jobs.put(transport.close),
            lambda seconds: self._jobs.put(lambda: transport.pause(seconds)),
            None if leave is None else lambda: self._jobs.put(leave),
            None if reopen is None else lambda: self._jobs.put(reopen),
            lambda: self._jobs.put(transport.welcomed),
        )

    def renew(self, headers: HeaderOption | None = None, token: Token = None) -> None:
        """Show these from the next try on. Raises: UsageError."""
        renewing(self._connector)(headers, token)

    async def wait_closed(self) -> None:
        """Wait until everything is said."""
        self._jobs.put(None)
        if self._worker is not None:
            await asyncio.to_thread(self._worker.join, SAID_WITHIN)

    def _send(self, frame: bytes) -> None:
        connection = self._heard
        self._jobs.put(lambda: self._say(frame, connection))

    def _say(self, frame: bytes, connection: int) -> None:
        assert self._transport is not None
        while connection == self._turns:  # else it was meant for one that is lost: the client says it again
            try:
                self._transport.send(frame)
            except BlockingIOError:
                self._moved.clear()
                self._moved.wait(OFFER_AGAIN)
            except OSError:
                return  # the transport will say that the connection is lost
            else:
                return

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # what it said is lost with the connection, and the next one is said all the same
                logger.exception("a transport raised")

    def _on_loop(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> Handler:
        def safely(function: Callable[..., Any], *arguments: Any) -> None:
            try:
                function(*arguments)
            except Exception as error:  # a client that has missed something must not look alive
                logger.exception("a client cannot go on")
                handler.on_close(INTERNAL_ERROR, said(error))
                if self._transport is not None:
                    self._jobs.put(self._transport.close)

        def there(function: Callable[..., Any]) -> Callable[..., None]:
            def call(*arguments: Any) -> None:
                self._moved.set()
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to hear it
                    loop.call_soon_threadsafe(safely, function, *arguments)

            return call

        def heard(connection: int) -> None:
            self._heard = connection
            handler.on_reconnect()

        def opened() -> None:
            self._turns += 1
            there(heard)(self._turns)

        def lost() -> None:
            self._turns += 1
            there(handler.on_disconnect)()

        return Handler(
            there(handler.on_receive),
            opened,
            lost,
            there(handler.on_close),
            there(handler.on_fault),
        )
