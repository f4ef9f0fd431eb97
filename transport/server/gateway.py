"""What every connection of one server shares, and how all of them end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...actors.runtime.host import GEVENT, Host
from ...actors.sessions.answers import WINDOW
from ...actors.sessions.membership import HELD
from ...actors.sessions.reception import Reception
from ...actors.sessions.sessions import Sessions
from ..wire.codec import Codec
from ..wire.peer_address import Proxies
from ..wire.upgrade import Decline
from .limits import Limits
from .rate_book import RateBook, TurnedAway, Visit
from .tidings import tell_refused


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
    rates: RateBook | None = None
    """What clients may do; None for no limits."""
    proxies: Proxies = Proxies(())  # noqa: RUF009 (it does not change)
    """Whose word about the address of a client is believed."""
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

    def enter(self, environ: Mapping[str, Any]) -> Visit | Decline | None:
        """Let a connection in as far as limits go, before anything is made for it; None if there are none."""
        if self.rates is None:
            return None
        visit = self.rates.enter(self.clock(), self.proxies.address(environ))
        if not isinstance(visit, TurnedAway):
            return visit
        tell_refused(self.proxies.address(environ), "503")
        headers = (("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", str(visit.seconds)))
        return Decline("503 Service Unavailable", visit.text, headers, visit.text)

    def nobody(self) -> Visit | None:
        """Return the visit of a client that has no address, None if there are no limits."""
        return None if self.rates is None else self.rates.nobody()

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
