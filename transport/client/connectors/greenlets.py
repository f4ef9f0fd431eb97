"""A client on greenlets, where a gevent hub runs: the only module of the connectors that loads gevent."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import gevent.lock
import gevent.socket
from gevent import ssl as gevent_ssl


class GreenletRuntime:
    """A `ClientRuntime` for programs that run a gevent hub in this thread."""

    def spawn(self, function: Callable[[], Any]) -> Any:
        return gevent.spawn(function)

    def event(self) -> Any:
        return gevent.event.Event()

    def lock(self) -> Any:
        return gevent.lock.Semaphore()

    def connect(self, address: tuple[str, int], timeout: float) -> Any:
        return gevent.socket.create_connection(address, timeout)

    def secure(self, sock: Any, context: ssl.SSLContext, host: str) -> Any:
        # Not `context.wrap_socket`: a context of the standard library makes a socket that holds the whole hub, and
        # that is what gevent's own `create_default_context` returns, too, unless the program is patched.
        return gevent_ssl.SSLSocket(sock=sock, server_hostname=host, _context=context)
