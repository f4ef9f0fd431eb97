"""The tree of one server, to be read aloud. Children start from the top and stop from the bottom.

A stop ends the listener first (its socket stays open for those who have a line over HTTP); then every topic, each of
whose subscribers gets its final Acknowledge; then the sessions, the router; and then the connections say Bye, flush
and close. Why one_for_one: docs/design/tree.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...actors.routing.router import RouterActor
from ...actors.runtime.mailbox import Mailbox
from ...actors.runtime.ref import Ref
from ...actors.runtime.registry import Registry
from ...transport.server.connections import ConnectionsActor
from ...transport.server.gateway import Gateway
from ..otp.child_spec import INFINITY, ChildSpec, ChildType, worker
from ..otp.dynamic import DynamicSupervisor
from ..otp.policy import Restart, Strategy
from ..otp.supervisor import Supervisor
from .books import Books
from .listener import Listener, PywsgiServer

INTENSITY = 100
"""Restarts of the tree's own actors in `PERIOD`: a crash loop makes thousands, a chaos test a few a second."""

PERIOD = 10.0
"""Seconds."""

HIBERNATE = 5.0
"""Seconds: topics that nobody talks to give their greenlets back."""

# Seconds that each part gets to stop; together with those of the targets they stay below the five of Server.stop.
LISTENER, ROUTER, CONNECTIONS = 0.25, 0.25, 2.0


def children(books: Books) -> list[ChildSpec]:
    """Return the tree, in start order; the WSGI servers come last."""
    return [
        worker("connections", ConnectionsActor, books.gateway, books.retry_after, shutdown=CONNECTIONS),
        worker("router", RouterActor, books.kinds, books.sessions, books.hooks, books.gateway.clock, books.router,
               shutdown=ROUTER),
        dynamic("sessions", books.session_starts, books.own_store_specs),
        dynamic("topics", books.topic_starts, books.topic_specs),
        *(listener(name, wsgi, books.gateway) for name, wsgi in books.listening.items()),
    ]  # fmt: skip


def listener(name: str, wsgi: PywsgiServer, gateway: Gateway) -> ChildSpec:
    """Return the spec of an actor that holds a listening socket."""
    return worker(name, Listener, wsgi, gateway, shutdown=LISTENER)


def start(books: Books) -> Ref[Supervisor]:
    """Start the tree over ``books`` in the greenlet that calls, on its thread's hub."""
    return Supervisor.start_link(
        children(books),
        strategy=Strategy.ONE_FOR_ONE,
        intensity=INTENSITY,
        period=PERIOD,
        registry=Registry(),
        host=books.host,
        name="server",
    )


def dynamic(id: str, mailbox: Mailbox, running: Callable[[], Iterable[ChildSpec]]) -> ChildSpec:
    """Return the spec of a dynamic supervisor: ``running()`` is what its predecessor ran, ``mailbox`` outlives both."""

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return DynamicSupervisor.start_link(running, hibernate=HIBERNATE, mailbox=mailbox, monitor=monitor, name=id)

    return ChildSpec(id, start, Restart.PERMANENT, INFINITY, ChildType.SUPERVISOR)
