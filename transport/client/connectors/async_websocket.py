"""The WebSocket connector of asyncio programs: the loop of `reconnecting` and its connections, on asyncio's streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import ssl
from collections.abc import Callable
from functools import partial

from ....actors.runtime.forks import HomeProcess, cut_off
from ....actors.words.close_codes import GOING_AWAY, INTERNAL_ERROR, NORMAL_CLOSURE
from ....actors.words.quantities import check_seconds
from ...wire.progress import Progress
from .async_dialing import open_streams
from .backoff import ReconnectBackoff
from .connector import Handler, Transport
from .credentials import Credentials, Token
from .dialing import Dialing
from .ended import CLOSED_HERE, FAREWELL, ConnectionEnd
from .fields import HeaderOption
from .owner import reason, said, tell
from .reconnecting import Dial, LoopEffect, NextStep, Reconnecting, Rest
from .urls import Address
from .websocket_machine import ClientWire, FrameArrived, Opened

logger = logging.getLogger("nuphar.client")


class AsyncLink:
    """Called with a `Handler` it connects in the background, in the running loop, and calls the handler there.

    The options are those of `websocket_client.websocket`. Raises: UsageError for another URL.
    """

    def __init__(
        self,
        url: str,
        *,
        backoff: ReconnectBackoff | None = None,
        heartbeat: float = 20.0,
        timeout: float = 10.0,
        headers: HeaderOption = (),
        ssl_context: ssl.SSLContext | None = None,
        proxy: bool | str | None = True,
        chance: Callable[[], float] = random.random,
        token: Token = None,
    ) -> None:
        self._dialing = Dialing(Address.of(url), Credentials(headers, token, in_loop=True), ssl_context, proxy, timeout)
        self.renew = self._dialing.credentials.renew
        self._reconnecting = Reconnecting(backoff or ReconnectBackoff(), chance)
        self._heartbeat = check_seconds("heartbeat", heartbeat)
        self._home = HomeProcess("this client", self._let_go)
        self._wire = ClientWire(self._dialing.address, (), os.urandom)
        self._opening: asyncio.StreamWriter | None = None  # from TCP's connect on
        self._writer: asyncio.StreamWriter | None = None  # from the end of the opening handshake on
        self._task: asyncio.Task[None] | None = None
        self._awake = asyncio.Event()  # no pause goes on

    def __call__(self, handler: Handler) -> Transport:
        self._task = asyncio.get_running_loop().create_task(self._run(handler), name="nuphar client")
        leave = partial(self.close, GOING_AWAY)
        return Transport(self.send, self.close, self.pause, leave, self.reopen, self._dialing.credentials.welcomed)

    def send(self, frame: bytes) -> None:
        """Send one frame; asyncio keeps what the socket does not take."""
        if self._writer is None:
            raise BrokenPipeError("there is no connection")
        self._writer.write(self._wire.message(frame))

    def pause(self, seconds: float) -> None:
        """Come back no sooner than that after the next loss."""
        self._reconnecting.pause(seconds)

    def close(self, code: int = NORMAL_CLOSURE) -> None:
        """End it for good; `wait_closed` waits for it."""
        if not self._reconnecting.is_over:
            self._reconnecting.closed()
            if self._writer is not None:
                self._writer.write(self._wire.goodbye(code))
            if self._task is not None:
                self._task.cancel()

    def reopen(self) -> None:
        """End the connection, and make another one at once."""
        self._reconnecting.renewed()
        self._awake.set()
        if (writer := self._opening) is None or not self._reconnecting.is_unwanted:
            return
        if self._writer is not None:
            writer.write(self._wire.goodbye(GOING_AWAY))
        writer.close()  # behind what is written; our reading ends with it
        asyncio.get_running_loop().call_later(FAREWELL, writer.transport.abort)

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
            step = self._tell(handler, self._reconnecting.started())
            while step is not None and not self._home.is_foreign:
                step = await self._take(handler, step)
        except Exception as error:  # it has an owner: no client stands still in silence
            logger.exception("the loop of a client has ended")
            if not self._reconnecting.is_over:
                self._reconnecting.closed()
                handler.on_close(INTERNAL_ERROR, said(error))

    async def _take(self, handler: Handler, step: NextStep) -> NextStep | None:
        match step:
            case Dial():
                return await self._connection(handler)
            case Rest(seconds):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._awake.wait()  # or `close` cancels it
                return self._tell(handler, self._reconnecting.rested())

    def _tell(self, handler: Handler, effects: list[LoopEffect]) -> NextStep | None:
        return tell(handler, self._dialing.address.netloc, effects)

    async def _connection(self, handler: Handler) -> NextStep | None:
        """Serve one connection, tell its end, and return what is next."""
        ended, writer = CLOSED_HERE, None
        try:
            route, reader, writer = await open_streams(self._dialing)
            self._opening = writer
            self._wire = ClientWire(route.address, route.fields, os.urandom)
            ended = await self._serve(handler, reader, writer)
        except Exception as error:
            is_late = writer is None and isinstance(error, TimeoutError) and not str(error)
            ended = ConnectionEnd(0, f"no connection within {self._dialing.timeout:g} s" if is_late else reason(error))
        except asyncio.CancelledError:  # by `close`, or by whoever ends the whole program's tasks
            self._reconnecting.closed()
            raise
        finally:
            self._writer = self._opening = None
            try:
                self._awake.clear()
                if not self._reconnecting.is_unwanted:
                    ended = self._dialing.credentials.judge(ended)
                step = self._tell(handler, self._reconnecting.ended(ended))
            finally:
                if writer is not None:
                    await self._hang_up(writer)
        return step

    async def _serve(
        self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> ConnectionEnd:
        wire = self._wire
        if self._reconnecting.is_unwanted:
            return CLOSED_HERE
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
            events = wire.receive_data(data)
            wire.heed(clock(), events, self._heartbeat)
            for event in events:
                match event:
                    case Opened():
                        self._writer = writer
                        if not (effects := self._reconnecting.opened()):
                            return CLOSED_HERE
                        self._tell(handler, effects)
                    case FrameArrived(frame):
                        self._reconnecting.received()
                        handler.on_receive(frame)
                    case ConnectionEnd():
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
