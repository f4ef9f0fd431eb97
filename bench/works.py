"""What is measured: each work as data. Every server does the same work, unless ``only`` says who can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

MESSAGE = 64
"""Bytes of a message, the marker that it is counted by included."""

LARGE = 64 * 1024 - 64
"""Bytes of a large message: with its envelope it just fits into the 64 KiB that Nuphar takes by default."""


class Kind(StrEnum):
    """How a work is done."""

    SATURATE = "saturate"  # every author keeps ``in_flight`` messages unanswered
    PACE = "pace"  # ``rate`` messages a second in all, whatever the server does
    IDLE = "idle"  # connections that say nothing but the answers to heartbeats
    CONNECT = "connect"  # upgrade, hello, subscribe, snapshot
    TOPICS = "topics"  # many topics, one message each, and the end of the server


@dataclass(frozen=True)
class Work:
    """``authors``: whether all clients post, or only the first of each topic. Latency is from a message's post to its
    acknowledgement where it saturates, to each of its deliveries where it is paced."""

    id: str
    title: str
    unit: str
    kind: Kind
    clients: int
    topic_size: int
    in_flight: int = 0
    rate: float = 0.0
    all_post: bool = True
    message: int = MESSAGE
    seconds: float = 2.0
    heartbeat: float = 20.0
    only: str = ""

    @property
    def topics(self) -> int:
        """How many topics there are."""
        return -(-self.clients // self.topic_size)


DELIVERY, MESSAGES = "delivery", "message"


def fan_out(id: str, clients: int, rate: float) -> Work:
    """One message at a time to everybody in one topic."""
    title = f"one message to {clients:,} subscribers"
    return Work(id, title, DELIVERY, Kind.PACE, clients, clients, rate=rate, all_post=False)


def update(id: str, size: int, in_flight: int) -> Work:
    """Everybody posts, and waits for his acknowledgement."""
    title = f"update + acknowledge, topics of {size}, {in_flight} in flight"
    return Work(id, title, MESSAGES, Kind.SATURATE, 200, size, in_flight)


def topics_of_100(id: str, rate: float) -> Work:
    """A thousand clients in topics of a hundred; everybody posts in turn."""
    title = f"1,000 clients in topics of 100, {rate:g} messages/s"
    return Work(id, title, MESSAGES, Kind.PACE, 1_000, 100, rate=rate)


SATURATED = Work("w2", "1,000 clients in topics of 100, saturated", MESSAGES, Kind.SATURATE, 1_000, 100, 1)
OUT = Work("w6-out", "64 KiB out to 100", MESSAGES, Kind.SATURATE, 101, 101, 1, all_post=False, message=LARGE)

WORKS = (
    fan_out("w1-1000", 1_000, 10.0),
    fan_out("w1-8000", 8_000, 2.0),
    SATURATED,
    topics_of_100("w2-paced", 100.0),
    update("w3-1", 1, 1),
    update("w3-2", 2, 1),
    update("w3-10", 10, 1),
    update("w3-2x8", 2, 8),
    Work("w4", "8,000 idle connections", "heartbeat", Kind.IDLE, 8_000, 100, seconds=8.0, heartbeat=4.0),
    Work("w5", "connect + hello + subscribe + snapshot", "connect", Kind.CONNECT, 2_000, 100),
    Work("w6-in", "64 KiB in", MESSAGES, Kind.SATURATE, 10, 1, 1, message=LARGE),
    OUT,
    Work("w7", "10,000 topics with one message each", "topic", Kind.TOPICS, 10_000, 1, only="nuphar"),
    Work("w7-100000", "100,000 topics with one message each", "topic", Kind.TOPICS, 100_000, 1, only="nuphar"),
)
"""The rows of the table."""

CONNECTIONS = tuple(
    fan_out(f"connections-{clients}", clients, 20_000 / clients) for clients in (100, 300, 1_000, 3_000, 10_000)
)
"""The curve of cost against connections: always 20,000 deliveries a second."""

LOAD = (
    *(topics_of_100(f"load-{rate}", float(rate)) for rate in (30, 100, 300, 1_000)),
    replace(SATURATED, id="load-saturated"),
)
"""The curve of cost against load."""


def quick(work: Work) -> Work:
    """Return a work small enough for a test: a few clients, a fraction of a second."""
    clients = min(work.clients, 20)
    size = min(work.topic_size, clients)
    return replace(work, clients=clients, topic_size=size, seconds=0.4, rate=min(work.rate, 50.0), heartbeat=2.0)


def choose(names: str) -> list[Work]:
    """Return the works, of the table and the curves, whose id is or begins with one of ``names``, by commas.

    Raises: ValueError for a name that fits none.
    """
    everything = (*WORKS, *CONNECTIONS, *LOAD)
    chosen: list[Work] = []
    for name in names.split(",") if names else ():
        found = [work for work in everything if work.id == name or work.id.startswith(f"{name}-")]
        if not found:
            raise ValueError(f"there is no work {name!r}; there are {', '.join(work.id for work in everything)}")
        chosen += [work for work in found if work not in chosen]
    return chosen or list(everything)
