from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.load.histogram import FINE, TEXT_EDGES, bars, edge_label
from nuphar.load.latency import Latencies


def filled(*seconds: float) -> Latencies:
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    return latencies


def test_nothing_has_no_bars() -> None:
    assert bars(Latencies(), TEXT_EDGES) == []


def test_there_are_three_bars_in_a_decade() -> None:
    found = bars(filled(0.0015, 0.003, 0.007, 0.015), TEXT_EDGES)

    assert [(edge_label(bar.low), edge_label(bar.high), bar.count) for bar in found] == [
        ("1 ms", "2 ms", 1),
        ("2 ms", "5 ms", 1),
        ("5 ms", "10 ms", 1),
        ("10 ms", "20 ms", 1),
    ]


@pytest.mark.parametrize("edges", [TEXT_EDGES, FINE], ids=["text", "fine"])
@given(st.lists(st.floats(1e-7, 4000.0), min_size=1))
def test_every_latency_is_in_one_bar_and_the_bars_join(edges: tuple[float, ...], seconds: list[float]) -> None:
    found = bars(filled(*seconds), edges)

    assert sum(bar.count for bar in found) == len(seconds)
    assert all(bar.low < bar.high for bar in found)
    assert [bar.high for bar in found[:-1]] == [bar.low for bar in found[1:]]
    assert found[0].count
    assert found[-1].count


@given(st.floats(2e-6, 3500.0))
def test_a_bar_holds_what_it_says_to_two_per_cent(seconds: float) -> None:
    (bar,) = bars(filled(seconds), FINE)

    assert bar.low * 0.98 <= seconds <= bar.high * 1.02


@pytest.mark.parametrize(
    ("seconds", "text"), [(1e-6, "1 µs"), (5e-4, "500 µs"), (1e-3, "1 ms"), (0.5, "500 ms"), (10.0, "10 s")]
)
def test_an_edge_is_written_in_its_unit(seconds: float, text: str) -> None:
    assert edge_label(seconds) == text
