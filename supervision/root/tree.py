"""The tree of one server, to be read aloud. Children start from the top and stop from the bottom.

A stop ends the listener first; then every topic, each of whose subscribers gets its final Acknowledge; then the
sessions, then the router; and then the connections say Bye, flush and close. Why one_for_one: docs/design/tree.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...actors.routing.own_stores import OwnStore
from ...actors.routing.router import RouterActor
from ...actors.routing.topics import Topic
from ...actors.runtime.mailbox import Mailbox
from ...actors.runtime.ref import Ref
from ...actors.runtime.registry import Registry
from ...actors.targets.target import Target
from ...actors.targets.target_actor import TargetActor
from ...transport.server.connections import ConnectionsActor
from ..otp.child_spec import INFINITY, ChildSpec, ChildType, worker
from ..otp.dynamic import DynamicSupervisor
from ..otp.policy import Backoff, Restart, Strategy
from ..otp.supervisor import Supervisor
from .listener import Listener, WSGIServer

if TYPE_CHECKING:
    from .server import Server

INTENSITY = 100
"""Restarts of the tree's own actors in `PERIOD`: a crash loop makes thousands, a chaos test a few a second."""

PERIOD = 10.0
"""Seconds."""

BACKOFF = Backoff()
"""One for all: a topic's spec is kept as long as the topic."""

HIBERNATE = 5.0
"""Seconds: topics that nobody talks to give their greenlets back."""

# Seconds that each part gets to stop; together they stay below the five of Server.stop.
LISTENER, TOPICS, SESSIONS, ROUTER, CONNECTIONS = 0.25, 1.5, 0.5, 0.25, 2.0


def children(server: Server) -> list[ChildSpec]:
    """Return the tree, in start order; `nuphar.serve` adds the listener to a running one."""
    return [
        worker("connections", ConnectionsActor, server.gateway, server.retry_after, shutdown=CONNECTIONS),
        worker("router", RouterActor, server.directory, server.sessions, server.own_stores, server.greeter,
               server.hooks, server.deserted, server.gateway.clock, server.router, shutdown=ROUTER),
        dynamic("sessions", server.session_starts, server.own_store_specs, server.gateway.clock),
        dynamic("topics", server.topic_starts, server.topic_specs, server.gateway.clock),
        *(listener(name, wsgi) for name, wsgi in server.life.listening.items()),
    ]  # fmt: skip


def listener(name: str, wsgi: WSGIServer) -> ChildSpec:
    """Return the spec of an actor that holds a listening socket."""
    return worker(name, Listener, wsgi, shutdown=LISTENER)


def start(server: Server) -> Ref[Supervisor]:
    """Start the tree in the greenlet that calls, on its thread's hub."""
    return Supervisor.start_link(
        children(server),
        strategy=Strategy.ONE_FOR_ONE,
        intensity=INTENSITY,
        period=PERIOD,
        clock=server.gateway.clock,
        registry=Registry(),
        name="server",
    )


def dynamic(
    id: str, mailbox: Mailbox, running: Callable[[], Iterable[ChildSpec]], clock: Callable[[], float]
) -> ChildSpec:
    """Return the spec of a dynamic supervisor: ``running()`` is what its predecessor ran, ``mailbox`` outlives both."""

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return DynamicSupervisor.start_link(
            running, hibernate=HIBERNATE, clock=clock, mailbox=mailbox, monitor=monitor, name=id
        )

    return ChildSpec(id, start, Restart.PERMANENT, INFINITY, ChildType.SUPERVISOR)


def topic_spec(server: Server, topic: Topic) -> ChildSpec:
    """Return the spec of one topic's actor."""

    def left(client_id: str) -> None:
        topic.deserted_at = None  # its time begins anew
        server.greeter.say_goodbye(client_id, topic.hooks, topic.mailbox, lambda: topic.target.order is not None)

    return _target(server, topic.target.name, topic.target, topic.mailbox, left, TOPICS)


def own_store_spec(server: Server, own: OwnStore) -> ChildSpec:
    """Return the spec of the actor of one session's own store."""
    return _target(server, f"session:{own.session.client_id}", own.target, own.mailbox, None, SESSIONS)


def _target(
    server: Server,
    name: str,
    target: Target,
    mailbox: Mailbox,
    left: Callable[[str], None] | None,
    shutdown: float,
) -> ChildSpec:
    def start(monitor: Ref[Any]) -> Ref[Any] | None:
        if server.life.has_stopped and not mailbox.messages and not target.members:
            return None  # it came too late to do anything; there may be thousands, and the stop is behind them
        return TargetActor.start_link(
            target, mailbox, server.hooks, server.letters, left, server.gateway.clock, monitor=monitor, name=name
        )

    # A stopped topic's id may be taken again while its actor still says goodbye: the mailbox tells them apart.
    return ChildSpec(f"{name} at {id(mailbox):x}", start, Restart.TRANSIENT, shutdown, backoff=BACKOFF)
