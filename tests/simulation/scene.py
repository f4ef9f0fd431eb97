"""A world in which only happens what a test says: one server, clients that do not act by themselves, no faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nuphar.actors.sessions.meter import CREDIT
from nuphar.actors.targets.pace import RATE
from nuphar.actors.words import delivery
from nuphar.transport import decode
from nuphar.transport import frames as f

from .client import Client
from .confirming import confirmed
from .faults import injected
from .oracle import STORE
from .plan import Plan
from .seams import replaced
from .site import PLAIN
from .world import World

T = "topic:board"

QUIET = Plan(
    clients=0,
    sizes={
        "credit": CREDIT,
        "window": 1024,
        "refusals": 64,
        "in_flight": 700,
        "drain": 256,
        "owed": 1_000,
        "naming": 30,
        "catching_up": RATE,
    },
    options={
        "history": 1_000,
        "resume_window": 120.0,
        "max_detached": 10_000,
        "mailbox": 10_000,
        "max_subscriptions": 1_000,
        "max_detached_bytes": 1 << 28,
        "max_hooks": 1_000,
        "max_hooks_each": 32,
        "max_topics_begun": 1_000,
        "topic_window": 600.0,
        "log_timeout": 10.0,
    },
    rules=(delivery.ALL,) * 4,
    weights={"settle": 1.0},
    pace=0.1,
    delay=0.01,
    capacity=1 << 20,
    lag=0.0,
    hook_pause=0.0,
    crash=0.0,
    pause_kill=0.0,
    bad=0.0,
    outbox=1 << 20,
    outbox_age=10.0,
    chop=0.0,
    message=1 << 16,
    hook_fault=0.0,
    router=10_000,
    is_unseen=False,
)


class Heard(Client):
    """A client that keeps what it has heard."""

    def __init__(self, world: World, name: str, targets: dict[str, Any]) -> None:
        super().__init__(world, name, targets)
        self.raw: list[bytes] = []

    def _receive(self, frame: bytes, kind: int) -> None:
        self.raw.append(frame)
        super()._receive(frame, kind)

    def heard(self, kind: Any, target: str = T) -> list[Any]:
        """Return the frames of a kind about ``target``."""
        frames = [decode(frame, PLAIN) for frame in self.raw]
        return [frame for frame in frames if isinstance(frame, kind) and getattr(frame, "target", target) == target]

    def bytes_of(self, seq: int) -> list[bytes]:
        """Return the ServerMessages of one seq, as they came."""
        return [
            raw
            for raw in self.raw
            if isinstance(frame := decode(raw, PLAIN), f.ServerMessage) and (frame.target, frame.seq) == (T, seq)
        ]


class Scene:
    """`rest` lets time pass; every frame that a client hears is checked as in any run."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: Counter[str] = world.oracle.seen

    def client(self, *targets: str) -> Heard:
        """Return a client that is live and follows ``targets``."""
        stores = {target: None if target.startswith("topic:eph") else STORE for target in targets or (T,)}
        client = Heard(self.world, f"c{len(self.world.clients) + 1}", stores)
        self.world.clients.append(client)
        client.connect()
        self.rest()
        assert client.core.is_settled()
        return client

    def rest(self, seconds: float = 4.0) -> None:
        """Let everybody come back, and everything arrive."""
        self.world.run_until(self.world.hub.now + seconds)

    def post(self, client: Client, target: str = T) -> int:
        """Have a client send something."""
        message = self.world.next_message(0)
        client.dispatch(target, message)
        return message

    def cut(self, client: Client, server_hears: float = 0.0) -> None:
        """Cut a client's line; it hears of it at once."""
        assert client.line is not None
        client.line.cut(self.world.rng, server_hears, 0.0)

    def order(self) -> Any:
        """Return the order of the board."""
        topic = self.world.site.topic("board")
        assert topic is not None
        return topic.target.order


@contextmanager
def scene(**changes: Any) -> Iterator[Scene]:
    """Give a scene; at its end everybody has to be current, and then nothing may be left."""
    options = QUIET.options | changes.pop("options", {})
    world = World(1, replace(QUIET, options=options, **changes))
    with replaced(world.plan.sizes), injected(world), confirmed(world):
        world.start_site()
        yield Scene(world)
        world.calm_down()
        world.close_down()
