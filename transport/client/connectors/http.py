"""The HTTP connectors, long-polling and server-sent events: one line at a time, opened again whenever it is lost."""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from gevent import ssl as gevent_ssl

from ....actors.words.errors import RemoteProtocolError, UsageError
from .backoff import Backoff
from .connector import Connector, Handler, Transport
from .http_line import ClientLine, Connection, Ending
from .runtimes import ClientRuntime, Greenlets, choose

logger = logging.getLogger("nuphar.client")

FAREWELL = 0.5
"""Seconds that our last request may take."""

SESSION_GONE = 4404
"""The close code in 4400 to 4499 after which a new session may begin; the others are for good (docs/wire.md)."""

DONE, GOING_AWAY = 1000, 1001
"""Close codes of ours: the session ends, or it is kept."""

Serve = Callable[[ClientLine], Ending | None]


def long_polling(url: str, *, wait: float = 25.0, **options: Any) -> Connector:
    """Return a connector for an ``http://`` or ``https://`` URL, the path of ``Live``.

    A poll waits for ``wait`` seconds; the options are those of `event_stream`. Raises: UsageError for another URL.
    """
    return _connector(url, lambda line: line.poll(wait), **options)


def event_stream(url: str, *, silence: float = 50.0, **options: Any) -> Connector:
    """Return a connector that reads one long answer; ``silence`` seconds without a byte end it.

    Options: ``runtime``, ``backoff``, ``timeout`` (seconds that a request may take, 10), ``headers`` (pairs),
    ``chance`` (random, from 0 to 1). Raises: UsageError for another URL.
    """
    return _connector(url, lambda line: line.events(silence), **options)


def _connector(
    url: str,
    serve: Serve,
    *,
    runtime: ClientRuntime | None = None,
    backoff: Backoff | None = None,
    timeout: float = 10.0,
    headers: tuple[tuple[str, str], ...] = (),
    chance: Callable[[], float] = random.random,
) -> Connector:
    parts = urlsplit(url)
    try:
        has_port = parts.port is None or parts.port > 0
    except ValueError:  # beyond 65535
        has_port = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port or parts.query:
        raise UsageError(f"expected a URL like http://127.0.0.1:8000/live, got {url!r}")

    def connector(handler: Handler) -> Transport:
        link = _Link(url, serve, handler, runtime or choose(), backoff or Backoff(), timeout, dict(headers), chance)
        link.start()
        return Transport(link.send, link.close, link.pause, lambda: link.close(GOING_AWAY))

    return connector


class _Link:
    def __init__(
        self,
        url: str,
        serve: Serve,
        handler: Handler,
        runtime: ClientRuntime,
        backoff: Backoff,
        timeout: float,
        headers: dict[str, str],
        chance: Callable[[], float],
    ) -> None:
        self._url = urlsplit(url)
        self._serve = serve
        self._handler = handler
        self._runtime = runtime
        self._backoff = backoff
        self._timeout = timeout
        self._headers = headers
        self._chance = chance
        self._closed = runtime.event()
        self._opening: ClientLine | None = None
        self._line: ClientLine | None = None  # once it is open
        self._pause = 0.0

    def start(self) -> None:
        self._runtime.spawn(self._run)

    def send(self, frame: bytes) -> None:
        line = self._line
        if line is None:
            raise BrokenPipeError("there is no connection")
        line.send(frame)

    def pause(self, seconds: float) -> None:
        self._pause = seconds

    def close(self, code: int = DONE) -> None:
        self._closed.set()
        line = self._line
        if line is not None:
            line.say_goodbye(code, FAREWELL)
        if (opening := self._opening) is not None:
            opening.cut()

    def _run(self) -> None:
        while not self._closed.is_set():
            ending, why = None, ""
            try:
                ending = self._connection()
            except (OSError, HTTPException, RemoteProtocolError) as error:
                why = str(error)
            if self._closed.is_set():
                return
            if ending is not None and (ending[0] < 500 or 4400 <= ending[0] < 4500) and ending[0] != SESSION_GONE:
                self._closed.set()
                self._handler.on_close(*ending)
                return
            logger.info("no connection to %s: %s", self._url.netloc, why or ending or "the line is lost")
            delay = max(self._backoff.delay(self._chance()), self._pause * (1 + self._chance()))
            self._pause = 0.0
            self._closed.wait(delay)

    def _connection(self) -> Ending | None:
        """Serve one line, and return its end."""
        posts, gets = self._open(), self._open()
        line = ClientLine(
            self._url.path.rstrip("/"), self._headers, posts, gets, self._runtime, self._receive, self._timeout
        )
        self._opening, why = line, "the line is over"
        try:
            ending = line.open()
            if ending is None and not self._closed.is_set():
                self._line = line
                self._runtime.spawn(line.post)
                self._handler.on_reconnect()
                ending = self._serve(line)
        except (OSError, HTTPException, RemoteProtocolError) as error:
            why = str(error)
            raise
        finally:
            was_open, self._line, self._opening = self._line is not None, None, None
            line.cut()
            gets.close()
            if not was_open:
                posts.close()
            if not self._closed.is_set():
                self._handler.on_fault(why)
            if was_open:
                self._handler.on_disconnect()
        return ending

    def _receive(self, frame: bytes) -> None:
        self._backoff.reset()
        self._handler.on_receive(frame)

    def _open(self) -> Connection:
        secure, host = self._url.scheme == "https", self._url.hostname
        assert host is not None
        port = self._url.port or (443 if secure else 80)

        def open_socket() -> Any:
            sock = self._runtime.connect((host, port), self._timeout)
            if not secure:
                return sock
            module: Any = gevent_ssl if isinstance(self._runtime, Greenlets) else ssl
            try:
                return module.create_default_context().wrap_socket(sock, server_hostname=host)
            except OSError:
                sock.close()
                raise

        return Connection(host, port, open_socket, self._timeout)
