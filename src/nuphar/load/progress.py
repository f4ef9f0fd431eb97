"""How far a run is, in numbers. Pure."""

from __future__ import annotations

from typing import NamedTuple


class RunProgress(NamedTuple):
    """``done`` of ``total`` in ``phase``; rates are per second since the last word, latencies in seconds so far."""

    phase: str
    done: float
    total: float
    connected: int = 0
    acknowledged: int = 0
    delivered: int = 0
    acknowledged_rate: float = 0.0
    delivered_rate: float = 0.0
    p50: float | None = None
    p99: float | None = None
    errors: int = 0
    """Messages rejected, doubled or out of order, and connections that ended, so far."""

    def since(self, before: RunProgress, seconds: float) -> RunProgress:
        """Return this with its rates, ``before`` having been ``seconds`` ago.

        >>> RunProgress("posting", 2, 5, acknowledged=30).since(RunProgress("posting", 1, 5, acknowledged=10), 0.5)[6]
        40.0
        """
        if seconds <= 0:
            return self
        return self._replace(
            acknowledged_rate=(self.acknowledged - before.acknowledged) / seconds,
            delivered_rate=(self.delivered - before.delivered) / seconds,
        )

    @property
    def phase_text(self) -> str:
        """Which phase, and how far it is."""
        done, total = min(self.done, self.total), self.total
        of = f"{done:,.1f} of {total:g} s" if self.phase == "posting" else f"{done:,.0f} of {total:,.0f}"
        return f"{self.phase}: {of}"

    def facts(self) -> list[tuple[str, str]]:
        """Return what is known so far: values, and what each is."""
        return [
            (f"{self.connected:,}", "connected"),
            (f"{self.acknowledged_rate:,.0f}", "messages/s acknowledged"),
            (f"{self.delivered_rate:,.0f}", "deliveries/s"),
            (_shown(self.p50), "ms p50"),
            (_shown(self.p99), "ms p99"),
            (f"{self.errors:,}", "errors"),
        ]


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.1f}"
