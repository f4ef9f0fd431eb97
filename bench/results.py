"""What a run of the bench found: every measurement, the machine and the versions, and medians of them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from .servers import PEERS
from .works import Work

COLUMNS = {
    "cpu_us": "CPU µs/unit",
    "per_second": "units/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "kib": "KiB/conn",
    "busy": "busy",
    "stop_s": "stop s",
}
"""The numbers of a row: key, heading."""


@dataclass
class Results:
    """``runs`` by work id and server id, in the order of measuring."""

    works: list[Work]
    repeats: int
    begun: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    runs: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def add(self, work: Work, peer: str, result: dict[str, Any]) -> None:
        """Take in one measurement."""
        self.versions |= result.pop("versions", {})
        self.runs.setdefault(work.id, {}).setdefault(peer, []).append(result)

    @property
    def medians(self) -> dict[str, dict[str, dict[str, float]]]:
        """By work, by server, by key, over the repeats that had no error."""
        return {work: {peer: _medians(runs) for peer, runs in peers.items()} for work, peers in self.runs.items()}

    @property
    def errors(self) -> list[str]:
        """What went wrong, a line each."""
        return [
            f"{work}, {peer}: {run['error']}"
            for work, peers in self.runs.items()
            for peer, runs in peers.items()
            for run in runs
            if "error" in run
        ]

    @property
    def others(self) -> float:
        """How much of a core other programs used meanwhile, in the median: measure again if that is not near 0."""
        runs = [run for peers in self.runs.values() for runs in peers.values() for run in runs]
        return median([run["others"] for run in runs if "others" in run] or [0.0])

    def rows(self, work: Work) -> list[tuple[str, dict[str, float], str]]:
        """Return a work's rows: title, numbers, and its CPU as a multiple of Nuphar's."""
        medians = self.medians.get(work.id, {})
        ours = medians.get("nuphar", {}).get("cpu_us")
        rows = []
        for peer in PEERS:
            if found := medians.get(peer.id):
                ratio = f"{found['cpu_us'] / ours:.2f}" if ours and "cpu_us" in found else ""
                rows.append((peer.title, found, ratio))
        return rows

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        whole = {
            "begun": self.begun,
            "machine": machine(),
            "versions": self.versions,
            "repeats": self.repeats,
            "others": self.others,
            "medians": self.medians,
            "runs": self.runs,
            "errors": self.errors,
            "skipped": self.skipped,
        }
        path.write_text(json.dumps(whole, indent=1) + "\n")


def show(key: str, value: float | None) -> str:
    """Return a number as a cell of a table."""
    if value is None:
        return ""
    if key == "busy":
        return f"{value:.0%}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """Say what this machine is: processor, cores, memory, kernel."""
    with open("/proc/cpuinfo") as lines:
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    good = [run for run in runs if "error" not in run]
    return {key: median(values) for key in COLUMNS if (values := [run[key] for run in good if key in run])}
