"""A load run: connect, post, wait for what is under way, compare, stop, count."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import gevent
from gevent.event import Event

from ..actors.targets import topic_target
from .checker import Checker
from .client import Client
from .connect import allow_files, connect_all
from .errors import LoadError
from .latency import Latencies
from .model import PREFIX
from .own_server import OwnServer
from .plan import Address, Plan
from .result import Result
from .tally import is_settled, tally

PATIENCE = 15.0
"""Seconds for what is under way when the posting ends: a topic that was killed too often waits before it is back."""

HASTE = 2.0
"""The same after Ctrl-C."""

END = 6.0
"""Seconds for the end of all connections: a server stops in five."""

_TICK = 0.002  # seconds between two looks at how many messages are due
_BURST = 200  # messages posted in one go, so that reading has its turn when we are behind
_TELL = 0.2  # seconds between two words on progress
_LOOK = 0.02  # seconds between two looks at what is under way
_REMARKS = 3  # of a kind that are shown


class Progress(NamedTuple):
    """How far a run is: ``done`` of ``total`` in ``phase``."""

    phase: str
    done: float
    total: float
    acknowledged: int
    delivered: int


class Run:
    """One run of ``plan``. ``tell`` hears of the progress a few times a second."""

    def __init__(self, plan: Plan, tell: Callable[[Progress], None]) -> None:
        self.over = Event()
        """Set it to end the run early; what was measured until then is counted."""
        self._plan = plan
        self._tell = tell
        self._clock = time.monotonic
        self._latencies = Latencies()
        run = secrets.randbits(32)
        self._clients = [
            Client(topic_target(f"{PREFIX}{n % plan.topics}"), Checker(n, run, self._latencies), self._clock)
            for n in range(plan.clients)
        ]
        self._topics = [self._clients[n :: plan.topics] for n in range(plan.topics)]
        self._server: OwnServer | None = None
        self._kills = 0
        self._remarks: list[str] = []
        self._phase: tuple[str, Callable[[], float], float] = ("starting", lambda: 0.0, 1.0)

    def run(self) -> Result:
        """Do it all, and leave nothing behind.

        Raises: LoadError if it cannot begin, or its own server is gone.
        """
        allow_files(len(self._clients))
        teller = gevent.spawn(self._keep_telling)
        try:
            url = self._plan.url
            if url is None:
                self._server = OwnServer()
                url = self._server.url
            self._connect(Address.of(url))
            before = self._cpu()
            seconds = self._post()
            cores = [(now - then) / seconds for now, then in zip(self._cpu(), before, strict=True)]
            self._settle()
            disconnects = self._count_disconnects()
            self._stop()
        finally:
            teller.kill()
            for client in self._clients:
                client.wait_closed(0)
            if self._server is not None:
                self._server.end()
        return Result(
            plan=self._plan,
            seconds=seconds,
            subscriptions=sum(client.checker.joined for client in self._clients),
            counts=tally([client.checker for client in topic] for topic in self._topics),
            latencies=self._latencies,
            disconnects=disconnects,
            kills=self._kills,
            client_cpu=cores[0],
            server_cpu=cores[1] if len(cores) > 1 else None,
            remarks=self._remarks,
        )

    def _connect(self, address: Address) -> None:
        clients = self._clients
        self._phase = "connecting", lambda: sum(client.is_open for client in clients), len(clients)
        connect_all(clients, address, self.over, self._clock)

    def _post(self) -> float:
        """Post at the planned rate, and return for how many seconds."""
        plan, clients, clock = self._plan, self._clients, self._clock
        rate = plan.messages_per_second
        wanted = max(1, round(plan.seconds * rate))
        posted, elapsed, started = 0, 0.0, clock()
        self._phase = "posting", lambda: clock() - started, plan.seconds
        calm = Event()
        killer = gevent.spawn(self._keep_killing, calm)
        while elapsed < plan.seconds and not self.over.wait(_TICK):
            elapsed = clock() - started
            due = wanted if elapsed >= plan.seconds else int(elapsed * rate)
            for number in range(posted, min(due, posted + _BURST)):
                clients[number % len(clients)].post()
                posted = number + 1
        calm.set()
        killer.join()
        if posted < wanted and not self.over.is_set():
            self._remarks.append(f"only {posted:,} of {wanted:,} messages could be posted: take a lower --rate")
        return max(_TICK, min(elapsed, plan.seconds))

    def _keep_killing(self, calm: Event) -> None:
        trouble = self._plan.trouble
        if self._server is None or trouble is None:
            return
        command, seconds = trouble
        while not calm.wait(seconds):
            try:
                self._kills += self._server.ask(command)["killed"]
            except LoadError as error:
                self._remarks.append(str(error))
                return

    def _settle(self) -> None:
        """Wait for all answers and deliveries, and then for every client's comparison."""
        self._wait("waiting for the last messages", self._settled)
        for client in self._clients:
            client.compare()
        self._wait("comparing models", lambda: [client for client in self._clients if client.checker.compared])
        late = [client for client in self._clients if client.is_open and not client.checker.compared]
        for client in late:
            client.checker.diverged = True
        if late:
            self._remarks.append(f"{len(late):,} clients got no Snapshot to compare their model with")

    def _settled(self) -> list[Client]:
        settled = []
        for topic in self._topics:
            acknowledged = sum(client.checker.acknowledged for client in topic)
            settled += [client for client in topic if is_settled(client.checker, acknowledged)]
        return settled

    def _wait(self, phase: str, find_done: Callable[[], list[Client]]) -> None:
        started = self._clock()
        done: set[Client] = set()
        self._phase = phase, lambda: len(done), len(self._clients)
        while self._clock() - started < (HASTE if self.over.is_set() else PATIENCE):
            done = set(find_done())
            if all(client in done or not client.is_open for client in self._clients):
                return
            gevent.sleep(_LOOK)

    def _count_disconnects(self) -> int:
        gone = [client for client in self._clients if client.ending]
        faults = [client.checker.fault for client in self._clients if client.checker.fault is not None]
        self._remarks += [f"a client was disconnected: {how}" for how in _few(client.ending for client in gone)]
        self._remarks += [f"a client was told: {fault}" for fault in _few(faults)]
        return len(gone)

    def _stop(self) -> None:
        self._phase = "stopping", lambda: sum(not client.is_open for client in self._clients), len(self._clients)
        if self._server is not None:
            self._server.begin_end()
        else:
            for client in self._clients:
                client.close()
        deadline = self._clock() + END
        for client in self._clients:
            client.wait_closed(max(0.0, deadline - self._clock()))

    def _cpu(self) -> list[float]:
        """Return the seconds of CPU of this process and, if it is ours, the server's."""
        return [time.process_time(), *([] if self._server is None else [self._server.ask("cpu")["cpu"]])]

    def _keep_telling(self) -> None:
        while True:
            phase, done, total = self._phase
            checkers = [client.checker for client in self._clients]
            acknowledged = sum(checker.acknowledged for checker in checkers)
            self._tell(Progress(phase, done(), total, acknowledged, sum(checker.delivered for checker in checkers)))
            gevent.sleep(_TELL)


def _few(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:_REMARKS]
