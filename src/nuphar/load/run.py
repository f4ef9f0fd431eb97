"""A load run: connect, post, wait for what is under way, compare, stop, count."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterable

import gevent
from gevent.event import Event

from ..actors.words.target_names import topic_target
from .checker import Checker
from .client import LoadClient
from .connect import connect_all
from .errors import LoadError
from .flaky import Flaky
from .latency import Latencies
from .model import PREFIX
from .open_files import allow_files
from .own_server import OwnServer
from .plan import STOP, Plan, WebSocketAddress
from .progress import RunProgress
from .reader import SharedReader
from .result import Result
from .stream import KnownBytes
from .tally import is_settled, tally
from .telling import ProgressTeller

NEWS_PATIENCE = 15.0
"""Seconds without news after which what is under way is given up: a topic that was killed too often comes back late."""

HASTE = 2.0
"""The same after Ctrl-C."""

LONGEST_RUN = 120.0
"""Seconds after which it is given up though there is news."""

END = STOP + 1.0
"""Seconds for the end of all connections."""

_TICK = 0.002  # seconds between two looks at how many messages are due
_BURST = 200  # messages posted in one go, so that reading has its turn when we are behind
_ASKED = 100  # clients that ask for their model in one go
_LOOK = 0.02  # seconds between two looks at what is under way
_REMARKS = 3  # of a kind that are shown


class Run:
    """One run of ``plan``. ``tell``, if there is one, hears of the progress a few times a second."""

    def __init__(self, plan: Plan, tell: Callable[[RunProgress], None] | None = None) -> None:
        self.over = Event()
        """Set it to end the run early; what was measured until then is counted."""
        self._plan = plan
        self._tell = tell
        self._clock = time.monotonic
        self._latencies = Latencies()
        self._reader = SharedReader()
        run, known = secrets.randbits(32), KnownBytes()
        self._clients = [
            LoadClient(
                topic_target(f"{PREFIX}{n % plan.topics}"),
                Checker(n, run, self._latencies),
                self._clock,
                self._reader,
                known,
            )
            for n in range(plan.clients)
        ]
        self._topics = [self._clients[n :: plan.topics] for n in range(plan.topics)]
        self._server: OwnServer | None = None
        self._kills = 0
        self._flaky: Flaky | None = None
        self._remarks: list[str] = []
        self._telling = ProgressTeller(self._clients, self._latencies, self._clock)

    def run(self) -> Result:
        """Do it all, and leave nothing behind.

        Raises: LoadError if it cannot begin, or its own server is gone.
        """
        allow_files(len(self._clients))
        with self._reader:
            return self._run()

    def _run(self) -> Result:
        teller = None if self._tell is None else gevent.spawn(self._telling.run, self._tell)
        try:
            url = self._plan.url
            if url is None:
                self._server = OwnServer()
                url = self._server.url
            address = WebSocketAddress.of(url)
            self._connect(address)
            if self._plan.flaky is not None:
                self._flaky = Flaky(self._clients, address, self._plan.flaky, self._clock, random.random)
            before = self._cpu()
            seconds = self._post()
            cores = [(now - then) / seconds for now, then in zip(self._cpu(), before, strict=True)]
            self._settle()
            disconnects = self._count_disconnects()
            self._stop()
        finally:
            if teller is not None:
                teller.kill()
            for client in self._clients:
                client.give_up()
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
            cuts=0 if self._flaky is None else self._flaky.count,
            client_cpu=cores[0],
            server_cpu=cores[1] if len(cores) > 1 else None,
            remarks=self._remarks,
        )

    def _connect(self, address: WebSocketAddress) -> None:
        clients = self._clients
        self._telling.phase = "connecting", lambda: sum(client.is_open for client in clients), len(clients)
        connect_all(clients, address, self._plan.connect_rate, self.over, self._clock)

    def _post(self) -> float:
        """Post at the planned rate, and return for how many seconds."""
        plan, clients, clock = self._plan, self._clients, self._clock
        rate = plan.messages_per_second
        wanted = max(1, round(plan.seconds * rate))
        posted, elapsed, started = 0, 0.0, clock()
        self._telling.phase = "posting", lambda: clock() - started, plan.seconds
        calm = Event()
        trouble = [gevent.spawn(self._keep_killing, calm)]
        if self._flaky is not None:
            trouble.append(gevent.spawn(self._flaky.run, calm))
        while elapsed < plan.seconds and not self.over.is_set():
            until_due = started + (posted + 1) / rate - clock()
            gevent.sleep(min(max(_TICK, until_due), _LOOK))  # not for long: Ctrl-C is heard in between
            elapsed = clock() - started
            due = wanted if elapsed >= plan.seconds else int(elapsed * rate)
            for number in range(posted, min(due, posted + _BURST)):
                clients[number % len(clients)].post()
                posted = number + 1
        calm.set()
        self._telling.phase = (
            "waiting until all are back",
            lambda: sum(client.is_open for client in clients),
            len(clients),
        )
        gevent.joinall(trouble)
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
        self._wait("waiting for the last messages", _has_settled)
        asked = 0
        self._telling.phase = "asking for models", lambda: asked, len(self._clients)
        for asked, client in enumerate(self._clients, 1):
            client.compare()
            if asked % _ASKED == 0:
                gevent.sleep(_LOOK)  # the answers are the server's work: all at once would hold up its hub
        self._wait("comparing models", _has_compared)
        late = [client for client in self._clients if client.is_open and not client.checker.compared]
        for client in late:
            client.checker.diverged = True
        if late:
            self._remarks.append(f"{len(late):,} clients got no Snapshot to compare their model with")

    def _wait(self, phase: str, is_done: Callable[[list[LoadClient]], bool]) -> None:
        """Wait until ``is_done(topic)`` for every topic, as long as there is news."""
        waiting = list(self._topics)
        total = len(self._clients)
        self._telling.phase = phase, lambda: total - sum(map(len, waiting)), total
        begun = heard = self._clock()
        news = -1
        while True:
            looked = self._clock()
            waiting = [topic for topic in waiting if not is_done(topic)]
            if not waiting:
                return
            if (sum_now := sum(client.checker.heard for topic in waiting for client in topic)) != news:
                news, heard = sum_now, looked
            patience = HASTE if self.over.is_set() else NEWS_PATIENCE
            if looked - heard > patience or looked - begun > LONGEST_RUN:
                return
            gevent.sleep(max(_LOOK, self._clock() - looked))  # at least half of the time is for what comes

    def _count_disconnects(self) -> int:
        gone = [client for client in self._clients if client.ending]
        faults = [client.checker.fault for client in self._clients if client.checker.fault is not None]
        self._remarks += [f"a client was disconnected: {how}" for how in _few(client.ending for client in gone)]
        self._remarks += [f"a client was told: {fault}" for fault in _few(faults)]
        return len(gone)

    def _stop(self) -> None:
        clients = self._clients
        self._telling.phase = "stopping", lambda: sum(not client.is_open for client in clients), len(clients)
        if self._server is not None:
            self._server.begin_end()
        else:
            for client in clients:
                client.close()
        deadline = self._clock() + END
        while self._clock() < deadline and any(client.is_open for client in clients):
            gevent.sleep(_LOOK)

    def _cpu(self) -> list[float]:
        """Return the seconds of CPU of this process and, if it is ours, the server's."""
        return [time.process_time(), *([] if self._server is None else [self._server.ask("cpu")["cpu"]])]


def _has_settled(topic: list[LoadClient]) -> bool:
    acknowledged = sum(client.checker.acknowledged for client in topic)
    return all(not client.is_open or is_settled(client.checker, acknowledged) for client in topic)


def _has_compared(topic: list[LoadClient]) -> bool:
    return all(not client.is_open or client.checker.compared for client in topic)


def _few(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:_REMARKS]
