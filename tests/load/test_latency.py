from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.load.latency import Latencies


def test_nothing_has_no_quantile() -> None:
    assert Latencies().quantile(0.5) is None


def test_the_99th_percentile_is_what_99_in_100_stay_within() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 101):
        latencies.add(milliseconds / 1000)

    assert latencies.quantile(0.50) == pytest.approx(0.050, rel=0.02)
    assert latencies.quantile(0.99) == pytest.approx(0.099, rel=0.02)


@given(st.floats(2e-6, 3500.0))
def test_a_latency_is_kept_to_one_per_cent(seconds: float) -> None:
    latencies = Latencies()
    latencies.add(seconds)

    assert latencies.quantile(0.5) == pytest.approx(seconds, rel=0.011)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-9, 3600.0, 1e9])
def test_what_is_out_of_range_goes_to_its_end(seconds: float) -> None:
    latencies = Latencies()
    latencies.add(seconds)

    quantile = latencies.quantile(1.0)
    assert quantile is not None
    assert 1e-6 <= quantile <= 3700.0
