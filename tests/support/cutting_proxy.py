"""A proxy in a thread of its own, for browsers: it cuts between any two bytes, refuses some requests, or is slow."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self
from weakref import WeakSet

from .raw import WAIT

LIVE = (b"GET /live HTTP", b"POST /live/send", b"GET /live/poll", b"GET /live/events", b"GET /live?")
"""How the requests of a client begin; other connections fetch files, and are left alone."""

TICK = 0.02
"""Seconds between two parts of what a slow proxy passes on."""

REFUSAL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class CuttingProxy:
    """Passes bytes on to ``port`` of this machine. Its methods may be called from any thread.

    ``rate`` is how many bytes a second a live connection brings to the browser; None for as many as there are.
    """

    def __init__(self, port: int, *, refused: tuple[bytes, ...] = (), rate: int | None = None) -> None:
        self.refused = refused
        self._rate = rate
        self._to = port
        self._left: int | None = None
        self._cut = threading.Event()
        self._writers: set[Any] = set()
        self._ends: WeakSet[Any] = WeakSet()
        self._pairs: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(WAIT)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(WAIT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT)
        self._loop.close()

    def cut_after(self, size: int) -> None:
        """Cut every live connection once ``size`` more bytes have passed, whichever way."""
        self._cut.clear()
        self._loop.call_soon_threadsafe(self._arm, size)

    def wait_cut(self) -> None:
        """Wait until that has happened."""
        assert self._cut.wait(WAIT), f"{self._left} more bytes were to pass before the cut"

    def cut(self) -> None:
        """Cut every live connection now."""
        self.cut_after(0)
        self.wait_cut()

    def _run(self) -> None:
        self._loop.run_forever()

    def _arm(self, size: int) -> None:
        self._left = size
        if size == 0:
            self._abort()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self._left = None
        self._cut.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_closing:
            writer.transport.abort()
            return
        here = asyncio.current_task()
        assert here is not None
        self._pairs.add(here)
        self._ends.add(writer)
        there = None
        try:
            far, there = await asyncio.open_connection("127.0.0.1", self._to)
            self._ends.add(there)
            ways = [self._pass(reader, there, writer), self._pass(far, writer, None)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._pairs.discard(here)
            for end in (writer, there):
                if end is not None:
                    self._writers.discard(end)
                    end.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, browser: asyncio.StreamWriter | None
    ) -> None:
        """Pass on what comes; ``browser`` is where a refusal goes, for what comes from there."""
        while data := await reader.read(65_536 if self._rate is None else max(1, int(self._rate * TICK))):
            if browser is not None and data.startswith(LIVE):
                if self.refused and data.startswith(self.refused):
                    browser.write(REFUSAL)
                    return
                self._writers |= {browser, writer}
            if writer not in self._writers or self._left is None:
                writer.write(data)
            else:
                part = data[: self._left]
                self._left -= len(part)
                writer.write(part)
                if self._left == 0:
                    self._abort()
                    return
            await writer.drain()
            if self._rate is not None and browser is None and writer in self._writers:
                await asyncio.sleep(TICK)

    async def _close(self) -> None:
        self._is_closing = True
        # No more are accepted, but the server stays open for now: one that it has accepted and not begun would be lost.
        for listener in self._server.sockets:
            self._loop.remove_reader(listener.fileno())
        for task in self._pairs:
            task.cancel()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        for end in self._ends:
            end.transport.abort()  # it may have more to write, to one that does not read
        self._server.close()
        await self._server.wait_closed()
