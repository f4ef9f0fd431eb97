"""Crashes of actors, put in from outside: on a message in hand, and while an actor lets others run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit

from nuphar.actors import target_actor
from nuphar.actors.router import RouterActor
from nuphar.actors.target_actor import TargetActor

from .oracle import Crash

if TYPE_CHECKING:
    from .world import World

IN_A_SECOND = 5
"""Crashes, at most: the tree gives up over a hundred in ten seconds, and rightly so."""


class Pausing:
    """The name ``gevent`` of the targets' actors: one may be killed while it lets others run."""

    def __init__(self, world: World) -> None:
        self._world = world

    def sleep(self, seconds: float) -> None:
        world = self._world
        world.oracle.seen["a long drain lets others run"] += 1
        world.hub.sleep(seconds)
        if world.chance() < world.plan.pause_kill and may_crash(world):
            world.oracle.seen["killed behind a message that was applied"] += 1
            me = world.hub.getcurrent()
            for ref in world.site.living():
                if ref.actor_inbox.taking is me:
                    ref.is_killed = True
            raise GreenletExit


def may_crash(world: World) -> bool:
    """Say whether one more crash is not too much."""
    if world.is_calm or world.crashes > IN_A_SECOND * (world.hub.now + 1.0):
        return False
    world.crashes += 1
    return True


@contextmanager
def injected(world: World) -> Iterator[None]:
    """Let actors crash as the plan says."""
    before = [(kind, kind.handle) for kind in (TargetActor, RouterActor)]
    pausing = target_actor.gevent
    crash, chance, seen = world.plan.crash, world.chance, world.oracle.seen

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
        if world.plan.pause_kill:
            target_actor.gevent = Pausing(world)  # type: ignore[assignment]
        if crash:
            for kind, handle in before:
                kind.handle = crashing(kind, handle)  # type: ignore[method-assign]
        yield
    finally:
        target_actor.gevent = pausing
        for kind, handle in before:
            kind.handle = handle  # type: ignore[method-assign]
