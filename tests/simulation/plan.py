"""What one seed is to do: which faults it has at all, how often, and how small everything is. Drawn once, then fixed.

Swarm testing: a seed with every fault reaches less than many seeds with a few each.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from nuphar.actors.sessions.meter import CREDIT
from nuphar.actors.targets.pace import RATE
from nuphar.actors.words import delivery
from nuphar.actors.words.rates import Rate, Rates


@dataclass(frozen=True)
class LogPlan:
    """A log that needs up to ``delay`` seconds, and how often it fails, loses an answer, or gives none."""

    delay: float
    fail: float
    lose: float
    silent: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Rates are weights of the actions among each other, or chances; times are in seconds."""

    clients: int
    sizes: dict[str, int]
    options: dict[str, Any]
    rules: tuple[Any, ...]
    """The delivery rules of the topics, in their order."""
    weights: dict[str, float]
    pace: float
    """Seconds between two actions, on average."""
    delay: float
    """Seconds that a piece of data travels, at most."""
    capacity: int
    """Bytes that a line takes before its reader does."""
    lag: float
    """The chance that the network is faster than an actor."""
    hook_pause: float
    """Seconds that a hook takes, at most; 0 for none."""
    crash: float
    """The chance that an actor crashes on a message."""
    pause_kill: float
    """The chance that an actor which lets others run is killed while they do."""
    bad: float
    """The chance that a message is one that is refused, or crashes."""
    outbox: int
    outbox_age: float
    chop: float
    """The chance that what a client sends goes out in more than one piece."""
    message: int
    """Bytes of one message of a client, at most: its Hello may have room for one cursor or two."""
    hook_fault: float
    """The chance that the hook which says who may subscribe raises."""
    router: int
    """Messages that the router's mailbox takes."""
    is_unseen: bool
    """Whether there is never time to look whether a model can be written."""
    log: LogPlan | None = None
    """The log of the topics with a store; None: the server's memory."""


def conflate(message: Any) -> Any:
    """Group messages by four."""
    return (message >> 4) & 3


RULES = (delivery.ALL, delivery.drop_oldest(2), delivery.latest(), delivery.conflate(conflate), delivery.sample(4))

ALWAYS = {"dispatch": 30.0, "settle": 1.0}

SOMETIMES = {
    "server_dispatch": 8.0,
    "own_dispatch": 2.0,
    "broadcast": 3.0,
    "push": 4.0,
    "cut": 3.0,
    "blip": 3.0,
    "duplicate": 2.0,
    "stall": 3.0,
    "subscribe": 4.0,
    "unsubscribe": 3.0,
    "call": 2.0,
    "forbid": 1.0,
    "revoke": 3.0,
    "allow": 2.0,
    "evict": 0.5,
    "admit": 0.5,
    "kill": 1.0,
    "thief": 0.6,
    "leave": 0.5,
    "stop_topic": 0.6,
    "give_store": 0.2,
    "stop_server": 0.15,
    "crash_server": 0.1,
    "burst": 2.0,
    "again": 1.0,
    "resync": 1.0,
    "sleep_long": 0.3,
    "lose_welcome": 1.5,
    "garbage": 0.3,
    "lose_message": 1.0,
    "sign_in": 1.0,
    "expire": 1.0,
    "flood": 2.0,
}


def few(rng: Random) -> Rates:
    """Draw limits that are met all the time."""
    messages = Rate(rng.choice((5, 20)), rng.choice((1, 3, 10)))
    return Rates(messages=messages, subscribes=Rate(5, rng.choice((1, 4))), user=None, address=None)


def draw(rng: Random) -> Plan:
    """Draw a plan."""
    chance = rng.random

    def sometimes(value: Any, otherwise: Any, how_often: float = 0.5) -> Any:
        return value if chance() < how_often else otherwise

    weights = dict(ALWAYS)
    for name, weight in SOMETIMES.items():
        if chance() < 0.6:
            weights[name] = weight * 4 ** (2 * chance() - 1)
    window = rng.choice((8, 16, 32, 1024))
    sizes = {
        "window": window,
        "refusals": rng.choice((1, 4, 64)),
        # More than the window in some seeds: then an answer may be forgotten.
        "in_flight": sometimes(2 * window, max(3, window // 2), 0.25) if window < 1024 else 700,
        "drain": rng.choice((1, 2, 5, 256)),
        "owed": rng.choice((2, 1_000)),
        "naming": rng.choice((3, 30)),
        "credit": 4 if window < 1024 else CREDIT,
        "catching_up": sometimes(100, RATE, 0.3),
    }
    slow = chance() < 0.5
    log = None
    if chance() < 0.4:
        fails, loses, is_silent = (sometimes(0.3 * chance(), 0.0) for _ in range(3))
        log = LogPlan(rng.choice((0.0, 0.01, 0.3, 2.0)), fails, loses, is_silent)
    return Plan(
        clients=rng.choice((1, 2, 2, 3, 3, 4)),
        sizes=sizes,
        options={
            "history": rng.choice((1, 1, 3, 8, 1_000)),
            "resume_window": rng.choice((0.0, 6.0, 30.0, 120.0, 120.0)),
            "max_detached": sometimes(1, 10_000, 0.15),
            "mailbox": sometimes(6, 10_000, 0.2),
            "max_subscriptions": sometimes(3, 1_000, 0.1),
            "max_detached_bytes": sometimes(2_000, 1 << 28, 0.15),
            "max_hooks": sometimes(2, 1_000, 0.2),
            "max_hooks_each": sometimes(1, 32, 0.2),
            "max_topics_begun": sometimes(1, 1_000, 0.1),
            "topic_window": rng.choice((2.0, 20.0, 600.0)),
            "log_timeout": rng.choice((0.5, 3.0, 10.0)),
            "rates": sometimes(few(rng), Rates(), 0.3),
        },
        rules=tuple(sometimes(rng.choice(RULES), delivery.ALL) for _ in range(4)),
        weights=weights,
        pace=rng.choice((0.02, 0.1, 0.5)),
        delay=rng.choice((0.001, 0.05, 0.3, 2.0)),
        capacity=rng.choice((200, 800, 4_000)) if slow else 1 << 20,
        lag=sometimes(0.3 * chance(), 0.0),
        hook_pause=sometimes(2.0 * chance(), 0.0, 0.45),
        crash=sometimes(0.01 * chance(), 0.0, 0.5),
        pause_kill=sometimes(0.2 * chance(), 0.0, 0.3),
        bad=sometimes(0.3 * chance(), 0.0, 0.6),
        outbox=rng.choice((300, 300, 2_000, 1 << 20)) if slow else 1 << 20,
        outbox_age=10.0,
        chop=sometimes(0.5, 0.0, 0.3),
        message=rng.choice((120, 140, 1 << 16)),
        hook_fault=sometimes(0.3 * chance(), 0.0, 0.3),
        router=sometimes(2, 10_000, 0.2),
        log=log,
        is_unseen=chance() < 0.4,
    )
