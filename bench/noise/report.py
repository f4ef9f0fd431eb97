"""What one run found, the medians of some, and the goals."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

RATIO, TURN, MEMORY = 3.0, 10.0, 1.1

GOALS = f"Goals: ratio ≤ {RATIO:g}, longest turn ≤ {TURN:g} ms, memory ≤ {MEMORY:g}"


class Row(NamedTuple):
    """Latencies are p99s of the neighbours in ms, ``turn_ms`` the longest turn under noise and ``whose`` it was.

    A hundredth of the hub's time was spent in rounds longer than ``round_ms`` (`bench.servers.noise_server`).
    ``before_kib`` and ``after_kib`` are the server's resident memory. ``sent`` and ``got`` are bytes a second of the
    noisy client, ``returns`` how often it was closed and came again. ``busy`` is what the server used of its core.
    """

    noise: str
    quiet_ms: float
    noise_ms: float
    ratio: float
    quiet_turn_ms: float
    turn_ms: float
    whose: str
    round_ms: float
    before_kib: int
    after_kib: int
    memory: float
    sent: int
    got: int
    returns: int
    busy: float

    @staticmethod
    def columns() -> list[str]:
        """Name the cells."""
        return [
            "noise", "quiet p99, ms", "p99, ms", "ratio", "quiet turn, ms", "longest turn, ms", "round p99, ms",
            "MiB before", "after", "memory", "MB/s in", "out", "busy",
        ]  # fmt: skip

    def cells(self) -> list[tuple[str, bool]]:
        """Return each cell, and whether it misses its goal."""
        return [
            (self.noise, False),
            (f"{self.quiet_ms:.2f}", False),
            (f"{self.noise_ms:.2f}", False),
            (f"{self.ratio:.2f}", self.ratio > RATIO),
            (f"{self.quiet_turn_ms:.1f}", False),
            (f"{self.turn_ms:.1f}", self.turn_ms > TURN),
            (f"{self.round_ms:.1f}", False),
            (f"{self.before_kib / 1024:.1f}", False),
            (f"{self.after_kib / 1024:.1f}", False),
            (f"{self.memory:.2f}", self.memory > MEMORY),
            (f"{self.sent / 1e6:.1f}", False),
            (f"{self.got / 1e6:.1f}", False),
            (f"{self.busy:.2f}", False),
        ]

    @property
    def missed(self) -> bool:
        """Is a goal missed?"""
        return any(is_missed for _, is_missed in self.cells())


def medians(rows: list[Row], noises: Iterable[str]) -> list[Row]:
    """Return one row for each noise that was measured: the median of each number by itself."""
    found = []
    for noise in noises:
        same = [row for row in rows if row.noise == noise]
        if same:
            columns = zip(*same, strict=True)
            found.append(Row(*(median(each) if not isinstance(each[0], str) else each[0] for each in columns)))
    return found


def markdown(rows: list[Row]) -> str:
    """Write the table, in bold what misses a goal."""
    lines = [f"| {' | '.join(Row.columns())} |", "|---|" + "---:|" * (len(Row.columns()) - 1)]
    lines += [
        f"| {' | '.join(f'**{cell}**' if is_missed else cell for cell, is_missed in row.cells())} |" for row in rows
    ]
    return "\n".join(lines) + "\n"
