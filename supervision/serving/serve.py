"""``nuphar.serve``: gevent's WSGI server with WebSockets and the browser client, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict, Unpack

import gevent
from gevent import socket as gevent_socket
from gevent.event import Event

from ...actors.words.errors import UnknownOption, UsageError
from ...transport.server.addresses import cannot_listen, url_of
from ...transport.server.live import Live
from ...transport.server.wsgi_handler import WSGIHandler
from ...transport.server.wsgi_server import WSGIServer
from ...transport.server.wsgi_types import App
from ..root.server import Server
from .collector import what_survives_stays

logger = logging.getLogger("nuphar.supervision")

BACKLOG = 1024
"""Connections that may wait to be accepted: clients that all come back after a restart do so at once."""


class WSGIOptions(TypedDict, total=False):
    """What `serve` hands on to gevent's ``WSGIServer``."""

    ca_certs: str
    cert_reqs: int
    certfile: str
    environ: dict[str, Any]
    error_log: Any
    keyfile: str
    log: Any
    spawn: Any
    ssl_context: ssl.SSLContext


WSGI_OPTIONS = frozenset(WSGIOptions.__annotations__)
"""What `serve` hands on; gevent itself would take any other word for an option of TLS."""


def serve(
    server: Server,
    app: App | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    path: str = "/live",
    listener: Any = None,
    on_start: Callable[[str], None] | None = None,
    stop_timeout: float = 5.0,
    **wsgi: Unpack[WSGIOptions],
) -> None:
    """Serve ``app`` with ``server`` under ``path``, and block until SIGINT, SIGTERM or ``server.stop()``.

    ``listener`` is a bound, listening socket to use instead of ``host`` and ``port`` (0 takes any free port);
    ``on_start(url)`` is called when connections are accepted, with ``http://host:port`` (https with TLS) or
    ``unix:/path``; ``wsgi`` goes to gevent's ``WSGIServer`` (keyfile, certfile, log). The server is stopped at the
    end, in at most ``stop_timeout`` seconds, whoever started it.
    Raises: CannotListen (an OSError) if the address cannot be bound, NotRunning if the server has been stopped.
    """
    if not isinstance(server, Server):
        raise UsageError(f"expected a nuphar.Server, got {server!r}")
    if listener is None and (not isinstance(host, str) or type(port) is not int or not 0 <= port < 65_536):
        raise UsageError(f"expected a host as text and a port from 0 to 65535, got {host!r} and {port!r}")
    if on_start is not None and not callable(on_start):
        raise UsageError(f"on_start: expected a function of the URL, got {on_start!r}")
    if unknown := sorted(wsgi.keys() - WSGI_OPTIONS):
        raise UnknownOption(f"unknown option {unknown}; WSGIServer takes {sorted(WSGI_OPTIONS)}")
    live = Live(server, app, path)
    wsgi.setdefault("log", None)
    # Bound here, so that an address in use is the caller's exception and not a crash in the tree.
    listening = listen(host, port) if listener is None else listener
    wsgi_server = WSGIServer(listening, live, handler_class=WSGIHandler, **wsgi)
    over = Event()
    try:
        server.ensure_started()
        server.listen(wsgi_server)
    except BaseException:
        listening.close()
        raise
    server.on_end(over.set)
    with on_signals({signal.SIGINT: over.set, signal.SIGTERM: over.set}), what_survives_stays():
        try:
            if on_start is not None:
                scheme = "https" if wsgi_server.ssl_enabled else "http"
                address = listening.getsockname()
                on_start(url_of(address if listener is not None else (host, address[1]), scheme))
            over.wait()
        except KeyboardInterrupt:
            pass
        finally:
            server.stop(stop_timeout)


def listen(host: str, port: int, shared: bool = False) -> Any:
    """Return a bound, listening gevent socket; ``shared`` with those of other processes (SO_REUSEPORT).

    Raises: CannotListen, when no socket is left open.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = gevent_socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise cannot_listen((host, port), error) from error
    return listening


@contextmanager
def on_signals(actions: Mapping[signal.Signals, Callable[[], Any]]) -> Iterator[None]:
    """Do each action on its signal; only the main thread hears of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in actions}
    watches = [gevent.signal_handler(number, action) for number, action in actions.items()]
    try:
        yield
    finally:
        for watch, (number, handler) in zip(watches, before.items(), strict=True):
            watch.cancel()
            signal.signal(number, handler)  # libev leaves the system's default behind
