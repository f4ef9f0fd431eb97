"""A token bucket, by its promises: in exact arithmetic, and in the floats that it runs on."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.token_bucket import ROUNDING, TokenBucket

STEPS = st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 12)), max_size=60)
"""Milliseconds since the call before, and a cost."""


def exact(rate: int, burst: int) -> TokenBucket:
    """A bucket that counts in fractions, where nothing is rounded."""
    return TokenBucket(Fraction(rate), Fraction(burst), Fraction(0))  # type: ignore[arg-type]


@given(STEPS, st.integers(1, 20), st.integers(12, 30))
def test_no_window_lets_through_more_than_the_burst_and_the_rate_times_its_length(
    steps: list[tuple[int, int]], rate: int, burst: int
) -> None:
    bucket, now = exact(rate, burst), Fraction(0)
    taken: list[tuple[Fraction, int]] = []
    for pause, cost in steps:
        now += Fraction(pause, 1000)
        if not bucket.take(now, cost):  # type: ignore[arg-type]
            taken.append((now, cost))
    for first, (start, _) in enumerate(taken):
        passed = 0
        for end, cost in taken[first:]:
            passed += cost
            assert passed <= burst + rate * (end - start + Fraction(ROUNDING))


@given(STEPS, st.integers(1, 20), st.integers(1, 30))
def test_what_is_told_to_wait_can_be_taken_then_and_not_much_earlier(
    steps: list[tuple[int, int]], rate: int, burst: int
) -> None:
    bucket, now = TokenBucket(rate, burst, 0.0), 0.0
    for pause, cost in steps:
        now += pause / 1000
        seconds = bucket.take(now, cost)
        if seconds:
            assert bucket.wait(now + seconds - 3 * ROUNDING, cost) > 0 or seconds <= 3 * ROUNDING
            now += seconds
            assert bucket.take(now, cost) == 0.0


@given(STEPS, st.integers(1, 20), st.integers(1, 30))
def test_a_bucket_never_holds_more_than_its_burst(steps: list[tuple[int, int]], rate: int, burst: int) -> None:
    bucket, now = exact(rate, burst), Fraction(0)
    for pause, cost in steps:
        now += Fraction(pause, 1000)
        bucket.take(now, cost)  # type: ignore[arg-type]
        bucket.give_back(cost)
        assert bucket.tokens(now) <= burst  # type: ignore[arg-type]


def test_many_small_steps_late_in_the_life_of_a_machine_do_not_drift() -> None:
    rate, burst, start = 1_000.0, 10.0, 3e7  # a year of uptime
    bucket = TokenBucket(rate, burst, start)
    taken = sum(not bucket.take(start + step * 1e-4) for step in range(200_000))
    assert taken == pytest.approx(burst + rate * 20.0, abs=2)


def test_who_always_waits_gets_exactly_its_rate() -> None:
    bucket, now = TokenBucket(7.0, 1.0, 0.0), 0.0
    for _ in range(7_000):
        now += bucket.wait(now)
        assert not bucket.take(now)
    assert now == pytest.approx(999.857, rel=1e-6)


def test_a_time_that_is_before_the_last_gives_nothing_and_takes_nothing() -> None:
    bucket = TokenBucket(1.0, 2.0, 100.0)
    bucket.take(100.0, 2)
    assert bucket.take(50.0) == pytest.approx(1.0)
    assert bucket.take(101.0) == 0.0


def test_what_costs_more_than_the_burst_takes_a_full_bucket_and_is_paid_off() -> None:
    bucket = TokenBucket(10.0, 5.0, 0.0)
    assert bucket.take(0.0, 25.0) == 0.0
    assert bucket.take(0.0, 25.0) == pytest.approx(2.5)
    assert bucket.take(2.5, 25.0) == 0.0


def test_a_debt_is_no_larger_than_the_burst_once_it_is_forgiven() -> None:
    bucket = TokenBucket(1.0, 10.0, 0.0)
    assert bucket.draw(0.0, 1_000.0) == -990.0
    bucket.forgive()
    assert bucket.wait(0.0) == pytest.approx(11.0)
    assert bucket.seconds_to_full(0.0) == pytest.approx(20.0)
