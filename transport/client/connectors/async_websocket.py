"""The WebSocket connector of asyncio programs: like ``websocket.py``, on asyncio's streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import ssl
from collections.abc import Callable

from ....actors.runtime.forks import Home, cut_off
from ....actors.words.close_codes import GOING_AWAY, INTERNAL_ERROR, NORMAL
from ...wire.progress import Progress
from .async_dialing import open_streams
from .backoff import Backoff
from .connector import Handler, Transport
from .dialing import Dialing
from .fields import Headers
from .owner import reason, said
from .urls import Address
from .websocket_machine import ClientWire, Ended, Frame, Opened

logger = logging.getLogger("nuphar.client")

FAREWELL = 0.5
"""Seconds that our last bytes may take."""


class AsyncLink:
    """Called with a `Handler` it connects in the background, in the running loop, and calls the handler there.

    The options are those of `websocket_client.websocket`. Raises: UsageError for another URL.
    """

    def __init__(
        self,
        url: str,
        *,
        backoff: Backoff | None = None,
        heartbeat: float = 20.0,
        timeout: float = 10.0,
        headers: Headers = (),
        ssl_context: ssl.SSLContext | None = None,
        proxy: bool | str | None = True,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._dialing = Dialing(Address.of(url), headers, ssl_context, proxy, timeout)
        self._backoff = backoff or Backoff()
        self._heartbeat = heartbeat
        self._chance = chance
        self._home = Home("this client", self._let_go)
        self._pause = 0.0
        self._closed = asyncio.Event()
        self._wire = ClientWire(self._dialing.address, (), os.urandom)
        self._opening: asyncio.StreamWriter | None = None  # from TCP's connect on
        self._writer: asyncio.StreamWriter | None = None  # from the end of the opening handshake on
        self._task: asyncio.Task[None] | None = None

    def __call__(self, handler: Handler) -> Transport:
        self._task = asyncio.get_running_loop().create_task(self._run(handler), name="nuphar client")
        return Transport(self.send, self.close, self.pause, lambda: self.close(GOING_AWAY))

    def send(self, frame: bytes) -> None:
        """Send one frame; asyncio keeps what the socket does not take."""
        if self._writer is None:
            raise BrokenPipeError("there is no connection")
        self._writer.write(self._wire.message(frame))

    def pause(self, seconds: float) -> None:
        """Come back no sooner than that after the next loss."""
        self._pause = seconds

    def close(self, code: int = NORMAL) -> None:
        """End it for good; `wait_closed` waits for it."""
        if not self._closed.is_set():
            self._closed.set()
            if self._writer is not None:
                self._writer.write(self._wire.goodbye(code))
            if self._task is not None:
                self._task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nothing of it is left."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _let_go(self) -> None:
        """In a forked child: say nothing on the parent's connection."""
        for writer in (self._opening, self._writer):
            if writer is not None and (sock := writer.get_extra_info("socket")) is not None:
                cut_off([sock.fileno()])

    async def _run(self, handler: Handler) -> None:
        try:
            await self._keep_on(handler)
        except Exception as error:  # it has an owner: no client stands still in silence
            logger.exception("the loop of a client has ended")
            if not self._closed.is_set():
                self._closed.set()
                handler.on_close(INTERNAL_ERROR, said(error))

    async def _keep_on(self, handler: Handler) -> None:
        while not self._closed.is_set() and not self._home.is_foreign:
            ended = await self._connection(handler)
            if not self._closed.is_set():
                logger.info("no connection to %s: %s", self._dialing.address.netloc, ended.why)
            if ended.code:
                self._closed.set()
                handler.on_close(ended.code, ended.why)
                return
            delay = self._backoff.pause(self._pause, self._chance())
            self._pause = 0.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), delay)

    async def _connection(self, handler: Handler) -> Ended:
        """Serve one connection, and return its end."""
        try:
            route, reader, writer = await open_streams(self._dialing)
        except Exception as error:  # a timeout too
            is_late = isinstance(error, TimeoutError) and not str(error)
            why = f"no connection within {self._dialing.timeout:g} s" if is_late else reason(error)
            handler.on_fault(why)
            return Ended(0, why)
        self._opening = writer
        wire = self._wire = ClientWire(route.address, route.fields, os.urandom)
        try:
            ended = await self._serve(handler, wire, reader, writer)
            handler.on_fault(ended.why)
            return ended
        except Exception as error:
            handler.on_fault(reason(error))
            return Ended(0, said(error))
        finally:
            was_open, self._writer, self._opening = self._writer is not None, None, None
            if was_open:
                handler.on_disconnect()
            await self._hang_up(writer)

    async def _serve(
        self, handler: Handler, wire: ClientWire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Ended:
        writer.write(wire.take())
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._dialing.timeout
        progress = Progress(writer.get_extra_info("socket"))
        while True:
            try:
                async with asyncio.timeout(self._heartbeat if wire.is_open else max(0.0, deadline - clock())):
                    data = await reader.read(65536)
            except TimeoutError:
                ended = wire.silence(progress.has_moved())
                if ended is not None:
                    return ended
                writer.write(wire.take())
                continue
            except OSError as error:
                return Ended(0, str(error))
            events = wire.receive_data(data)
            wire.heed(clock(), events, self._heartbeat)
            for event in events:
                match event:
                    case Opened():
                        self._writer = writer
                        handler.on_reconnect()
                    case Frame(frame):
                        self._backoff.reset()
                        handler.on_receive(frame)
                    case Ended():
                        writer.write(wire.take())
                        return event
            writer.write(wire.take())

    async def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        """Close the socket, with a little time for our last bytes."""
        writer.close()
        try:
            async with asyncio.timeout(FAREWELL):
                await writer.wait_closed()
        except OSError:  # gone already, or nobody reads at its other end
            writer.transport.abort()
