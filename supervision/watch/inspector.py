"""The inspector: a read-only HTTP endpoint with the live tree and the counters, for ``nuphar top`` and for scripts.

Off unless the option ``inspect`` names an address. It shows names of topics and client ids, so it binds to loopback or
to a Unix socket only, and answers no request whose Host is another name (a page elsewhere cannot read it by DNS
rebinding).
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import stat
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from gevent import socket as gevent_socket
from gevent.pywsgi import WSGIServer

from ...actors.words.errors import UsageError
from .live_tree import Node

UNIX = "unix:"


class Inspected(Protocol):
    """What the inspector shows."""

    def tree(self) -> Node: ...

    def stats(self) -> dict[str, Any]: ...


def inspector(server: Inspected, address: str) -> WSGIServer:
    """Return a WSGI server, bound and not started, for ``127.0.0.1:port`` or ``unix:/path``.

    Raises: UsageError for an address that others could reach; OSError if it cannot be bound.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not address.startswith(UNIX) and not _is_local(environ.get("HTTP_HOST", "")):
            return _answer(start_response, "403 Forbidden", {"error": "expected a loopback address as Host"})
        if environ["REQUEST_METHOD"] != "GET":
            return _answer(start_response, "405 Method Not Allowed", {"error": "expected GET"})
        if environ["PATH_INFO"] != "/":
            return _answer(start_response, "404 Not Found", {"error": "there is only /"})
        return _answer(start_response, "200 OK", {"tree": server.tree().as_dict(), "stats": server.stats()})

    return WSGIServer(_listen(address), app, log=None)


def _answer(start_response: Callable[..., Any], status: str, value: object) -> Iterable[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _listen(address: str) -> Any:
    if address.startswith(UNIX):
        return _listen_unix(address[len(UNIX) :])
    host, _, port = address.rpartition(":")
    if not _is_local(host) or not port.isdigit():
        raise UsageError(f"option inspect: expected 127.0.0.1:port, [::1]:port or unix:/path, got {address!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = gevent_socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]").replace("localhost", "127.0.0.1"), int(port)))
        listening.listen(16)
    except OSError:
        listening.close()
        raise
    return listening


def _listen_unix(path: str) -> Any:
    listening = gevent_socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)  # left by a predecessor: nothing listens on a name of its own
        listening.bind(path)
        os.chmod(path, 0o600)
        listening.listen(16)
    except OSError:
        listening.close()
        raise
    return listening


def _is_local(host: str) -> bool:
    """Say whether a host, with or without a port, is this machine's loopback by its own name.

    >>> _is_local("127.0.0.1:9000"), _is_local("[::1]:9000"), _is_local("localhost"), _is_local("example.org")
    (True, True, True, False)
    """
    name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
