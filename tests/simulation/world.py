"""One run: a server, its clients and the lines between them, for as many events as it is given, and then to the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import accumulate
from math import log
from random import Random
from typing import Any
from zlib import crc32

from nuphar.actors.sessions.membership_table import MembershipState

from . import actions
from .authors import Authors
from .calls import Echo
from .client import Client
from .confirming import confirmed
from .faults import injected
from .hub import Hub
from .network import Line
from .oracle import FATAL, KINDS_OF_BAD, STORE, Broken, Oracle
from .plan import Plan, draw
from .rights import judged
from .seams import replaced
from .signing_in import someone
from .site import ROOMS, Site
from .watching import watched

PATIENCE = 240.0
"""Virtual seconds within which everybody has to be live and current when the faults are over."""

BACKOFF = 65.0
"""Virtual seconds more for each message that ends its actor: it is tried twice, up to 30 s apart, then set aside."""

HEARD = 45.0
"""Virtual seconds after which every end has heard of every cut."""


class World:
    """What a run consists of; `run` is all there is to do with it."""

    def __init__(self, seed: int, plan: Plan | None = None) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.plan = draw(self.rng) if plan is None else plan
        self.chance = self.rng.random
        self.hub = Hub(self.rng, self.plan.lag, self.plan.sizes["drain"])
        self.oracle = Oracle(self.hub)
        self.authors = Authors(self.oracle)
        self.trace: list[tuple[Any, ...]] = []
        self.forbidden: dict[tuple[str, str], Any] = {}
        """Who may not be where; with the session that each had when it was forbidden."""
        self.echo = Echo(self)
        self.connections: dict[Any, Any] = {}
        self.clients: list[Client] = []
        self.stolen: list[Client] = []
        self.is_calm = False
        self.backoff = 3.0
        self.crashes = 0
        self.events = 0
        self.site: Site
        self._message = 0
        self._line = 0
        self._named = 0
        self._names = list(self.plan.weights)
        self._weights = list(accumulate(self.plan.weights.values()))

    # The run.

    def run(self, events: int) -> str:
        """Let ``events`` things happen, then calm down and see that everything is well; return the trace's hash.

        Raises: Broken.
        """
        with replaced(self.plan.sizes), injected(self), watched(self), confirmed(self), judged(self):
            try:
                self.begin()
                step = self.hub.step
                while self.events < events and step():
                    self.events += 1
                self.calm_down()
                self.close_down()
            except Broken:
                raise
            except Exception as error:
                if self.hub.failure is not None:
                    raise self.hub.failure from None
                raise Broken(f"our own code failed: {error!r}") from error
        return self.hash()

    def hash(self) -> str:
        """Return the SHA-256 of everything that has happened."""
        return hashlib.sha256(repr(self.trace).encode()).hexdigest()

    def begin(self) -> None:
        """Start the server and the clients."""
        self.start_site()
        for _ in range(self.plan.clients):
            self.new_client()
        self._schedule()

    def calm_down(self) -> None:
        """End the faults, and wait until every client is live and current.

        Raises: Broken if that takes too long.
        """
        self.is_calm = True
        self.forbidden.clear()
        self.backoff = 1.0
        for client in self.clients:
            client.lose_next_message(False)
            client.naming.calm_down()
        actions.last_flood(self)
        for line in self.hub.lines.values():
            line.mend()
        for client in self.clients:
            for target in sorted(client.forgotten & client.core.replicas.keys()):
                replica = client.core.replicas[target]
                client.subscribe(target, replica.store, replica.params)
        patience = PATIENCE + BACKOFF * self.fatal_messages()
        self.run_until(self.hub.now + HEARD)
        until = self.hub.now + patience
        next_look = self.hub.now
        is_sure = False
        last: list[actions.LastWord] | None = None
        while (late := self.why_not_current()) is not None or not is_sure or last is None:
            is_sure = late is None
            if self.hub.now >= until:
                raise Broken(f"after {patience:g} s without faults: {late}")
            # Who has missed something needs a word more to see it; all others have to be current without that.
            is_due = late is None or any(client.promises.missed_frames for client in self.clients)
            if last is None and is_due and self.site.is_up:
                last, is_sure = actions.last_words(self), False
            next_look += 2.0
            for client in self.clients:
                for target, replica in list(client.core.replicas.items()):
                    if client.core.is_live and not replica.is_subscribed and client.core.is_settled():
                        client.subscribe(target, replica.store, replica.params)
            self.run_until(next_look)
        actions.check_site(self)
        actions.check_subscriptions(self)
        self.run_until(self.hub.now + 2.0)
        actions.check_heard(self, last or [])

    def fatal_messages(self) -> int:
        """Count the messages that are still to end their actors: with the clients, and in the mailboxes."""
        known = {message for client in self.clients for message in client.open_messages}
        server = self.site.server
        for topic in [*server.directory.topics.values(), *server.own_stores._running.values()]:
            appends = topic.target.appends
            waiting = [*topic.mailbox.messages, *(() if appends is None else [*appends._front, *appends._held])]
            known.update(getattr(each, "message", 0) for each in waiting)
        return sum(message & 15 == FATAL for message in known)

    def why_not_current(self) -> str | None:
        """Say who is not live and current, None if all are."""
        if not self.site.is_up:
            return "the server is not up"
        for topic in self.site.server.directory.topics.values():
            if len(topic.mailbox):
                return f"{topic.id} has {len(topic.mailbox)} messages to handle"
            if topic.target.is_waiting:
                return f"{topic.id} waits for its log"
        for client in self.clients:
            core = client.core
            if not core.is_live or core.requests.asked:
                return f"{client.name} is not settled: {core.requests.asked}"
            if core.requests.sent or core.requests.unsent:
                return f"{client.name} waits for answers: {core.requests.sent}, {core.requests.unsent}"
            if client.open_messages:
                return f"{client.name} has no answer to {client.open_messages}"
            if client.calls.open:
                return f"{client.name} has no answer to its calls {client.calls.open}"
            session = self.site.server.sessions.get(core.client_id)
            if session is not None and any(
                each.state is not MembershipState.JOINED for each in session.memberships.values()
            ):
                return f"{client.name} is still being asked about"
            for target, replica in core.replicas.items():
                if not replica.is_subscribed:
                    options = self.plan.options
                    if options["max_subscriptions"] < len(ROOMS) + 1 or options["max_topics_begun"] < len(ROOMS):
                        continue  # it wants more than it may have
                    return f"{client.name} is not subscribed to {target}"
                order = self.order_of(client, target)
                if order is not None and replica.store is not None and (order.epoch, order.seq) != replica.cursor:
                    if target == "session" and replica.cursor is None:
                        continue
                    return f"{client.name} is at {replica.cursor} of {target}, not {(order.epoch, order.seq)}"
                if replica.pending:
                    return f"{client.name} has pending messages for {target}"
        return None

    def order_of(self, client: Client, target: str) -> Any:
        """Return the order that a client's target has on the server, if there is one."""
        if target == "session":
            own = self.site.server.own_stores._running.get(client.core.client_id)
            return None if own is None else own.target.order
        topic = self.site.topic(target[len("topic:") :])
        return None if topic is None else topic.target.order

    def close_down(self) -> None:
        """Let everybody leave, stop the server, and see that nothing is left.

        Raises: Broken.
        """
        for message, (reference, seq) in self.oracle.applied.items():
            if reference.messages[seq - 1] != message:
                raise Broken(f"message {message} is no longer at its place {seq} of {reference.name}")
        for client in self.clients:
            client.end()
        self.run_until(self.hub.now + 5.0)
        kept = [client.name for client in self.clients if self.site.server.sessions.get(client.core.client_id)]
        if len(kept) == len(self.clients) > 1:  # one may be lost to a write that finds the connection closed
            raise Broken(f"{', '.join(kept)} have said goodbye, and their sessions are kept")
        self.run_until(self.hub.now + self.plan.options["resume_window"] + 60.0)
        actions.check_empty(self)
        if left := self.site.presence.left_over():
            raise Broken(f"everybody is gone, and by what the hooks were told there are {left}")
        self.stop_site()
        living = self.site.root.registry
        if living is not None and len(living):
            raise Broken(f"after the stop there is still {living.living()}")

    def run_until(self, time: float) -> None:
        """Let happen what happens until then."""
        is_over = False

        def ring() -> None:
            nonlocal is_over
            is_over = True

        self.hub.call_at(time, ring)
        while not (is_over and self.hub.is_idle) and self.hub.step():
            self.events += 1

    # What happens.

    def _schedule(self) -> None:
        self.hub.call_at(self.hub.now - self.plan.pace * log(1.0 - self.chance()), self._act)

    def _act(self) -> None:
        if self.is_calm:
            return
        [name] = self.rng.choices(self._names, cum_weights=self._weights)
        self.note("do", name)
        actions.ACTIONS[name](self)
        actions.check_site(self)
        self._schedule()

    def note(self, what: str, who: str, data: bytes = b"") -> None:
        """Add to the trace."""
        self.trace.append((self.hub.now, what, who, len(data), crc32(data)))

    def later(self, seconds: float, function: Callable[[], Any]) -> None:
        self.hub.call_at(self.hub.now + seconds, function)

    def dawdle(self) -> None:
        """Take the time that a hook takes."""
        if self.plan.hook_pause and self.hub.getcurrent() is not self.hub.main:
            self.hub.sleep(self.plan.hook_pause * self.chance())

    @property
    def newest(self) -> int:
        """The number of the newest message."""
        return self._message

    def next_message(self, bad: float) -> int:
        """Return a new message; ``bad`` is the chance that something is wrong with it."""
        self._message += 1
        if bad and self.chance() < bad:
            return self._message << 4 | KINDS_OF_BAD[int(self.chance() * len(KINDS_OF_BAD))]
        return self._message << 4

    # Who there is.

    def start_site(self) -> None:
        self.forbidden.clear()
        self.site = Site(self)

    def stop_site(self) -> None:
        """Stop the server in an orderly way, and wait for its end."""
        self.site.stop()
        until = self.hub.now + 20.0
        while not self.site.root.ended.is_done:
            if self.hub.now > until:
                raise Broken("the server does not stop within 20 s")
            self.hub.step()
            self.events += 1

    def open_line(self) -> Line:
        """Open a connection to the server: it is accepted a little later."""
        self._line += 1
        plan, chance = self.plan, self.chance
        line = Line(self.hub, self._line, lambda: plan.delay * chance(), plan.capacity)
        if self.is_calm:
            line.mend()
        line.on_forbidden = lambda: self.oracle.fail("a connection that was replaced still hears something")
        self.later(plan.delay * chance(), lambda: self.site.accept(line))
        return line

    def new_client(self) -> Client:
        self._named += 1
        targets: dict[str, Any] = {}
        for room in ROOMS:
            if self.chance() < 0.7:
                targets[f"topic:{room}"] = None if room.startswith("eph") else STORE
        if self.chance() < 0.4:
            targets["session"] = STORE
        client = Client(self, f"c{self._named}", targets)
        if "sign_in" in self.plan.weights:
            client.signing.identity = someone(self)
        self.clients.append(client)
        self.later(self.plan.pace * self.chance(), client.connect)
        return client

    def replace(self, client: Client) -> None:
        """A client is over: another comes for it."""
        self.clients.remove(client)
        self.new_client()
