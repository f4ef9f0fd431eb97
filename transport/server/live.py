"""The WSGI middleware: what comes under our path is ours, the rest is the application's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol

from ...actors.runtime.hooks import Hook, ServerHooks
from ...actors.words.errors import NotRunning, UsageError
from ..wire.entity_tags import matches
from ..wire.origin import Origins
from ..wire.upgrade import Decline
from .borrowing import Borrowing
from .connection import Connection, close_newcomer
from .gateway import Gateway
from .http.judge import PATHS
from .http.lines import MOST_LINES, Lines
from .http.requests import Admitted, HttpLines
from .identifying import AnswerHeaders, Known, Outage, TurnedAway, identify
from .rate_book import Visit
from .request_thread import REFUSAL, can_serve
from .wsgi_handler import LAST, UPGRADE
from .wsgi_types import App, Environ, StartResponse

ON_EXIT = "nuphar.on_exit"
"""The key under which a WSGI server lets us hear of its end: a function that takes a callback."""

ASSETS = {
    "nuphar.js": "text/javascript; charset=utf-8",
    "nuphar.classic.js": "text/javascript; charset=utf-8",
    "nuphar-worker.js": "text/javascript; charset=utf-8",
    "nuphar.d.ts": "text/plain; charset=utf-8",
}
"""The browser client, served by the package itself so that both ends always match."""

_NO_UPGRADE = (
    "this WSGI server hands on no WebSockets: run nuphar.serve(), gevent's WSGIServer with "
    "handler_class=nuphar.transport.handler.WSGIHandler, or gunicorn -k nuphar.transport.gunicorn.Worker"
)


class LiveHost(Protocol):
    """What the middleware needs of a server."""

    gateway: Gateway
    origins: Origins
    hooks: ServerHooks

    @property
    def identify(self) -> Hook | None:
        """The hook that says who a client is, if there is one."""

    @property
    def hub(self) -> Any:
        """The hub that it runs on, None before the start."""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, and everybody was told."""

    def ensure_started(self) -> bool:
        """Start the server, in the process and thread that serves, if nobody has; True if this call did.

        Waits for a start that is under way: the first requests come together.
        Raises: NotRunning if it has been stopped.
        """

    def stop(self) -> None:
        """Stop the server."""


class Live:
    """``Live(server, app, path="/live")`` is a WSGI application.

    WebSockets are served at ``path``, the same protocol over HTTP at ``path/send``, ``path/poll`` and ``path/events``
    for at most ``lines`` clients, the browser client at ``path/nuphar.js``. The server is started with the first
    request if it was not, so it may be made before a WSGI server forks its workers. A server that answers requests in
    threads is refused, in a sentence, with 501 for every request.
    """

    def __init__(
        self, server: LiveHost, app: App | None = None, path: str = "/live", *, lines: int = MOST_LINES
    ) -> None:
        if not hasattr(server, "gateway"):
            raise UsageError(f"expected a nuphar.Server, got {server!r}")
        if not isinstance(path, str) or not path.startswith("/") or path.rstrip("/") == "":
            raise UsageError(f"expected a path like '/live', got {path!r}")
        if app is not None and not callable(app):
            raise UsageError(f"expected a WSGI application or None, got {app!r}")
        self._server = server
        self._app = None if app is None else Borrowing(app)
        self._path = path.rstrip("/")
        self._http = HttpLines(Lines(lines))
        self._served_by = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not can_serve(self._server.hub, environ):
            return _text(start_response, "501 Not Implemented", REFUSAL)
        try:
            self._server.ensure_started()
        except NotRunning:
            if self._server.hub is None:
                raise
            # It has stopped: a connection that was kept alive gets its answer all the same.
        if self._server.has_ended and LAST in environ:
            environ[LAST]()  # a connection that was kept alive: nobody new is let in any more
        if ON_EXIT in environ and self._served_by != (process := os.getpid()):
            # Whoever started it, maybe before this process was forked: who serves ends it.
            self._served_by = process
            environ[ON_EXIT](self._server.stop)
        path = environ.get("PATH_INFO", "")
        if path == self._path:
            return self._websocket(environ, start_response)
        if path.startswith(self._path + "/"):
            name = path[len(self._path) + 1 :]
            if name in PATHS:
                return self._lines(name, environ, start_response)
            return self._asset(name, environ, start_response)
        if self._app is None:
            return _text(start_response, "404 Not Found", "there is nothing here")
        return self._app(environ, start_response)

    def _websocket(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        upgrade = environ.get(UPGRADE)
        if upgrade is None:
            return _text(start_response, "501 Not Implemented", _NO_UPGRADE)
        gateway = self._server.gateway
        visit = gateway.enter(environ)
        if isinstance(visit, Decline):
            return visit.respond(start_response)
        try:
            return self._upgrade(upgrade, environ, start_response, visit)
        finally:
            if visit is not None:
                visit.leave(gateway.clock())

    def _upgrade(
        self, upgrade: Callable[..., Any], environ: Environ, start_response: StartResponse, visit: Visit | None
    ) -> Iterable[bytes]:
        gateway = self._server.gateway
        who: Known | TurnedAway | Outage = Known(None)

        def admit() -> Decline | AnswerHeaders:
            nonlocal who
            who = self._identify(environ)
            if isinstance(who, Outage) or (isinstance(who, TurnedAway) and "HTTP_ORIGIN" not in environ):
                return who.refuse()
            return () if isinstance(who, TurnedAway) else who.headers  # no page sees the status of an upgrade

        socket = upgrade(self._server.origins, limits=gateway.limits, host=gateway.host, admit=admit)
        if isinstance(socket, Decline):
            return socket.respond(start_response)
        if isinstance(who, Known):
            Connection(socket, gateway, who.identity, visit).run()
        elif isinstance(who, TurnedAway):
            close_newcomer(socket, who.code, who.text, who.close_code)
        return []

    def _lines(self, name: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        gateway, origins = self._server.gateway, self._server.origins

        def admit(visit: Visit | None) -> Decline | Admitted:
            who = self._identify(environ)
            if not isinstance(who, Known):
                return who.refuse()
            return Admitted(lambda line: Connection(line, gateway, who.identity, visit), who.headers)

        return self._http(name, environ, start_response, gateway, origins, admit)

    def _identify(self, environ: Environ) -> Known | TurnedAway | Outage:
        server = self._server
        return identify(server.identify, environ, server.hooks.timeout, server.gateway.host)

    def _asset(self, name: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        kind = ASSETS.get(name)
        if kind is None:
            return _text(start_response, "404 Not Found", "there is nothing here")
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _text(start_response, "405 Method Not Allowed", "expected GET or HEAD", ("Allow", "GET, HEAD"))
        body, tag = asset(name)
        headers = [
            ("ETag", tag),
            ("Cache-Control", "no-cache"),
            ("Content-Type", kind),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if matches(environ.get("HTTP_IF_NONE_MATCH", ""), tag):
            start_response("304 Not Modified", headers)
            return []
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


@lru_cache
def asset(name: str) -> tuple[bytes, str]:
    """Return one of `ASSETS` and its entity tag."""
    body = files("nuphar.transport").joinpath("js", "dist", name).read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _text(start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers]
    )
    return [body]
