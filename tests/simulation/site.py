"""The server's side of a run: a real server's parts and its real tree, begun anew after each stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nuphar import Member, Refused, Server, Store, automatic
from nuphar.actors.routing.topic import Kind, Topic
from nuphar.actors.runtime.hooks import TopicHooks
from nuphar.actors.runtime.ref import Stop
from nuphar.actors.targets.messages import UseStore
from nuphar.actors.words.exit_reasons import Shutdown
from nuphar.supervision.root import tree
from nuphar.transport.server.connection import Connection
from nuphar.transport.server.limits import Limits
from nuphar.transport.server.websocket import WebSocket

from .confirming import ConfirmingLog
from .network import HEARTBEAT, Line
from .oracle import DENIED
from .watching import Presence

if TYPE_CHECKING:
    from .world import World

PLAIN = automatic()

ROOMS = ("room:a", "board", "eph:x", "room:b")
"""The topics that clients follow: of a kind with a store, fixed, ephemeral, of the kind again."""


STOP = 5.0
"""Seconds that a stop of the server may take."""


class Ordered(dict[Any, None]):
    """A set that remembers the order of its members: that of a set of objects is their addresses'."""

    add = dict.setdefault

    def discard(self, member: Any) -> None:
        self.pop(member, None)


class Site:
    """One server, from its start to its stop."""

    def __init__(self, world: World) -> None:
        plan, hub, oracle = world.plan, world.hub, world.oracle
        self.world = world
        self.is_up = True
        limits = Limits(
            message=plan.message,
            outbox=plan.outbox,
            outbox_age=plan.outbox_age,
            heartbeat=HEARTBEAT,
            hello=5.0,
            close=2.0,
        )
        self.server = server = Server(
            serialiser=PLAIN, limits=limits, hub_guard=None, debug=False, host=hub, **plan.options
        )
        server.books.router.bound = plan.router
        if plan.is_unseen:
            oracle.may_be_unseen = True
            server.books.allowance.ready_at = float("inf")
        server.gateway.connections = Ordered()  # type: ignore[assignment]
        opened = server.books.log.open

        def open(target: str, store: Any, level: str = "accepted") -> Any:
            order = opened(target, store, level)
            oracle.begun(order)
            return order

        server.books.log.open = open  # type: ignore[method-assign]
        server.books.kinds.register("page:", world.echo)
        self.kept: dict[str, int | None] = {}
        self._watch_ends()
        server.own_stores._store = lambda: oracle.store("session")
        rules = dict(zip(ROOMS, plan.rules, strict=True))
        may = self.can_subscribe
        hooks = TopicHooks.of(can_subscribe=may, on_join=self.on_join, on_leave=self.on_leave, on_end=self.on_end)
        self.log = log = None if plan.log is None else ConfirmingLog(world)
        server.directory.add_kind(
            Kind("room:", str, hooks, self.store, rules["room:a"], log=log, share=("author", "at"))
        )
        server.directory.add_kind(Kind("eph:", str, TopicHooks.of(can_subscribe=may), delivery=rules["eph:x"]))
        board = server.directory.add_topic("board", rules["board"], ("author", "at"))
        self.presence = Presence(world)
        presence = self.presence
        hooks = TopicHooks.of(can_subscribe=may, on_join=presence.on_join, on_leave=presence.on_leave)
        board.hooks = hooks
        for guard in (board.guard, *(kind.guard for kind in server.directory.kinds.values())):
            guard.add(self.may_publish)
        board.target.use(server.directory.give_store(board, oracle.store("board"), log))
        self.root = tree.start(server.books)
        hub.spawn(self._watch)

    def _watch(self) -> None:
        """Do what the server's life does at the end of the tree."""
        self.root.wait_down(None)
        self.server.gateway.abort_all()

    # Hooks.

    def can_subscribe(self, client_id: str, topic_id: str) -> bool:
        world = self.world
        is_slow = world.chance() < 0.6
        is_forbidden = (client_id, topic_id) in world.forbidden
        if is_slow:
            world.dawdle()
        if not world.is_calm and world.plan.hook_fault and world.chance() < world.plan.hook_fault:
            raise OSError("whether it may cannot be found out")
        if world.chance() < 0.5:  # else what was found out is from before the pause
            is_forbidden = (client_id, topic_id) in world.forbidden
        return not is_forbidden

    def may_publish(self, member: Member, message: int) -> bool | None:
        """Answer late, badly or not at all, and never allow what is denied."""
        world = self.world
        world.dawdle()
        if not world.is_calm and world.plan.hook_fault and world.chance() < world.plan.hook_fault:
            raise OSError("whether it may cannot be found out")
        if message & 15 != DENIED:
            return True
        world.oracle.seen["a message is denied"] += 1
        match message >> 4 & 3:
            case 0:
                return False
            case 1:
                return None
            case 2:
                raise Refused("denied", f"{member.client_id} may not write this")
        raise ValueError("this rule raises")

    def on_join(self, client_id: str) -> list[int]:
        self.world.dawdle()
        return [self.world.next_message(0)] if self.world.chance() < 0.3 else []

    on_leave = on_join

    def store(self, topic_id: str, key: str) -> Store:
        self.world.dawdle()
        if topic_id in self.server.directory.topics:
            self.world.oracle.fail(f"{topic_id} is there, and another one is begun")
        return self.world.oracle.store(topic_id)

    def on_end(self, topic_id: str, model: int) -> None:
        if self.world.chance() < 0.5:
            self.world.hub.sleep(4.0 * self.world.chance())
        if self.world.chance() < 0.1 and not self.world.is_calm:
            raise OSError("the model cannot be kept")
        self.kept[topic_id] = model

    def _watch_ends(self) -> None:
        """See that a topic ends by itself only when nobody is in it, and that its last model was kept."""
        server, oracle = self.server, self.world.oracle
        ends, settles = server.books.deserted._end, server.books.deserted.settle

        def end(topic: Topic) -> None:
            target = topic.target
            if target.members or not topic.mailbox.empty():
                oracle.fail(f"{topic.id} ends by itself, and there is still {target.members or topic.mailbox}")
            if topic.hooks.on_end and target.order and self.kept.get(topic.id) != target.order.position.model:
                oracle.fail(f"{topic.id} ends with another model than was kept")
            oracle.seen["a topic that nobody is in ends"] += 1
            ends(topic)

        def settle(message: Any) -> None:
            if message.topic.target.members:
                oracle.seen["somebody comes while a topic's end is considered"] += 1
            settles(message)

        server.books.deserted._end = end  # type: ignore[method-assign]
        server.books.deserted.settle = settle  # type: ignore[method-assign]

    # What the network brings.

    def accept(self, line: Line) -> None:
        """Serve a connection that has come."""
        gateway, hub = self.server.gateway, self.world.hub
        websocket = WebSocket(line, limits=gateway.limits, subprotocol="nuphar.v1.cbor", host=hub, kernel=hub)
        connection = Connection(websocket, gateway, line.identity)
        line.may_write = lambda: websocket.closed or (session := connection.session) is None or not session.closed
        self.world.connections[websocket] = connection
        self.world.hub.spawn(self._serve, connection, websocket)

    def _serve(self, connection: Connection, websocket: WebSocket) -> None:
        try:
            connection.run()
            websocket.linger()
        finally:
            self.world.connections.pop(websocket, None)

    # What an operator does.

    def topic(self, topic_id: str) -> Topic | None:
        return self.server.directory.topics.get(topic_id)

    def stop_topic(self, topic: Topic) -> None:
        """Stop a topic as its handle does, without waiting."""
        self.server.directory.remove(topic)
        topic.mailbox.put_anyway(Stop(Shutdown()))

    def give_store(self, topic: Topic) -> None:
        """Make an ephemeral topic stored."""
        order = self.server.directory.give_store(topic, self.world.oracle.store(topic.id), self.log)
        topic.mailbox.put_anyway(UseStore(order))

    def stop(self) -> None:
        """Begin an orderly stop."""
        self.is_up = False
        self.root.tell_anyway(Stop(Shutdown(deadline=self.world.hub.now + STOP)))

    def living(self) -> list[Any]:
        """Return every actor that may crash: all but the root of the tree."""
        assert self.root.registry is not None
        return [ref for ref in self.root.registry.living() if ref is not self.root]
