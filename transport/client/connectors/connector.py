"""The seam between a client and whatever carries its frames: a WebSocket, HTTP, memory, anything.

A *connector* is a function that takes the client's `Handler` and returns a `Transport`. It connects in the background,
and comes back by itself when the connection is lost.

>>> sent = []
>>> def connector(handler):
...     handler.on_reconnect()
...     return Transport(send=sent.append, close=lambda: None)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....actors.words.errors import UsageError


def _ignore(*_: Any) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Handler:
    """What a transport calls; from one greenlet or thread at a time.

    ``on_receive(frame)`` for each frame, ``on_reconnect()`` when the connection is established or restored,
    ``on_disconnect()`` when it is lost, ``on_close(code, reason)`` when the transport has given up for good.
    ``on_fault(why)``, in words for people, comes before ``on_disconnect``, and alone when a try to connect has failed.
    """

    on_receive: Callable[[bytes], Any]
    on_reconnect: Callable[[], Any]
    on_disconnect: Callable[[], Any]
    on_close: Callable[[int, str], Any] = _ignore
    on_fault: Callable[[str], Any] = _ignore


@dataclass(frozen=True)
class Transport:
    """What a client calls, from any greenlet or thread.

    ``send(frame)`` sends one frame, or raises OSError when there is no connection; ``close()`` ends it for good, and
    the session with it (close code 1000); ``pause(seconds)`` asks not to come back sooner than that after the next
    loss; ``leave()``, if there is one, ends the connection and keeps the session (1001), for a program that will come
    back after a restart; ``reopen()``, if there is one, ends the connection (1001) and makes another one at once, with
    what the connector's ``renew(headers, token)`` has been given; ``welcomed()`` says that the server has said Welcome.
    """

    send: Callable[[bytes], Any]
    close: Callable[[], Any]
    pause: Callable[[float], Any] = _ignore
    leave: Callable[[], Any] | None = None
    reopen: Callable[[], Any] | None = None
    welcomed: Callable[[], Any] = _ignore


Connector = Callable[[Handler], Transport]


def renewing(connector: Any) -> Callable[..., Any]:
    """Return a connector's ``renew(headers, token)``. Raises: UsageError for one that shows a server nothing."""
    renew: Callable[..., Any] | None = getattr(connector, "renew", None)
    if renew is None:
        raise UsageError(f"expected a connector with a method renew(headers, token), got {connector!r}")
    return renew
