"""The inspector: a read-only HTTP endpoint with the live tree and the counters, for ``nuphar top`` and for scripts.

Off unless the option ``inspect`` names an address. It shows names of topics and client ids, so it binds to loopback or
to a Unix socket only, and answers no request whose Host is another name (a page elsewhere cannot read it by DNS
rebinding). Each of several workers has its own: the first at the address, the others at the next ones that are free.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from gevent.pywsgi import WSGIServer

from ...actors.words.errors import CannotListen
from ...transport.server.addresses import url_of
from .live_tree import Node
from .loopback import UNIX, is_local, listen_near

logger = logging.getLogger("nuphar.supervision")


class Inspected(Protocol):
    """What the inspector shows."""

    def tree(self) -> Node: ...

    def stats(self) -> dict[str, Any]: ...


def inspector(server: Inspected, address: str) -> WSGIServer | None:
    """Return a WSGI server, bound and not started, for ``127.0.0.1:port``, ``unix:/path`` or the next free one.

    None if there is none to be had: the log says so, and the application goes on without.
    Raises: UsageError for an address that others could reach.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not address.startswith(UNIX) and not is_local(environ.get("HTTP_HOST", "")):
            return _answer(start_response, "403 Forbidden", {"error": "expected a loopback address as Host"})
        if environ["REQUEST_METHOD"] != "GET":
            return _answer(start_response, "405 Method Not Allowed", {"error": "expected GET"})
        if environ["PATH_INFO"] != "/":
            return _answer(start_response, "404 Not Found", {"error": "there is only /"})
        shown = {"process": os.getpid(), "tree": server.tree().as_dict(), "stats": server.stats()}
        return _answer(start_response, "200 OK", shown)

    try:
        listening = listen_near(address)
    except CannotListen as error:
        logger.warning("there is no inspector: %s", error)
        return None
    logger.info("the inspector of process %d listens at %s", os.getpid(), url_of(listening.getsockname()))
    return WSGIServer(listening, app, log=None)


def _answer(start_response: Callable[..., Any], status: str, value: object) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
