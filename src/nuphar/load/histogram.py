"""Latencies in a few logarithmic bars, for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from .latency import Latencies

TEXT_EDGES = (1.0, 2.0, 5.0)
"""The edges of a decade for the terminal."""

FINE = tuple(10 ** (tenth / 10) for tenth in range(10))
"""The same for a plot."""


@dataclass(frozen=True, slots=True)
class Bar:
    """``count`` latencies from ``low`` up to ``high`` seconds."""

    low: float
    high: float
    count: int


def bars(latencies: Latencies, edges: tuple[float, ...]) -> list[Bar]:
    """Return the bars from the first that has any to the last; ``edges`` are those of one decade, from 1 up.

    >>> latencies = Latencies()
    >>> for seconds in (0.0015, 0.0016, 0.03):
    ...     latencies.add(seconds)
    >>> [bar.count for bar in bars(latencies, TEXT_EDGES)]
    [2, 0, 0, 0, 1]
    """
    counts: dict[int, int] = {}
    for seconds, count in latencies.counts():
        place = _place(seconds, edges)
        counts[place] = counts.get(place, 0) + count
    if not counts:
        return []
    places = range(min(counts), max(counts) + 1)
    return [Bar(_edge(place, edges), _edge(place + 1, edges), counts.get(place, 0)) for place in places]


def edge_label(seconds: float) -> str:
    """Write a bar's edge.

    >>> edge_label(2e-5), edge_label(0.005), edge_label(2.0)
    ('20 µs', '5 ms', '2 s')
    """
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= unit * 0.999:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-6:.3g} µs"


def _place(seconds: float, edges: tuple[float, ...]) -> int:
    """Return which bar ``seconds`` is in, counted from the one that begins at a second."""
    decade = floor(log10(seconds))
    digits = seconds / 10.0**decade
    return decade * len(edges) + max(at for at, edge in enumerate(edges) if at == 0 or digits >= edge)


def _edge(place: int, edges: tuple[float, ...]) -> float:
    decade, at = divmod(place, len(edges))
    return edges[at] * 10.0**decade
