"""What runs in the process of a process child: one actor, its messages from a socket, and an eye on the parent.

Started by `nuphar.supervision.process`: ``python -m nuphar.supervision.process_main FD NAME MODULE:CLASS``.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.socket
import pykka
from gevent.hub import get_hub
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original
from pykka._envelope import Envelope

from ..actors.actor import Actor, Ignore, Ref
from ..actors.errors import Busy, LocalProtocolError, RemoteProtocolError, UsageError
from ..actors.exits import Crashed, Reason, Shutdown
from ..actors.future import LONGEST_WAIT, Future
from ..actors.mailbox import get_ident
from ..actors.runtime import start_new_thread
from ..transport.packets import Packet, Packets, dump_body, pack
from .naming import find
from .os_process import restore_environment
from .process_protocol import Kind, dump_error, dump_reason

ORPHANED = 0.8
"""Seconds that an actor gets to stop when its parent is gone."""

LOOK = 500
"""Milliseconds between two looks at who our parent is: a fork of the parent may hold its end of the socket open."""

FULL = 0.005
"""Seconds between two tries to put a message into a full mailbox; meanwhile nothing is read, and the sender waits."""

CHUNK = 64 * 1024  # bytes

sleep: Callable[[float], None] = get_original("time", "sleep")
poll: Callable[[], Any] = get_original("select", "poll")


class Answer(pykka.Future[Any]):
    """Where an actor's answer goes: to the parent, by its number."""

    def __init__(self, line: Line, number: int) -> None:
        super().__init__()
        self._line = line
        self._number = number

    def set(self, value: Any | None = None) -> None:
        """Send the answer, or why it cannot be sent."""
        try:
            body = dump_body(value)
        except LocalProtocolError as error:
            self.set_exception((type(error), error, None))
        else:
            self._line.send(Kind.ANSWER, self._number, body)

    def set_exception(self, exc_info: Any = None) -> None:
        """Send the error; nothing about a dead actor, for the parent knows that itself."""
        _, error, _ = exc_info or sys.exc_info()
        if not isinstance(error, pykka.ActorDeadError):
            self._line.send(Kind.REFUSED, self._number, dump_body(dump_error(error)))
