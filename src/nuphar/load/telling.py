"""How a run says how far it is, a few times a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gevent

from .client import LoadClient
from .latency import Latencies
from .progress import RunProgress

TELL_EACH = 0.2
"""Seconds between two words."""


class ProgressTeller:
    """Looks at ``clients`` and ``latencies``, in seconds of ``clock``."""

    def __init__(self, clients: Sequence[LoadClient], latencies: Latencies, clock: Callable[[], float]) -> None:
        self.phase: tuple[str, Callable[[], float], float] = ("starting", lambda: 0.0, 1.0)
        """What goes on, how much of it is done, and how much there is."""
        self._clients = clients
        self._latencies = latencies
        self._clock = clock

    def run(self, tell: Callable[[RunProgress], None]) -> None:
        """Call ``tell(progress)`` again and again; never returns."""
        before, then = self.progress(), self._clock()
        tell(before)
        while True:
            gevent.sleep(TELL_EACH)
            progress, now = self.progress(), self._clock()
            tell(progress.since(before, now - then))
            before, then = progress, now

    def progress(self) -> RunProgress:
        """Return how far the run is now, without its rates."""
        (phase, done, total), clients = self.phase, self._clients
        checkers = [client.checker for client in clients]
        faults = sum(checker.rejected + checker.duplicated + checker.disordered for checker in checkers)
        return RunProgress(
            phase,
            done(),
            total,
            connected=sum(client.is_open for client in clients),
            acknowledged=sum(checker.acknowledged for checker in checkers),
            delivered=sum(checker.delivered for checker in checkers),
            p50=self._latencies.quantile(0.50),
            p99=self._latencies.quantile(0.99),
            errors=faults + (0 if phase == "stopping" else sum(bool(client.ending) for client in clients)),
        )
