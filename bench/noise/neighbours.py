"""The 200 that want to be left in peace: each posts now and then, and every delivery has its latency."""

from __future__ import annotations

import time

from ..crowd import Crowd
from ..wire import DELIVERED, WIRES

COUNT, TOPIC = 200, 10
"""Clients, and how many of them share a topic."""

RATE = 200.0
"""Messages a second, of all together: each of them has one a second, delivered to ten."""

SETTLE = 10.0
"""Seconds that deliveries may be late at the end of a window."""


class Neighbours:
    """Connected when made."""

    def __init__(self, port: int) -> None:
        self._crowd = Crowd(WIRES["nuphar"], port)
        self._crowd.open([f"t:{at // TOPIC}" for at in range(COUNT)], DELIVERED.decode().ljust(64, "x"))
        topics = list(self._crowd.topics.values())
        self._authors = [topic.members[rank] for rank in range(TOPIC) for topic in topics]
        self._posts = self._heard = 0

    def listen(self, seconds: float) -> list[float]:
        """Post at the pace for so long, and return the latency of each delivery and acknowledgement in ms, sorted.

        Raises: RuntimeError if something that was posted is not heard of.
        """
        latencies: list[float] = []
        begun = upcoming = time.perf_counter()
        end = begun + seconds
        while (now := time.perf_counter()) < end:
            if now >= upcoming:
                upcoming += 1 / RATE  # what is late is made up for, so a server that stands still hides nothing
                self._crowd.post(self._authors[self._posts % len(self._authors)], 1, now)
                self._posts += 1
            else:
                self._take(latencies, min(upcoming, end) - now)
        until = time.perf_counter() + SETTLE
        while self._heard < self._posts * TOPIC:
            if time.perf_counter() > until:
                raise RuntimeError(f"expected {self._posts * TOPIC} deliveries, got {self._heard}")
            self._take(latencies, 0.01)
        return sorted(latency * 1e3 for latency in latencies)

    def idle(self, seconds: float) -> None:
        """Read only, for so long."""
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            self._take([], end - now)

    def close(self) -> None:
        """Close everything."""
        self._crowd.close()

    def _take(self, latencies: list[float], patience: float) -> None:
        for client, acks, deliveries in self._crowd.read(patience):
            seen, client.seen = client.seen, client.seen + acks + deliveries
            self._heard += acks + deliveries
            now = time.perf_counter()
            latencies += [now - posted for posted in client.topic.posted[seen : client.seen]]
