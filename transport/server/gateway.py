"""What every connection of one server shares, and how all of them end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...actors.runtime.host import GEVENT, Host
from ...actors.sessions.answers import WINDOW
from ...actors.sessions.membership import HELD
from ...actors.sessions.reception import Reception
from ...actors.sessions.sessions import Sessions
from ..wire.codec import Codec
from .limits import Limits


class Connected(Protocol):
    """A live connection, as whoever watches over all of them sees it; nothing here waits."""

    def tick(self, now: float) -> None:
        """Do what is due at ``now``, in the host's seconds."""

    def say_bye(self, reason: str, retry_after: float) -> None:
        """Say that the end is planned, and close after everything that was written before."""

    def abort(self) -> None:
        """End it now."""


@dataclass(eq=False)
class Gateway:
    """What every connection of one server shares."""

    codec: Codec
    sessions: Sessions
    limits: Limits
    reception: Reception
    host: Host = GEVENT
    connections: set[Connected] = field(default_factory=set)
    lines: set[Any] = field(default_factory=set)
    """Those over HTTP: their clients come back with each request, perhaps on a new connection of TCP."""
    doors: list[Callable[[], Any]] = field(default_factory=list)
    """What closes the listening sockets that lines still need when the server stops."""
    is_closing: bool = False
    """Whether nobody new is let in."""
    has_stopped: bool = False
    """Whether everybody has been told that the server stops: an application's own WSGI server may go on accepting."""

    @property
    def clock(self) -> Callable[[], float]:
        """The host's clock: monotonic seconds."""
        return self.host.clock

    def named_limits(self) -> dict[str, int]:
        """Return what a Welcome says that a client has to keep to."""
        most = self.sessions.subscriptions
        return {"message": self.limits.message, "subscriptions": most, "held": HELD, "window": WINDOW}

    def abort_all(self) -> None:
        """End every connection now, and take no other: nobody serves them any more."""
        self.has_stopped = self.is_closing = True
        for connection in list(self.connections):
            connection.abort()
        self.shut_doors()

    def shut_doors(self) -> None:
        """Listen no more, and forget the lines that were told their end."""
        for line in list(self.lines):
            line.end()
        while self.doors:
            self.doors.pop()()
