"""Load from Locust, for those who use it already: each user is a nuphar.Client in a greenlet of Locust's.

Start the counter, and then Locust beside it, headless or with its page at http://localhost:8089:

    pip install 'nuphar[locust]'
    python counter.py &
    locust --host ws://127.0.0.1:8000/live --headless --users 100 --spawn-rate 20 --run-time 30s

Locust reports a request `connect` for each connection, until its topic has been subscribed, and a request `dispatch`
for each message, until it was acknowledged. `nuphar load` also says whether anybody missed a message.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from locust import User, constant_throughput, task
from locust.exception import StopUser

import nuphar

TIMEOUT = 10.0
"""Seconds for a connection, and for an acknowledge."""


class LiveUser(User):
    """A user with a connection that follows ``stores``; the host is a server's ``ws://`` URL."""

    abstract = True
    stores: ClassVar[dict[str, nuphar.Store]] = {}
    live: nuphar.Client | None = None

    def on_start(self) -> None:
        """Connect."""
        if self.host is None:
            raise StopUser  # neither --host nor a host of the class
        with self.measured("connect", self.host):
            self.live = nuphar.Client(self.host, stores=self.stores)
            self.live.wait_live(TIMEOUT)
        if self.live is None or not self.live.is_live:
            raise StopUser

    def on_stop(self) -> None:
        """Close the connection."""
        if self.live is not None:
            self.live.close()

    def dispatch(self, target: str, message: Any) -> None:
        """Send a message, and wait until it is acknowledged."""
        if self.live is None:
            raise StopUser
        with self.measured("dispatch", target):
            self.live.dispatch(target, message).get(timeout=TIMEOUT)

    @contextmanager
    def measured(self, kind: str, name: str) -> Iterator[None]:
        """Tell Locust how long the block took, and how it failed if it did."""
        started, fault = time.perf_counter(), None
        try:
            yield
        except Exception as error:
            fault = error
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=(time.perf_counter() - started) * 1000,
            response_length=0,
            exception=fault,
            context={},
        )


class Counter(LiveUser):
    """Adds one to the counter of ``counter.py`` each second."""

    host = "ws://127.0.0.1:8000/live"
    stores: ClassVar = {"counter": nuphar.Store(0, lambda count, message: count + message)}
    wait_time = constant_throughput(1)

    @task
    def add(self) -> None:
        """Add one."""
        self.dispatch("counter", 1)
