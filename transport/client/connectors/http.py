"""The HTTP connectors, long-polling and server-sent events: one line at a time, opened again whenever it is lost."""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Callable
from typing import Any, Unpack

from ....actors.words.close_codes import GOING_AWAY, NORMAL, is_final
from .backoff import Backoff
from .connector import Connector, Handler, Transport
from .dialing import Dialing, Route, dial
from .fields import Headers
from .http_connection import Connection, Ending
from .http_line import ClientLine
from .owner import owned, reason, said
from .runtimes import ClientRuntime, choose
from .url_options import HttpOptions
from .urls import Address

logger = logging.getLogger("nuphar.client")

WAIT = 25.0
"""Seconds that a poll waits for something to be there."""

FAREWELL = 0.5
"""Seconds that our last request may take."""

Serve = Callable[[ClientLine], Ending | None]


def long_polling(
    url: str, *, wait: float = WAIT, runtime: ClientRuntime | None = None, **options: Unpack[HttpOptions]
) -> Connector:
    """Return a connector for an ``http://`` or ``https://`` URL, the path of ``Live``.

    A poll waits for ``wait`` seconds; the options are those of `event_stream`. Raises: UsageError for another URL.
    """
    return _connector(url, lambda line: line.poll(wait), runtime, **options)


def event_stream(
    url: str, *, silence: float = 50.0, runtime: ClientRuntime | None = None, **options: Unpack[HttpOptions]
) -> Connector:
    """Return a connector that reads one long answer; ``silence`` seconds without a byte end it.

    Options: ``runtime``, ``backoff``, ``timeout`` (seconds that a request may take, 10), ``headers``, ``ssl_context``
    and ``proxy`` (see `Dialing`), ``chance`` (random, from 0 to 1). Raises: UsageError for another URL.
    """
    return _connector(url, lambda line: line.events(silence), runtime, **options)


def _connector(
    url: str,
    serve: Serve,
    runtime: ClientRuntime | None,
    *,
    backoff: Backoff | None = None,
    timeout: float = 10.0,
    headers: Headers = (),
    ssl_context: ssl.SSLContext | None = None,
    proxy: bool | str | None = True,
    chance: Callable[[], float] = random.random,
) -> Connector:
    dialing = Dialing(Address.of(url, "http"), headers, ssl_context, proxy, timeout)

    def connector(handler: Handler) -> Transport:
        link = _Link(dialing, serve, handler, runtime or choose(), backoff or Backoff(), chance)
        link.start()
        return Transport(link.send, link.close, link.pause, lambda: link.close(GOING_AWAY))

    return connector


class _Link:
    def __init__(
        self,
        dialing: Dialing,
        serve: Serve,
        handler: Handler,
        runtime: ClientRuntime,
        backoff: Backoff,
        chance: Callable[[], float],
    ) -> None:
        self._dialing = dialing
        self._serve = serve
        self._handler = handler
        self._runtime = runtime
        self._backoff = backoff
        self._chance = chance
        self._closed = runtime.event()
        self._opening: ClientLine | None = None
        self._line: ClientLine | None = None  # once it is open
        self._pause = 0.0

    def start(self) -> None:
        self._runtime.spawn(owned(self._run, self._is_over, self._handler.on_close))

    def send(self, frame: bytes) -> None:
        line = self._line
        if line is None:
            raise BrokenPipeError("there is no connection")
        line.send(frame)

    def pause(self, seconds: float) -> None:
        self._pause = seconds

    def close(self, code: int = NORMAL) -> None:
        self._closed.set()
        line = self._line
        if line is not None:
            line.say_goodbye(code, FAREWELL)
        if (opening := self._opening) is not None:
            opening.cut()

    def _is_over(self) -> bool:
        return self._closed.is_set() or self._dialing.home.is_foreign

    def _run(self) -> None:
        while not self._is_over():
            ending, why = None, ""
            try:
                ending = self._connection()
            except Exception as error:
                why = reason(error)
            if self._is_over():
                return
            if ending is not None and (ending[0] < 500 or is_final(ending[0])):
                self._closed.set()
                self._handler.on_close(*ending)
                return
            logger.info("no connection to %s: %s", self._dialing.address.netloc, why or ending or "the line is lost")
            delay = max(self._backoff.delay(self._chance()), self._pause * (1 + self._chance()))
            self._pause = 0.0
            self._closed.wait(delay)

    def _connection(self) -> Ending | None:
        """Serve one line, and return its end."""
        line: ClientLine | None = None
        was_open, why = False, "the line is over"
        posts = gets = None
        try:
            route = self._dialing.route()
            posts, gets = self._open(route), self._open(route)
            line = self._opening = self._line_on(route, posts, gets)
            ending = line.open()
            if ending is None and not self._closed.is_set():
                self._line, was_open = line, True
                self._runtime.spawn(line.post)
                self._handler.on_reconnect()
                ending = self._serve(line)
            if ending is not None:
                why = f"closed with {ending[0]}: {ending[1]}" if was_open else f"HTTP status {ending[0]}: {ending[1]}"
        except Exception as error:
            why = said(error)
            raise
        finally:
            self._line = self._opening = None
            if line is not None and posts is not None and gets is not None:
                line.cut()
                gets.close()
                if not was_open:
                    posts.close()
            if not self._closed.is_set():
                self._handler.on_fault(why)
            if was_open:
                self._handler.on_disconnect()
        return ending

    def _line_on(self, route: Route, posts: Connection, gets: Connection) -> ClientLine:
        address, is_relayed = route.address, route.proxy is not None and not route.address.is_secure
        fields = {"Host": address.netloc, **{_host(name): value for name, value in route.fields}}
        if is_relayed and route.proxy is not None:
            fields |= dict(route.proxy.fields)
        before = f"http://{address.netloc}" if is_relayed else ""  # a proxy is told the whole address

        def place(name: str, query: str) -> str:
            return before + address.below(name, query)

        return ClientLine(place, fields, posts, gets, self._runtime, self._receive, self._dialing.timeout)

    def _receive(self, frame: bytes) -> None:
        self._backoff.reset()
        self._handler.on_receive(frame)

    def _open(self, route: Route) -> Connection:
        def open_socket() -> Any:
            return dial(route, self._runtime, self._dialing.timeout, through=False)

        return Connection(route.address.host, route.address.port, open_socket, self._dialing.timeout)


def _host(name: str) -> str:
    """Have a Host of the program take the place of ours, however it is spelt."""
    return "Host" if name.lower() == "host" else name
