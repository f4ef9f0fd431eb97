"""What is put in from outside: crashes on a message in hand, kills while an actor lets others run, and counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit

from nuphar.actors.routing.router import RouterActor
from nuphar.actors.sessions.answers import RefFate
from nuphar.actors.sessions.repeats import Repeats
from nuphar.actors.sessions.session_book import MemoryBook
from nuphar.actors.targets.catch_up import CatchUp
from nuphar.actors.targets.lane import Lane
from nuphar.actors.targets.subscribers import Subscribers
from nuphar.actors.targets.target_actor import TargetActor
from nuphar.transport.client.core.replicas import Replicas

from .oracle import Broken, Crash, Fatal

if TYPE_CHECKING:
    from .world import World

IN_A_SECOND = 5
"""Crashes, at most: the tree gives up over a hundred in ten seconds, and rightly so."""


class Pausing:
    """What actors and readers call at the end of a turn: an actor may be killed while it lets others run."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self) -> None:
        world = self._world
        world.hub.sleep()
        me = world.hub.getcurrent()
        mine = [ref for ref in world.site.living() if ref.actor_inbox.taking is me]
        if not mine:
            return  # a reader
        world.oracle.seen["a long drain lets others run"] += 1
        if world.chance() < world.plan.pause_kill and may_crash(world):
            world.oracle.seen["killed behind a message that was applied"] += 1
            for ref in mine:
                ref.is_killed = True
            raise GreenletExit


def may_crash(world: World) -> bool:
    """Say whether one more crash is not too much."""
    if world.is_calm or world.crashes > IN_A_SECOND * (world.hub.now + 1.0):
        return False
    world.crashes += 1
    return True


def probes(seen: Counter[str]) -> list[tuple[type, str, Any]]:
    """Return methods that count what they do, and else do what they did."""
    take, expire, gap, write = Repeats.take, MemoryBook.expire, Replicas._gap, CatchUp.write
    owe, put_off = Lane.owe, Subscribers.put_off

    def counted_take(self: Repeats, fate: RefFate, ref: int, target: str) -> None:
        if fate is RefFate.FORGOTTEN:
            seen["a ref below the window"] += 1
        elif fate is RefFate.BACKWARD:
            seen["a ref that goes back"] += 1
        elif self._session.answers.answer(ref) is None:
            seen["a repeat that waits for its answer"] += 1
        else:
            seen["a repeat that was answered"] += 1
        take(self, fate, ref, target)

    def counted_expire(self: MemoryBook, now: float) -> Any:
        due = expire(self, now)
        seen["a session has expired"] += len(due)
        return due

    def counted_gap(self: Replicas, target: str, replica: Any, cursor: Any) -> Any:
        seen["a gap asks for a Resync"] += not replica.is_behind
        return gap(self, target, replica, cursor)

    def counted_write(self: CatchUp, encoding: Any, order: Any, debt: Any, own: Any = ()) -> Any:
        pieces = write(self, encoding, order, debt, own)
        since = debt.since
        if debt.before:
            is_whole = order.missed(*since) is not None
            seen["own messages among what was missed" if is_whole else "own messages before a Snapshot"] += 1
        elif pieces and since is not None and order is not None and order.missed(*since):
            seen["only what was missed"] += 1
        return pieces

    def counted_owe(self: Lane, debt: Any, own: Any) -> None:
        seen["a Join that is owed until its line has drained"] += 1
        owe(self, debt, own)

    def counted_put_off(self: Subscribers, subscriber: Any, until: float, debt: Any, own: Any) -> Any:
        effects = put_off(self, subscriber, until, debt, own)
        seen["a Join that is owed until its client may have more"] += until > float("-inf")
        return effects

    return [
        (Repeats, "take", counted_take),
        (MemoryBook, "expire", counted_expire),
        (Replicas, "_gap", counted_gap),
        (CatchUp, "write", counted_write),
        (Lane, "owe", counted_owe),
        (Subscribers, "put_off", counted_put_off),
    ]


@contextmanager
def injected(world: World) -> Iterator[None]:
    """Let actors crash as the plan says."""
    before = [(kind, kind.handle) for kind in (TargetActor, RouterActor)]
    counted = [(kind, name, getattr(kind, name)) for kind, name, _ in probes(world.oracle.seen)]
    crash, chance, seen = world.plan.crash, world.chance, world.oracle.seen

    def watched(kind: type, handle: Any) -> Any:
        """See that an actor crashes by what is put in, or by a message that is meant to end it, and by nothing else."""

        def handle_well(actor: Any, message: Any) -> Any:
            try:
                return handle(actor, message)
            except (Broken, Crash, Fatal):
                raise
            except Exception as error:
                world.oracle.fail(f"{kind.__name__} crashes on {message!r}: {error!r}")

        return handle_well

    def crashing(kind: type, handle: Any) -> Any:
        point = f"{kind.__name__} crashes with a message in hand"

        def handle_or_crash(actor: Any, message: Any) -> Any:
            if chance() < crash and not actor.mailbox.crashes and may_crash(world):
                seen[point] += 1
                world.note("crash", actor.name)
                raise Crash
            return handle(actor, message)

        return handle_or_crash

    try:
        for where, name, probe in probes(world.oracle.seen):
            setattr(where, name, probe)
        if world.plan.pause_kill:
            world.hub.pause = Pausing(world)  # type: ignore[method-assign]
        for kind, handle in before:
            kind.handle = watched(kind, handle)  # type: ignore[method-assign]
            if crash:
                kind.handle = crashing(kind, kind.handle)  # type: ignore[method-assign]
        yield
    finally:
        for where, name, method in counted:
            setattr(where, name, method)
        for kind, handle in before:
            kind.handle = handle  # type: ignore[method-assign]
