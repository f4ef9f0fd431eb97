"""How good is good enough: bounds on one number of Nuphar's, absolute or as a multiple of a peer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Medians = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By work, by server, by key."""


@dataclass(frozen=True)
class Bar:
    """Nuphar's ``key`` in ``work`` is at most ``bound``, times ``other``'s in ``other_work`` if there is one."""

    work: str
    key: str
    bound: float
    other: str = ""
    other_work: str = ""

    @property
    def text(self) -> str:
        """What it says."""
        if not self.other:
            return f"{self.key} ≤ {self.bound:g}"
        where = f" in {self.other_work}" if self.other_work else ""
        return f"{self.key} ≤ {self.bound:g} x {self.other}{where}"

    def judge(self, medians: Medians) -> tuple[float, bool] | None:
        """Return what was measured, in the bar's terms, and whether that is good enough; None if it was not."""
        ours = medians.get(self.work, {}).get("nuphar", {}).get(self.key)
        theirs = 1.0
        if self.other:
            theirs = medians.get(self.other_work or self.work, {}).get(self.other, {}).get(self.key, 0.0)
        if ours is None or not theirs:
            return None
        return ours / theirs, ours / theirs <= self.bound


CPU, P99, KIB = "cpu_us", "p99_ms", "kib"

BARS = (
    Bar("w1-1000", CPU, 1.25, "floor"),
    Bar("w1-1000", CPU, 0.7, "ws"),
    Bar("w1-1000", CPU, 0.4, "python-socketio"),
    Bar("w1-8000", CPU, 0.7, "ws"),
    Bar("w1-8000", CPU, 0.5, "socket.io"),
    Bar("w2", CPU, 0.08, "ws"),
    Bar("w2", CPU, 0.15, "floor"),
    Bar("w2-paced", CPU, 0.85, "ws"),
    Bar("w2-paced", P99, 1.0, "ws"),
    Bar("w3-1", CPU, 22.0),
    Bar("w3-1", CPU, 0.9, "socket.io"),
    Bar("w3-1", CPU, 0.2, "python-socketio"),
    Bar("w3-10", CPU, 0.5, "ws"),
    Bar("w3-2x8", CPU, 0.6, "socket.io"),
    Bar("w3-2x8", CPU, 0.8, "ws"),
    Bar("w4", KIB, 20.0),
    Bar("w5", CPU, 0.7, "python-socketio"),
    Bar("w6-in", CPU, 5_000.0),
    Bar("w7", KIB, 8.0),
    Bar("w7", "stop_s", 3.0),
    Bar("w7-100000", "stop_s", 5.0),
    Bar("connections-10000", CPU, 2.0, "nuphar", "connections-100"),
)
