"""What came out of a load run, and whether that is good. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .latency import Latencies
from .plan import Plan
from .tally import RunCounts

SATURATED = 0.9
"""Of a core: when the clients need more, the latencies are theirs and not the server's."""


@dataclass(frozen=True, slots=True)
class Result:
    """``seconds`` is how long was posted; ``kills`` are actors, ``cuts`` connections.

    CPU is in cores, None where nobody knows.
    """

    plan: Plan
    seconds: float
    subscriptions: int
    counts: RunCounts = field(default_factory=RunCounts)
    latencies: Latencies = field(default_factory=Latencies)
    disconnects: int = 0
    kills: int = 0
    cuts: int = 0
    client_cpu: float = 0.0
    server_cpu: float | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def is_own(self) -> bool:
        """Whether the server was the run's own."""
        return self.plan.url is None

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, swapped or forgotten, and nobody was thrown out."""
        counts = self.counts
        bad = counts.lost + counts.duplicated + counts.disordered + counts.diverged + self.disconnects
        return not bad and (not self.is_own or counts.final_acknowledges == self.subscriptions)

    def as_json(self) -> dict[str, Any]:
        """Return the object of ``--json``; latencies are in milliseconds, null if nothing was measured."""
        plan, counts = self.plan, self.counts
        return {
            "clients": plan.clients,
            "topics": plan.topics,
            "seconds": round(self.seconds, 3),
            "acknowledged": counts.acknowledged,
            "delivered": counts.delivered,
            "lost": counts.lost,
            "duplicated": counts.duplicated,
            "disordered": counts.disordered,
            "diverged": counts.diverged,
            "p50_ms": _milliseconds(self.latencies.quantile(0.50)),
            "p99_ms": _milliseconds(self.latencies.quantile(0.99)),
            "final_acknowledges": counts.final_acknowledges,
            "rejected": counts.rejected,
            "disconnects": self.disconnects,
            "rate": plan.messages_per_second,
            "kills": self.kills,
            "cuts": self.cuts,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return the lines of the table: a name and a value."""
        plan, counts, plain = self.plan, self.counts, self.as_json()
        finals = f"{counts.final_acknowledges:,} of {self.subscriptions:,}"
        rows = [
            ("clients, topics", f"{plan.clients:,}, {plan.topics:,}"),
            ("seconds, messages per second", f"{round(self.seconds, 2):g}, {plan.messages_per_second:g}"),
            ("acknowledged", f"{counts.acknowledged:,}"),
            ("rejected", f"{counts.rejected:,}"),
            ("delivered", f"{counts.delivered:,}"),
            ("lost", f"{counts.lost:,}"),
            ("duplicated", f"{counts.duplicated:,}"),
            ("out of order", f"{counts.disordered:,}"),
            ("diverged models", f"{counts.diverged:,}"),
            ("disconnected", f"{self.disconnects:,}"),
            ("final acknowledges", finals if self.is_own else "0 (not our server to stop)"),
            ("p50, ms", _shown(plain["p50_ms"])),
            ("p99, ms", _shown(plain["p99_ms"])),
            ("CPU of the clients", f"{self.client_cpu:.0%} of a core"),
        ]
        if self.server_cpu is not None:
            rows.append(("CPU of the server", f"{self.server_cpu:.0%} of a core"))
        if plan.trouble is not None:
            rows.append(("actors killed", f"{self.kills:,}"))
        if plan.flaky is not None:
            rows.append(("connections cut", f"{self.cuts:,}"))
        return rows

    def all_remarks(self) -> list[str]:
        """Return what a reader of the numbers should know."""
        if self.client_cpu < SATURATED:
            return self.remarks
        return [*self.remarks, "the clients were short of CPU, so the latencies are theirs: take a lower --rate"]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _shown(milliseconds: float | None) -> str:
    return "none" if milliseconds is None else f"{milliseconds:,.2f}"
