"""What a client runs on: greenlets in a gevent program, plain threads elsewhere.

gevent is loaded for greenlets only (``greenlets.py``).
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from ....actors.words.errors import UsageError


class Signal(Protocol):
    """A flag to wait for."""

    def set(self) -> Any: ...

    def clear(self) -> Any: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> Any: ...


class ClientRuntime(Protocol):
    """The few things that differ."""

    def spawn(self, function: Callable[[], Any]) -> Any:
        """Run ``function`` beside us."""

    def event(self) -> Signal: ...

    def lock(self) -> Any:
        """Return a lock with ``acquire(blocking)`` and ``release``."""

    def connect(self, address: tuple[str, int], timeout: float) -> Any:
        """Return a connected TCP socket."""

    def secure(self, sock: Any, context: ssl.SSLContext, host: str) -> Any:
        """Do the TLS handshake on a connected socket, which belongs to what is returned."""


class ThreadRuntime:
    """A `ClientRuntime` for programs without gevent; a daemon thread does the reading."""

    def spawn(self, function: Callable[[], Any]) -> Any:
        thread = threading.Thread(target=function, name="nuphar client", daemon=True)
        thread.start()
        return thread

    def event(self) -> Signal:
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
    if name == "threads" or (name == "auto" and not _has_hub()):
        return ThreadRuntime()
    from .greenlets import GreenletRuntime

    return GreenletRuntime()


def _has_hub() -> bool:
    """Say whether this thread runs a gevent hub; a program that has not loaded gevent has none."""
    gevents = sys.modules.get("gevent._hub_local")
    return gevents is not None and gevents.get_hub_if_exists() is not None
