"""A load run: connect, post, wait for what is under way, compare, stop, count."""

from __future__ import annotations

import resource
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

import gevent
from gevent.event import Event
from gevent.pool import Pool

from ..actors.targets import topic_target
from .checker import Checker
from .client import Client
from .errors import LoadError
from .latency import Latencies
from .model import PREFIX
from .own_server import OwnServer
from .plan import Address, Plan
from .result import Result
from .tally import is_settled, tally

CONNECTS = 500.0
"""Connections opened in a second: a listener's queue holds about a thousand."""

HANDSHAKES = 100
"""Clients in the opening handshake at once."""

JOIN = 10.0
"""Seconds for the answer to a Subscribe."""

PATIENCE = 15.0
"""Seconds for what is under way when the posting ends: a topic that was killed too often waits before it is back."""

HASTE = 2.0
"""The same after Ctrl-C."""

TICK = 0.002
"""Seconds between two looks at how many messages are due."""

_BURST = 200  # messages posted in one go, so that reading has its turn when we are behind
_TELL = 0.2  # seconds between two words on progress
_LOOK = 0.02  # seconds between two looks at what is still under way
_FILES = 64  # open files beside the clients' sockets


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
        self._topics = [[each.checker for each in self._clients[n :: plan.topics]] for n in range(plan.topics)]
        self._server: OwnServer | None = None
        self._kills = 0
        self._remarks: list[str] = []
        self._phase: tuple[str, Callable[[], float], float] = ("starting", lambda: 0.0, 0.0)

    def run(self) -> Result:
        """Do it all, and leave nothing behind. Raises: LoadError if it cannot begin."""
        allow_files(self._plan.clients + _FILES)
        teller = gevent.spawn(self._keep_telling)
        try:
            if self._plan.url is None:
                self._server = OwnServer()
            self._connect(Address.of(self._server.url if self._server is not None else str(self._plan.url)))
            before = self._cpu()
            seconds = self._post()
            clients, server = (None if now is None or then is None else (now - then) / max(seconds, 1e-9)
                               for now, then in zip(self._cpu(), before, strict=True))  # fmt: skip
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
            counts=tally(self._topics),
            latencies=self._latencies,
            disconnects=disconnects,
            kills=self._kills,
            client_cpu=clients or 0.0,
            server_cpu=server,
            remarks=self._remarks,
        )

    def _connect(self, address: Address) -> None:
        clients = self._clients
        self._phase = "connecting", lambda: sum(client.is_open for client in clients), len(clients)
        pool = Pool(HANDSHAKES)
        dials = []
        try:
            for client in clients:
                if self.over.is_set() or any(dial.exception is not None for dial in dials if dial.ready()):
                    break
                dials.append(pool.spawn(_quietly, client.connect, address))
                gevent.sleep(1 / CONNECTS)
            pool.join()
        finally:
            pool.kill()
        for dial in dials:
            if isinstance(dial.value, LoadError):
                raise dial.value
        deadline = self._clock() + JOIN
        for client in clients:
            if client.is_open or not self.over.is_set():
                client.wait_joined(max(0.0, deadline - self._clock()))

    def _post(self) -> float:
        """Post at the planned rate, and return for how many seconds."""
        plan, clients, clock = self._plan, self._clients, self._clock
        wanted = max(1, round(plan.seconds * plan.messages_per_second))
        started = clock()
        self._phase = "posting", lambda: min(clock() - started, plan.seconds), plan.seconds
        calm = Event()
        killer = gevent.spawn(self._keep_killing, calm)
        posted = 0
        while posted < wanted and not self.over.wait(TICK):
            due = int((clock() - started) * plan.messages_per_second)
            for posted in range(posted + 1, min(due, wanted, posted + _BURST) + 1):
                clients[posted % len(clients)].post()
        return 0.0
