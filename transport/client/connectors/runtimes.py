"""What a client runs on: greenlets in a gevent program, plain threads elsewhere."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import gevent.event
import gevent.lock
import gevent.socket
from gevent import ssl as gevent_ssl
from gevent._hub_local import get_hub_if_exists

from ....actors.words.errors import UsageError


class Event(Protocol):
    """A flag to wait for."""

    def set(self) -> Any: ...

    def clear(self) -> Any: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> Any: ...


class ClientRuntime(Protocol):
    """The few things that differ."""

    def spawn(self, function: Callable[[], Any]) -> Any:
        """Run ``function`` beside us."""

    def event(self) -> Event: ...

    def lock(self) -> Any:
        """Return a lock with ``acquire(blocking)`` and ``release``."""

    def connect(self, address: tuple[str, int], timeout: float) -> Any:
        """Return a connected TCP socket."""

    def secure(self, sock: Any, context: ssl.SSLContext, host: str) -> Any:
        """Do the TLS handshake on a connected socket, which belongs to what is returned."""


class Greenlets:
    """For programs that run a gevent hub in this thread."""

    def spawn(self, function: Callable[[], Any]) -> Any:
        return gevent.spawn(function)

    def event(self) -> Event:
        event: Event = gevent.event.Event()
        return event

    def lock(self) -> Any:
        return gevent.lock.Semaphore()

    def connect(self, address: tuple[str, int], timeout: float) -> Any:
        return gevent.socket.create_connection(address, timeout)

    def secure(self, sock: Any, context: ssl.SSLContext, host: str) -> Any:
        # Not `context.wrap_socket`: a context of the standard library makes a socket that holds the whole hub, and
        # that is what gevent's own `create_default_context` returns, too, unless the program is patched.
        return gevent_ssl.SSLSocket(sock=sock, server_hostname=host, _context=context)


class Threads:
    """For programs without gevent; a daemon thread does the reading."""

    def spawn(self, function: Callable[[], Any]) -> Any:
        thread = threading.Thread(target=function, name="nuphar client", daemon=True)
        thread.start()
        return thread

    def event(self) -> Event:
        return threading.Event()

    def lock(self) -> Any:
        return threading.Lock()

    def connect(self, address: tuple[str, int], timeout: float) -> Any:
        return socket.create_connection(address, timeout)

    def secure(self, sock: Any, context: ssl.SSLContext, host: str) -> Any:
        return context.wrap_socket(sock, server_hostname=host)


def choose(name: str = "auto") -> ClientRuntime:
    """Return ``greenlets`` or ``threads``; ``auto`` takes greenlets where this thread has a gevent hub.

    Raises: UsageError for another name.
    """
    if name not in ("auto", "greenlets", "threads"):
        raise UsageError(f"runtime: expected auto, greenlets or threads, got {name!r}")
    if name == "threads" or (name == "auto" and get_hub_if_exists() is None):
        return Threads()
    return Greenlets()
