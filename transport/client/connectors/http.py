"""The HTTP connectors, long-polling and server-sent events: one line at a time, opened again whenever it is lost."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from typing import Any, Unpack

from ....actors.words.quantities import check_seconds
from .backoff import ReconnectBackoff
from .credentials import Credentials, Token
from .dialing import Dialing, Route, dial
from .ended import CLOSED_HERE, FAREWELL, ConnectionEnd
from .fields import HeaderOption
from .http_connection import HttpConnection
from .http_line import ClientLine
from .link import Link, LinkConnector
from .runtimes import ClientRuntime
from .url_options import HttpOptions
from .urls import Address

POLL_WAIT = 25.0
"""Seconds that a poll waits for something to be there."""

Serve = Callable[[ClientLine], ConnectionEnd | None]


def long_polling(
    url: str, *, wait: float = POLL_WAIT, runtime: ClientRuntime | None = None, **options: Unpack[HttpOptions]
) -> LinkConnector:
    """Return a connector for an ``http://`` or ``https://`` URL, the path of ``Live``.

    A poll waits for ``wait`` seconds; the options are those of `event_stream`. Raises: UsageError for another URL.
    """
    check_seconds("wait", wait)
    return _connector(url, lambda line: line.poll(wait), runtime, **options)


def event_stream(
    url: str, *, silence: float = 50.0, runtime: ClientRuntime | None = None, **options: Unpack[HttpOptions]
) -> LinkConnector:
    """Return a connector that reads one long answer; ``silence`` seconds without a byte end it.

    Options: ``runtime``, ``backoff``, ``timeout`` (seconds that a request may take, 10), ``headers``, ``token``,
    ``ssl_context`` and ``proxy`` (see `Dialing`), ``chance`` (random, from 0 to 1). Raises: UsageError for another URL.
    """
    check_seconds("silence", silence)
    return _connector(url, lambda line: line.events(silence), runtime, **options)


def _connector(
    url: str,
    serve: Serve,
    runtime: ClientRuntime | None,
    *,
    backoff: ReconnectBackoff | None = None,
    timeout: float = 10.0,
    headers: HeaderOption | Credentials = (),
    ssl_context: ssl.SSLContext | None = None,
    proxy: bool | str | None = True,
    chance: Callable[[], float] = random.random,
    token: Token = None,
) -> LinkConnector:
    dialing = Dialing(Address.of(url, "http"), headers, ssl_context, proxy, timeout, token)
    return LinkConnector(lambda link: _Connection(link, dialing, serve), dialing, runtime, backoff, chance)


class _Connection:
    """One line: a `link.Attempt`."""

    def __init__(self, link: Link, dialing: Dialing, serve: Serve) -> None:
        self._link = link
        self._dialing = dialing
        self._serve = serve
        self._opening: ClientLine | None = None
        self._line: ClientLine | None = None  # once it is open

    def serve(self) -> ConnectionEnd:
        route = self._dialing.route()
        posts, gets = self._open(route), self._open(route)
        line = self._opening = self._line_on(route, posts, gets)
        try:
            return self._talk(line) or ConnectionEnd(0, "the line is over")
        finally:
            was_open = self._line is not None
            self._line = self._opening = None
            line.cut()
            gets.close()
            if not was_open:  # else they are closed by who posts
                posts.close()

    def send(self, frame: bytes) -> None:
        line = self._line
        if line is None:
            raise BrokenPipeError("there is no connection")
        line.send(frame)

    def close(self, code: int) -> None:
        if (line := self._line) is not None:
            line.say_goodbye(code, FAREWELL)
        if (opening := self._opening) is not None:
            opening.cut()

    def _talk(self, line: ClientLine) -> ConnectionEnd | None:
        if self._link.is_unwanted:
            return CLOSED_HERE
        if (refused := line.open()) is not None:
            return refused
        self._line = line
        self._link.runtime.spawn(line.post)
        return self._serve(line) if self._link.opened() else CLOSED_HERE

    def _line_on(self, route: Route, posts: HttpConnection, gets: HttpConnection) -> ClientLine:
        address, is_relayed = route.address, route.proxy is not None and not route.address.is_secure
        fields = {"Host": address.netloc, **{_host(name): value for name, value in route.fields}}
        if is_relayed and route.proxy is not None:
            fields |= dict(route.proxy.fields)
        before = f"http://{address.netloc}" if is_relayed else ""  # a proxy is told the whole address

        def place(name: str, query: str) -> str:
            return before + address.below(name, query)

        return ClientLine(place, fields, posts, gets, self._link.runtime, self._link.received, self._dialing.timeout)

    def _open(self, route: Route) -> HttpConnection:
        def open_socket() -> Any:
            return dial(route, self._link.runtime, self._dialing.timeout, through=False)

        return HttpConnection(route.address.host, route.address.port, open_socket, self._dialing.timeout)


def _host(name: str) -> str:
    """Have a Host of the program take the place of ours, however it is spelt."""
    return "Host" if name.lower() == "host" else name
