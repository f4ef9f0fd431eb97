"""Posting: as fast as the answers come, or at a pace. Everything that was posted is waited for and counted."""

from __future__ import annotations

import time
from collections.abc import Callable

from .crowd import Client, Crowd
from .meter import Meter
from .works import DELIVERY, Kind, Work

WARM_UP = 0.5
"""Seconds of load before the window; less before a shorter one."""


class Load:
    """One run of a work whose clients are in place."""

    def __init__(self, crowd: Crowd, work: Work, meter: Meter) -> None:
        self._crowd = crowd
        self._work = work
        self._meter = meter
        self._posts = self._acks = self._deliveries = self._expected = 0
        self._begin = self._next = 0.0
        topics = list(crowd.topics.values())
        # Neighbours are in different topics, so that the pace of each topic is even too.
        ranks = work.topic_size if work.all_post else 1
        self._authors = [topic.members[rank] for rank in range(ranks) for topic in topics if rank < len(topic.members)]

    def run(self) -> None:
        """Warm up, measure, and wait for the rest.

        Raises: RuntimeError if an acknowledgement or a delivery is missing, or there is one too many.
        """
        meter, work = self._meter, self._work
        self._begin = time.perf_counter() + min(WARM_UP, work.seconds)
        end = self._begin + work.seconds
        turn = self._pace if work.kind is Kind.PACE else self._answer
        if work.kind is Kind.SATURATE:
            for author in self._authors:
                self._post(author, work.in_flight, time.perf_counter())
        self._next = time.perf_counter()
        while (now := time.perf_counter()) < end:
            if now >= self._begin and not meter.is_running:
                meter.start(self._units)
            turn(True)
        meter.stop(self._units)
        self._settle(turn)

    @property
    def _units(self) -> int:
        return self._deliveries if self._work.unit == DELIVERY else self._acks

    def _settle(self, turn: Callable[[bool], None]) -> None:
        until = time.perf_counter() + 20.0
        while (self._acks, self._deliveries) != (self._posts, self._expected) and time.perf_counter() < until:
            turn(False)
        until = time.perf_counter() + 0.05
        while time.perf_counter() < until:
            turn(False)  # whatever is too many
        if (self._acks, self._deliveries) != (self._posts, self._expected) or self._crowd.lost:
            raise RuntimeError(
                f"{self._posts} posts: expected as many acknowledgements and {self._expected} deliveries, "
                f"got {self._acks} and {self._deliveries}; {self._crowd.lost} connections were lost"
            )

    def _post(self, author: Client, count: int, now: float) -> None:
        self._posts += count
        self._expected += count * (len(author.topic.members) - 1)
        self._crowd.post(author, count, now)

    def _answer(self, is_open: bool) -> None:
        """Answer each acknowledgement with the next message; its latency is the answer's."""
        for client, acks, deliveries in self._crowd.read():
            self._deliveries += deliveries
            if acks:
                self._acks += acks
                now = time.perf_counter()
                for _ in range(min(acks, len(client.posted))):
                    self._note(client.posted.popleft(), now)
                if is_open:
                    self._post(client, acks, now)

    def _pace(self, is_open: bool) -> None:
        """Post what is due; each delivery has its latency, as a topic's messages come to everybody in one order."""
        now = time.perf_counter()
        if is_open and now >= self._next:
            self._next = max(self._next + 1 / self._work.rate, now - 0.1)
            self._post(self._authors[self._posts % len(self._authors)], 1, now)
        for client, acks, deliveries in self._crowd.read():
            self._acks += acks
            self._deliveries += deliveries
            seen, client.seen = client.seen, client.seen + acks + deliveries
            now = time.perf_counter()
            for posted in client.topic.posted[seen : client.seen]:
                self._note(posted, now)

    def _note(self, posted: float, now: float) -> None:
        """Take down the latency of what was posted in the window, whenever the answer comes."""
        if posted >= self._begin:
            self._meter.latencies.append(now - posted)
