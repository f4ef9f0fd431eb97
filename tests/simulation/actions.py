"""What may happen in a run besides the protocol's own course: what programs and operators do, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from nuphar.actors.sessions.messages import DispatchTo, Evict, LetIn, Reconsider
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.takeover import NOWHERE
from nuphar.actors.targets.messages import Broadcast, Dispatch
from nuphar.actors.words.errors import Busy
from nuphar.transport.wire.codec import encode
from nuphar.transport.wire.frames import ClientMessage, Resync
from nuphar.transport.wire.strict import dump_cbor

from .client import Client
from .faults import may_crash
from .oracle import FATAL, STORE
from .signing_in import check_identities, expire, sign_in
from .site import PLAIN, ROOMS
from .thief import Thief
from .watching import check_bounds

if TYPE_CHECKING:
    from nuphar.actors.routing.topic import Topic

    from .network import Line
    from .site import Site
    from .world import World

Action = Callable[["World"], None]

WISHES = (None, None, "latest", ["drop_oldest", 2], ["sample", 5.0])


SUPERVISORS = ("sessions", "topics")


def pick(world: World, items: Any) -> Any:
    return items[int(world.chance() * len(items))]


def some_client(world: World) -> Client:
    client: Client = pick(world, world.clients)
    return client


def some_target(world: World, client: Client) -> str:
    """Return a target, mostly one that the client follows."""
    followed = list(client.core.replicas)
    if followed and world.chance() < 0.95:
        return str(pick(world, followed))
    return pick(world, ("session", *(f"topic:{room}" for room in ROOMS)))  # type: ignore[no-any-return]


def store_of(target: str) -> Any:
    return None if target.startswith("topic:eph") else STORE


def dispatch(world: World) -> None:
    client = some_client(world)
    client.dispatch(some_target(world, client), world.next_message(world.plan.bad))


def burst(world: World) -> None:
    client = some_client(world)
    target = some_target(world, client)
    for _ in range(2 + int(world.chance() * 12)):
        client.dispatch(target, world.next_message(world.plan.bad))


def settle(world: World) -> None:
    """Let a second pass in which nothing is done."""


def server_dispatch(world: World) -> None:
    server_dispatch_on(world, world.site.topic(pick(world, ROOMS)))


def server_dispatch_on(world: World, topic: Any) -> None:
    """Dispatch from the program, as a topic's handle does."""
    if topic is None or topic.target.order is None or not world.site.is_up:
        return
    for _ in range(1 if world.chance() < 0.9 else 8):
        message = world.next_message(world.plan.bad)
        world.oracle.of_server.add(message)
        is_full = len(topic.mailbox) >= world.plan.options["mailbox"]
        try:
            topic.mailbox.put(Dispatch(message, dump_cbor(message)))
        except Busy:
            world.oracle.seen["a mailbox is full"] += 1
        else:
            if is_full:
                world.oracle.fail(f"the mailbox of {topic.id} takes a message more than it may")


def own_dispatch(world: World) -> None:
    message = world.next_message(0)
    client_id = some_client(world).core.client_id
    if world.site.is_up:
        dispatch = Dispatch(message, dump_cbor(message))
        world.site.server.books.router.put_anyway(DispatchTo(client_id, "session", dispatch))


def broadcast(world: World) -> None:
    topic = world.site.topic(pick(world, ROOMS))
    if topic is not None and world.site.is_up:
        broadcast_on(world, topic)


def broadcast_on(world: World, topic: Any) -> None:
    """Say something outside the order."""
    message = world.next_message(0)
    world.oracle.pushed.add(message)
    topic.mailbox.put_anyway(Broadcast(dump_cbor(message), None))


def push(world: World) -> None:
    client = some_client(world)
    client.dispatch("topic:eph:x", world.next_message(0))


def cut(world: World) -> None:
    """Break a line; the ends hear of it late, the server perhaps long after the client is back."""
    client = some_client(world)
    if (line := client.line) is not None:
        line.cut(world.rng, 30 * world.chance() ** 3, 12 * world.chance() ** 2)


def blip(world: World) -> None:
    """Break a line; both ends hear of it at once."""
    client = some_client(world)
    if (line := client.line) is not None:
        line.cut(world.rng, 0.0, 0.0)


def duplicate(world: World) -> None:
    """Let a client come again over another line, while the server takes the older one for alive."""
    client = some_client(world)
    if (line := client.line) is not None:
        if world.chance() < 0.5:
            line.cut(world.rng, 40.0, 40.0)
        world.oracle.seen["two connections of one client"] += 1
        client.core.lose()
        client.connect()


def lose_welcome(world: World) -> None:
    client = some_client(world)
    client.lose_next_welcome()
    if (line := client.line) is not None:
        line.cut(world.rng, 5 * world.chance(), 0.0)


def stall(world: World) -> None:
    """Let a client read nothing for a while."""
    client = some_client(world)
    if (line := client.line) is not None:
        line.stalled_until = world.hub.now + 12 * world.chance() ** 2


def subscribe(world: World) -> None:
    client = some_client(world)
    target = pick(world, ("session", *(f"topic:{room}" for room in ROOMS)))
    wish = pick(world, WISHES)
    client.subscribe(target, store_of(target), None if wish is None else {"delivery": wish})


def unsubscribe(world: World) -> None:
    client = some_client(world)
    target = some_target(world, client)
    if target != "session":
        client.unsubscribe(target)


def again(world: World) -> None:
    """Unsubscribe and subscribe in one go, with messages between."""
    client = some_client(world)
    target = some_target(world, client)
    if target == "session":
        return
    for _ in range(1 + int(world.chance() * 3)):
        client.unsubscribe(target)
        if world.chance() < 0.5:
            client.dispatch(target, world.next_message(0))
        client.subscribe(target, store_of(target))
        client.dispatch(target, world.next_message(0))


def resync(world: World) -> None:
    """Ask for what is known, or for something that never was."""
    client = some_client(world)
    if client.core.is_live and client.line is not None and client.core.replicas:
        ask_again(client, pick(world, list(client.core.replicas)))


def ask_again(client: Client, target: str) -> None:
    """Ask for what is known of a target."""
    client.core.outgoing.append(encode(Resync({target: client.core.replicas[target].cursor}), PLAIN))
    client.flush()


def meanwhile(world: World, client: Client, target: str, action: Callable[[], None]) -> None:
    """Do something to a client, perhaps just while it is considered whether it may be in ``target``."""
    follows = client.core.is_live and client.line is not None and target in client.core.replicas
    if not follows or world.chance() < 0.2:
        action()
        return
    assert client.line is not None
    if world.chance() < 0.4:
        ask_again(client, target)
    else:
        client.unsubscribe(target)
        client.subscribe(target, store_of(target))
    at = client.line._last_up + world.plan.hook_pause * world.chance()
    world.hub.call_at(at, lambda: None if world.is_calm else action())


def garbage(world: World) -> None:
    """Repeat a ref that is long gone, under the right name and a wrong one."""
    client = some_client(world)
    if client.core.is_live and client.line is not None:
        ref = max(1, client.core.requests.ref - int(world.chance() * 40))
        if ref in client.core.requests.sent or ref in client.core.requests.asked or not client.core.requests.ref:
            return
        message = world.next_message(0)
        world.oracle.pushed.add(message)
        world.authors.dispatches(client, message)
        target = some_target(world, client)
        if client.promises.knows(ref):
            world.oracle.denied[message] = "a message under a ref that is long gone"
            client.promises.nonsense.add((ref, target))
        client.core.outgoing.append(encode(ClientMessage(ref, target, message), PLAIN))
        client.flush()


def forbid(world: World) -> None:
    client, room = some_client(world), pick(world, ROOMS)
    client_id = client.core.client_id
    world.forbidden.setdefault((client_id, room), world.site.server.sessions.get(client_id))
    client.promises.strayed(f"topic:{room}")  # when it comes back; what tells it so may be lost


def revoke(world: World) -> None:
    """Take a right away, and have it asked about again."""
    client, room = some_client(world), "board" if world.chance() < 0.4 else pick(world, ROOMS)

    def act() -> None:
        client_id = client.core.client_id
        session = world.site.server.sessions.get(client_id)
        if session is not None and world.site.is_up:
            world.forbidden.setdefault((client_id, room), session)
            client.promises.strayed(f"topic:{room}")
            everybody = world.chance() < 0.2
            world.site.server.books.router.put_anyway(Reconsider(None if everybody else client_id))

    meanwhile(world, client, f"topic:{room}", act)


def call(world: World) -> None:
    client = some_client(world)
    for _ in range(1 + int(world.chance() * 3)):
        client.calls.say()


def allow(world: World) -> None:
    """Give every right back, and let everybody ask again for what he lost."""
    world.forbidden.clear()
    for client in world.clients:
        for target in sorted(client.forgotten):
            if target in client.core.replicas:
                client.subscribe(target, store_of(target))


def evict(world: World) -> None:
    client, room = some_client(world), pick(world, ROOMS)

    def act() -> None:
        if world.site.is_up:
            client.evicted.add(f"topic:{room}")
            world.site.server.books.router.put_anyway(Evict(client.core.client_id, f"topic:{room}"))

    meanwhile(world, client, f"topic:{room}", act)


def admit(world: World) -> None:
    client, room = some_client(world), pick(world, ROOMS)
    if world.site.is_up:
        client.admitted.add(f"topic:{room}")
        client.naming.admitted(f"topic:{room}")
        world.site.server.books.router.put_anyway(LetIn(client.core.client_id, f"topic:{room}"))


def kill(world: World) -> None:
    """Kill an actor where it waits."""
    living = world.site.living()
    if living and world.site.is_up and may_crash(world):
        ref = pick(world, living)
        world.note("kill", ref.name)
        world.oracle.seen["a supervisor is killed" if ref.name in SUPERVISORS else "an actor is killed"] += 1
        ref.kill()


def thief(world: World) -> None:
    client = some_client(world)
    signing = client.signing
    if client.tokens and world.site.is_up and signing.users == {signing.owner}:
        which = -1 - int(world.chance() * min(3, len(client.tokens)))
        session, token = client.tokens[which]
        # It came back with the one after it, and was answered with the last.
        is_used = which == -3 and client.tokens[-1][0] == client.tokens[-2][0] == session
        if session != client.tokens[-1][0] and "sign_in" in world.plan.weights:
            return  # whose that one was by its end nobody knows
        is_foreign = signing.owner is not None and world.chance() < 0.5
        user = {"ada": "bob", "bob": None}[signing.owner or ""] if is_foreign else signing.owner
        ref = client.core.requests.ref + 1
        Thief(world, session, token, ref, user, is_used=is_used, is_foreign=is_foreign)


def leave(world: World) -> None:
    """Let a client leave for good, or close without that, and another come."""
    client = some_client(world)
    if world.chance() < 0.5:
        client.drop()
        return

    def act() -> None:
        if not client.is_over:
            client.end()
            world.replace(client)

    meanwhile(world, client, "topic:board", act)


def sleep_long(world: World) -> None:
    """Let a client be away for longer than its session may wait."""
    client = some_client(world)
    if (line := client.line) is not None:
        line.cut(world.rng, 1.0, 1.0)
        client.is_connecting = True
        world.later(10.0 + 200 * world.chance() ** 3, client.connect)


def stop_topic(world: World) -> None:
    """Stop a topic, perhaps just when a client's messages come in."""
    topic, site, client = world.site.topic(pick(world, ROOMS)), world.site, some_client(world)
    if topic is None or topic.kind is None or not site.is_up:
        return
    world.oracle.seen["a topic is stopped"] += 1
    cut_log_off(world)
    if client.line is None or world.chance() < 0.5:
        site.stop_topic(topic)
        return
    for _ in range(3):
        client.dispatch(topic.target.name, world.next_message(0))
    world.hub.call_at(client.line._last_up, lambda: site.stop_topic(topic) if site.is_up else None)


def cut_log_off(world: World) -> None:
    """Let the log, if there is one, answer nothing for longer than a stop may wait for it, in one of three stops."""
    if world.site.log is not None and world.chance() < 0.3:
        world.site.log.cut_off(10.0)


def lose_message(world: World) -> None:
    """Let a client miss a message of somebody else."""
    some_client(world).lose_next_message()


def flood(world: World) -> None:
    """Let a client read nothing while a lot is said, for less long than it would be closed for."""
    client = some_client(world)
    topic = world.site.topic(some_target(world, client)[len("topic:") :])
    if client.line is None or topic is None or topic.target.order is None or not world.site.is_up:
        return
    client.line.stalled_until = world.hub.now + 1.0 + 3 * world.chance()
    is_talking = world.chance() < 0.3
    for at in range(too_many(world)):
        world.later(world.chance(), lambda: say(world, topic))
        if is_talking and at % 8 == 0:
            client.dispatch(topic.target.name, world.next_message(0))


def too_many(world: World) -> int:
    """Return how many messages do not fit on the way to a client that reads nothing."""
    room = world.plan.capacity + world.plan.outbox
    return room // 25 if room < 7_000 else 40


def last_flood(world: World) -> None:
    """Do it to everybody at once, and have nothing said afterwards that would make good for it."""
    if not world.site.is_up:
        return
    for client in world.clients:
        if client.line is not None:
            client.line.stalled_until = world.hub.now + 2.0
    is_at_once = world.chance() < 0.5
    for topic in world.site.server.directory.running():
        if topic.target.order is not None:
            for at in range(2 * too_many(world) if is_at_once else too_many(world)):
                when = 0.5 * (at % 2) if is_at_once else world.chance()
                world.later(when, lambda topic=topic: say(world, topic))  # type: ignore[misc]
    world.run_until(world.hub.now + 1.5)
    for topic in world.site.server.directory.running():
        if topic.target.order is not None and world.plan.bad and world.chance() < 0.5:
            # What waits for somebody must not depend on the actor that it waits in.
            message = world.next_message(0) | FATAL
            topic.mailbox.put_anyway(Dispatch(message, dump_cbor(message)))


def say(world: World, topic: Topic) -> int:
    """Have the server say something in a topic; return what it was."""
    message = world.next_message(0)
    if topic.target.order is not None:
        topic.mailbox.put_anyway(Dispatch(message, dump_cbor(message)))
    else:
        world.oracle.pushed.add(message)
        topic.mailbox.put_anyway(Broadcast(dump_cbor(message), None))
    return message


class LastWord(NamedTuple):
    """The last of what was said at once in a topic without an order, and who was there, on which connection."""

    message: int
    audience: tuple[tuple[Client, Line | None], ...]


def last_words(world: World) -> list[LastWord]:
    """Say some things at once in every topic: who has missed something sees it, and the last has to reach everybody."""
    last = []
    for topic in world.site.server.directory.running():
        name = topic.target.name
        for _ in range(4):
            message = say(world, topic)
        members = {session.client_id for session in topic.target.members if session.successor is None}
        live = [client for client in world.clients if client.core.is_live and name in client.core.replicas]
        audience = [client for client in live if client.core.client_id in members]
        is_last = not any(name in client.open_messages.values() for client in world.clients)
        if topic.target.order is None and is_last:
            last.append(LastWord(message, tuple((client, client.line) for client in audience)))
    return last


def check_heard(world: World, last: list[LastWord]) -> None:
    """See that everybody who is still on the same connection has heard the last word."""
    for message, audience in last:
        for client, line in audience:
            if client.line is line and message not in client._pushes:
                world.oracle.fail(f"{client.name} has not heard {message}, the last that was said")


def give_store(world: World) -> None:
    topic = world.site.topic("eph:x")
    if topic is not None and not topic.has_store and world.site.is_up:
        world.site.give_store(topic)


def stop_server(world: World) -> None:
    """Stop the server in an orderly way, and start another a little later."""
    if not world.site.is_up:
        return
    site = world.site
    cut_log_off(world)
    site.stop()
    world.oracle.seen["the server is stopped"] += 1

    def start() -> None:
        if site.root.ended.is_done:
            check_stopped(world, site)
            world.start_site()
        else:
            world.later(0.5, start)

    world.later(0.5, start)


def check_stopped(world: World, site: Site) -> None:
    """See that every topic has said its last word, whatever its log does, unless its actor may have been down."""
    plan = world.plan
    if plan.crash or plan.pause_kill or plan.bad or "kill" in plan.weights:
        return
    for topic in site.server.directory.living():
        if topic.target.members:
            world.oracle.fail(f"the server has stopped, and nobody has told {topic.target.members} of {topic.id}")


def crash_server(world: World) -> None:
    """End the server's process: whatever was in its memory is gone."""
    if not world.site.is_up:
        return
    world.oracle.seen["the server's process ends"] += 1
    for line in list(world.hub.lines.values()):
        line.cut(world.rng, 0.0, 5 * world.chance())
    stop_server(world)


def check_site(world: World) -> None:
    """See that what is bounded is within its bounds, and what was replaced is mute."""
    check_bounds(world)
    check_identities(world)
    site, fail = world.site, world.oracle.fail
    server, sizes = site.server, world.plan.sizes
    for websocket, connection in world.connections.items():
        session = connection.session
        if session is not None and session.closed and not websocket.closed and session.successor is not None:
            fail(f"{session} was replaced, and its connection is open")
        if websocket.outbox.pending > world.plan.outbox + 70_000:
            fail(f"{websocket.outbox.pending} bytes wait in an outbox")
    for session in server.sessions.all():
        for target, membership in session.memberships.items():
            if membership.requests < 0:
                fail(f"{session}: {target} has {membership.requests} requests")
        if session._repeats is not None and len(session._repeats._waiting) > sizes["window"]:
            fail(f"{session}: {len(session._repeats._waiting)} repeats wait")
        if len(session.answers._refusals) > sizes["refusals"]:
            fail(f"{session}: {len(session.answers._refusals)} refusals are kept")
    if server.sessions.book.detached > world.plan.options["max_detached"]:
        fail(f"{server.sessions.book.detached} sessions wait for their clients")
    if server.sessions.book.detached_bytes > world.plan.options["max_detached_bytes"]:
        fail(f"sessions that wait for their clients hold {server.sessions.book.detached_bytes} bytes")
    check_hooks(world)
    for topic in server.directory.topics.values():
        target = topic.target
        order = target.order
        if order is not None:
            world.oracle.check_order(topic.id, order)
            # Behind a batch that failed there may be more, as long as it leads from the checkpoint to the present.
            if len(order._history) > max(world.plan.options["history"], order.seq - order.checkpoint.seq):
                fail(f"{topic.id} keeps {len(order._history)} messages")
            if order.missed(order.epoch, order.checkpoint.seq) is None or order.checkpoint.model >= 1 << 64:
                fail(f"{topic.id}: there is no way from {order.checkpoint} to {order.position}")
        for subscriber, lane in target._laned.items():
            if len(lane._owed) > sizes["owed"] + 300:
                fail(f"{subscriber} is owed {len(lane._owed)} answers")


def check_hooks(world: World) -> None:
    """See that no more hooks run, and no session has begun more topics, than may."""
    server, options, fail = world.site.server, world.plan.options, world.oracle.fail
    calls, begun = server.hooks.calls, server.directory._begun
    if calls.running > options["max_hooks"]:
        fail(f"{calls.running} hooks run at once")
    if any(count > options["max_hooks_each"] for count in calls._turns._running.values()):
        fail(f"too many hooks of one session run at once: {calls._turns._running}")
    if any(count > options["max_topics_begun"] for count in begun.values()):
        fail(f"a session has begun more topics than it may: {begun}")
    if calls.waiting:
        world.oracle.seen["a hook waits for its turn"] += 1
    if options["max_topics_begun"] in begun.values():
        world.oracle.seen["a session has begun as many topics as it may"] += 1
    for client_id, count in begun.items():
        running = sum(topic.begun_by == client_id for topic in server.directory.topics.values())
        if not running <= count <= running + len(server.openings):
            fail(f"{client_id} has begun {running} topics that run, and {count} are counted")


def check_subscriptions(world: World) -> None:
    """See that every client is in the targets that it follows, and in no other, with everybody's books agreeing."""
    server, fail = world.site.server, world.oracle.fail
    for client in world.clients:
        session = server.sessions.get(client.core.client_id)
        if session is None:
            fail(f"{client.name} is live, and the server does not know it")
            return
        for topic in server.directory.topics.values():
            target = topic.target
            is_in = session in target.members
            if is_in is not (session in target.subscribers) or is_in is not (target.name in session.memberships):
                fail(f"{client.name}: {target.name} and its session disagree about who is subscribed")
            if target.name not in client.core.replicas and target.name not in client.admitted and is_in:
                fail(f"{client.name} has given {target.name} up and is subscribed")
        for name, replica in client.core.replicas.items():
            topic = server.directory.topics.get(name[len("topic:") :])
            # Without a cursor nobody says again what was lost with a connection.
            believes = name.startswith(("topic:room:", "topic:board")) and replica.is_subscribed
            if believes and (topic is None or session not in topic.target.members):
                fail(f"{client.name} believes that it is subscribed to {name}")
        own = server.own_stores._running.get(client.core.client_id)
        if own is not None and own.target.members - {session}:
            fail(f"{client.name} is not alone in its own store")
    alive = {client.core.client_id for client in world.clients}
    for topic in server.directory.topics.values():
        for session in topic.target.members:
            if session.successor is not None and not is_awaited(session, topic.target.name):
                fail(f"{session} was replaced, and is in {topic.id}")
            if session.client_id in alive and server.sessions.get(session.client_id) is not session:
                fail(f"{session} is in {topic.id}, and is not the one that counts")


def is_awaited(session: Session, target: str) -> bool:
    """Say whether its client has come back, and lost its connection again before it could name the target."""
    newest = session
    while newest.successor is not None:
        newest = newest.successor
    membership = newest.memberships.get(target)
    is_waiting = membership is not None and membership.wake is not None and membership.replaces is session
    return is_waiting and newest.sink is NOWHERE


def check_empty(world: World) -> None:
    """See that nothing is left of clients that are gone."""
    server = world.site.server
    left = {
        "sessions": len(server.sessions),
        "resumable sessions": len(server.sessions.book),
        "own stores": len(server.own_stores._running),
        "connections": len(server.gateway.connections),
        "messages to the router": len(server.books.router),
        "orders of sessions": sum(name.startswith("session") for name in server.books.log._orders),
        "hooks": server.hooks.calls.running + server.hooks.calls.waiting,
        "topics being begun": len(server.openings),
        "orders without a topic": len(
            [
                name
                for name in server.books.log._orders
                if name.startswith("topic:") and world.site.topic(name[6:]) is None
            ]
        ),
    }
    if world.site.log is not None:
        left["orders of the log"] = sum(world.site.topic(name[6:]) is None for name in world.site.log._orders)
    if world.plan.options["topic_window"] <= 20.0:
        left["topics of a kind"] = sum(topic.kind is not None for topic in server.directory.topics.values())
    for topic in server.directory.topics.values():
        target = topic.target
        left[f"members of {topic.id}"] = len(target.members)
        left[f"subscribers of {topic.id}"] = len(target.subscribers)
        left[f"groups of {topic.id}"] = len(target._groups)
        left[f"messages to {topic.id}"] = len(topic.mailbox)
        left[f"outcomes of {topic.id}"] = len(target._outcomes)
        left[f"appends of {topic.id}"] = int(target.is_waiting or (target.appends is not None and target.appends.holds))
    if found := {name: count for name, count in left.items() if count}:
        world.oracle.fail(f"everybody is gone, and there are still {found}")


ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        dispatch, burst, settle, server_dispatch, own_dispatch, broadcast, push, cut, blip, duplicate, lose_welcome,
        stall, subscribe, unsubscribe, again, resync, garbage, call, forbid, revoke, allow, evict, admit, kill,
        thief, leave, sleep_long, stop_topic, lose_message, flood, give_store, stop_server, crash_server, sign_in,
        expire,
    )
}  # fmt: skip
