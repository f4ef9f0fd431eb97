"""What must hold inside the server, seen where it happens: tokens, expiry, sampling, and who is told what by hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nuphar.actors.routing.router import RouterActor
from nuphar.actors.sessions.answers import _RELEASED as RELEASED
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.session_book import MemoryBook
from nuphar.actors.sessions.takeover import NOWHERE
from nuphar.actors.sessions.tokens import BURNT, Tokens, TokenState
from nuphar.actors.targets.lane import OWED, Lane
from nuphar.actors.words.delivery import Sample
from nuphar.transport.server.connection import Connection
from nuphar.transport.server.gate import Gate
from nuphar.transport.server.outbox import Outbox

from .network import HEARTBEAT

if TYPE_CHECKING:
    from .world import World


LATE = 15.0
"""Virtual seconds in which the connections' actor has ticked, however often it was killed."""

OF_A_JOIN = (b"\x6asubscribed", b"\x66behind", b"\x69restarted")
"""How a Snapshot ends that can wait for its line to drain."""


class Presence:
    """Who is in the board by what its hooks were told: who is in has been greeted, who leaves was in."""

    def __init__(self, world: World) -> None:
        self.joined: Counter[str] = Counter()
        self._world = world
        self._twice: Counter[str] = Counter()

    def on_join(self, client_id: str) -> None:
        world = self._world
        world.dawdle()
        if not world.is_calm and world.chance() < world.plan.hook_fault:
            raise OSError("nobody can be greeted")
        self.joined[client_id] += 1

    def on_leave(self, client_id: str) -> None:
        self.joined[client_id] -= 1
        if self.joined[client_id] < 0:
            self._world.oracle.fail(f"{client_id} has left the board more often than it came")

    def check(self, session: Session) -> None:
        """See that whoever is in has come."""
        membership = session.memberships.get("topic:board")
        if membership is not None and membership.is_in and self.joined[session.client_id] < 1:
            self._world.oracle.fail(f"{session} is in the board, and nobody has greeted it")

    def decided(self, verdict: Any) -> None:
        """Hear what comes to the router: who comes back while it is greeted is greeted once more."""
        older = verdict.request.session
        if verdict.greeted and verdict.code is None and verdict.request.target == "topic:board":
            self._twice[older.client_id] += older.successor is not None

    def left_over(self) -> dict[str, int]:
        """Return who has joined too often, when all are gone."""
        return {client_id: count for client_id, count in self.joined.items() if count > self._twice[client_id]}


def check_theft(world: World, session: str, user: str | None, *, is_used: bool, is_resumed: bool) -> None:
    """See what a thief, who says that it is ``user``, was given for a token that its client had."""
    known = world.site.server.sessions.book.get(session)
    if known is not None and known.session.user not in (None, user):
        known = None  # its client has signed in since, so the thief is a stranger now
    if is_resumed and is_used:
        world.oracle.fail("a thief comes in with a token that its client has used")
    if not is_resumed and known is not None and len(known.tokens._burnt) < BURNT:
        world.oracle.fail("a thief shows a token that was good once, and the session goes on")


def check_bounds(world: World) -> None:
    """See that no more is taken in than may be."""
    fail, most = world.oracle.fail, world.plan.options["max_subscriptions"]
    for websocket in world.connections:
        outbox = websocket.outbox
        behind = sum(map(len, outbox._queue))
        if outbox._open and behind > world.plan.outbox:
            fail(f"{behind} bytes wait in an outbox of {world.plan.outbox}")
    for session in world.site.server.sessions.all():
        # Its own store, and what the server has put it into, come on top.
        if "admit" not in world.plan.weights and len(session.memberships) > most + 1:
            fail(f"{session} has {len(session.memberships)} subscriptions of {most}")
        check_unnamed(world, session)
        world.site.presence.check(session)
        for (client_id, room), then in world.forbidden.items():
            membership = session.memberships.get(f"topic:{room}")
            is_in = membership is not None and membership.is_in and not is_put_in(world, client_id, f"topic:{room}")
            if session.client_id == client_id and then is not session and is_in:
                fail(f"{session} came back, and is in {room}, which was forbidden before")


def is_put_in(world: World, client_id: str, target: str) -> bool:
    """Say whether the server may have put a client into a target by itself."""
    known = [client for client in world.clients if client.core.client_id == client_id]
    return not known or target in known[0].admitted


def check_unnamed(world: World, session: Session) -> None:
    """See that what waits for its name holds nothing, and does not wait for longer than it may."""
    held = [each._held for each in session.memberships.values() if each.wake is not None and each._held]
    if held:
        world.oracle.fail(f"{session} holds what was sent to targets that are not named yet: {held}")
    is_late = session.unnamed is not None and world.hub.now > session.unnamed._until + LATE
    if is_late and session.sink is not NOWHERE:
        world.oracle.fail(f"{session} has targets that are not named, and should not wait any more")


def is_known(answers: Any, ref: int) -> bool:
    """Say whether a ref is answered from memory, or never, whatever is sent under it."""
    at = ref & answers._mask
    return 0 < ref <= answers.highest and not (answers._refs[at] == ref and answers._seqs[at] == RELEASED)


@contextmanager
def watched(world: World) -> Iterator[None]:
    """Look on while a run goes on."""
    judge, expire, take, decide = Tokens.judge, MemoryBook.expire, Lane.take, RouterActor._decide
    end, let_message = Connection._end, Gate.lets_message
    write, keep, close = Outbox.write, Outbox._write_later, Connection._close_too_slow
    offered: dict[int, bytes] = {}
    reject, post = Session.reject, Session.post
    writing: list[bytes] = []
    last: dict[Lane, float] = {}

    hurried = False  # what a lane gave last, it gave though its line was full

    def judged(self: Tokens, token: str) -> TokenState:
        verdict = judge(self, token)
        # Only a Hello that was on its way for long may have a token from before, or use up one that is needed.
        is_quick = world.plan.delay < 0.01 and world.plan.weights.keys().isdisjoint({"duplicate", "thief"})
        is_newest = any(client.core.exchange.token == token for client in world.clients)
        if verdict is TokenState.BURNT and is_quick and is_newest:
            world.oracle.fail("the newest token that a client has is burnt, and there are no thieves")
        return verdict

    def expired(self: MemoryBook, now: float) -> Any:
        excess = self.detached - world.plan.options["max_detached"]
        are_too_heavy = self.detached_bytes > world.plan.options["max_detached_bytes"]
        due = expire(self, now)
        early = [each for each in due if now - (each.lost_at or 0.0) < self._window]
        if are_too_heavy:
            return due
        is_unfair = any(each.weight for each in early) and not all(each.weight for each in self._detached.values())
        if is_unfair:
            world.oracle.fail("a session that holds something ends before one that holds nothing")
        if len(early) > max(0, excess + len(early) - len(due)):
            world.oracle.fail(f"{early[0].session} ends, {now - (early[0].lost_at or 0.0):g} s after its connection")
        return due

    def taken(self: Lane, now: float, has_room: bool) -> Any:
        nonlocal hurried
        is_owed = len(self._owed) > min(OWED, world.plan.sizes["owed"])
        hurried = is_owed and not has_room
        due = take(self, now, has_room)
        if due is None or not isinstance(self.rule, Sample) or is_owed:
            return due
        if due.pushes or due.reason or any(each.author is not self._subscriber for each in due.outcomes):
            if now < last.get(self, -1.0) + 0.9 / self.rule.hz:
                world.oracle.fail(f"{self._subscriber} is sampled more often than {self.rule.hz:g} times a second")
            last[self] = now
        return due

    def written(self: Outbox, data: bytes) -> bool:
        writing.append(data)
        try:
            return write(self, data)
        finally:
            writing.pop()

    def kept(self: Outbox, data: bytes, bound: int) -> bool:
        if not writing:
            offered[id(data)] = data
        return keep(self, data, bound)

    def closed(self: Connection) -> None:
        outbox, bound, hub = self._outbox, world.plan.outbox, world.hub
        if not self._socket.closed and hub.now - hub.lines[outbox._fd].moved_at <= world.plan.outbox_age:
            must = sum(len(piece) for piece in outbox._queue if id(piece) not in offered)
            # What a Join brings waits for the line to drain, unless too many answers are owed with it.
            is_owed = bool(writing) and not hurried and any(reason in writing[-1] for reason in OF_A_JOIN)
            if not writing or is_owed or must + len(writing[-1]) <= bound // 4:
                world.oracle.fail(f"{self._name()} is too slow, and takes bytes; {must} that it must have wait")
        close(self)

    def rejected(self: Session, ref: int, target: str | None, *why: Any) -> None:
        for client in world.clients:
            if target is not None and client.core.client_id == self.client_id and ref in client.core.requests.asked:
                client.evicted.add(target)  # its Subscribe is refused, whether it hears of that or not
        reject(self, ref, target, *why)

    def posted(self: Session, ref: int, target: str, message: int, payload: bytes) -> None:
        world.oracle.arrived.setdefault(message, world.hub.now)
        post(self, ref, target, message, payload)

    def ended(self: Connection, code: int, reason: str) -> None:
        if code == 4508 and world.hub.now - world.hub.lines[self._socket.outbox._fd].took_at < HEARTBEAT:
            world.oracle.fail(f"{self._name()} is taken for dead while it takes what it was sent")
        end(self, code, reason)

    def decided(self: RouterActor, verdict: Any) -> None:
        world.site.presence.decided(verdict)
        decide(self, verdict)

    levels: dict[tuple[Any, str], tuple[float, float]] = {}

    def let(self: Gate, ref: int, target: str, size: int) -> bool:
        is_held, is_new = self._is_shut(target), not is_known(self._session.answers, ref)
        lets = let_message(self, ref, target, size)
        if is_held:
            world.oracle.seen["a message is held behind what is too much"] += 1
        rates = world.plan.options["rates"]
        if not lets or not is_new or rates is None or rates.messages is None:
            return lets
        # Not the server's own buckets: what is in this one drains, and it must not run over.
        key, now = (self._session.answers, target), world.hub.now
        level, at = levels.get(key, (0.0, now))
        level = max(0.0, level - (now - at) * rates.messages.per_second) + 1.0
        levels[key] = level, now
        if level > rates.messages.burst + 1e-3:
            world.oracle.fail(f"{self._session} sends more to {target} than {rates.messages}")
        return lets

    places: list[tuple[Any, str, Any, Any]] = [
        (RouterActor, "_decide", decide, decided),
        (Session, "reject", reject, rejected),
        (Session, "post", post, posted),
        (Connection, "_end", end, ended),
        (Outbox, "write", write, written),
        (Outbox, "_write_later", keep, kept),
        (Connection, "_close_too_slow", close, closed),
        (Tokens, "judge", judge, judged),
        (MemoryBook, "expire", expire, expired),
        (Lane, "take", take, taken),
        (Gate, "lets_message", let_message, let),
    ]
    try:
        for kind, name, _, watching in places:
            setattr(kind, name, watching)
        yield
    finally:
        for kind, name, method, _ in places:
            setattr(kind, name, method)
