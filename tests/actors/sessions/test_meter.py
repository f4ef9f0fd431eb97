"""The meter of a session: what it lets through on credit is within the limits all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.sessions.flow import Late, flow
from nuphar.actors.sessions.meter import CREDIT, TARGETS, Meter, credit_of
from nuphar.actors.words.rates import Rate, Rates

FREE = Rates(None, None, None, None)
STEPS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["topic:a", "topic:b", None]), st.sampled_from([1, 40, 3_000])),
    max_size=40,
)
"""Milliseconds since the frame before, its target if it is a message, and its size."""


def send(meter: Meter, now: float, target: str | None = "topic:a", size: int = 40) -> Late | None:
    """Have one frame judged as a `Gate` does."""
    return None if meter.is_on_credit(target, size) else meter.judge(now, size)


def check(passed: list[tuple[float, int]], rate: Rate) -> None:
    """See that no window has more in it than it may."""
    for first in range(len(passed)):
        total = 0.0
        for at, cost in passed[first:]:
            total += cost
            assert total <= rate.burst + rate.per_second * (at - passed[first][0]) + 1e-3


@given(STEPS, st.integers(1, 60), st.integers(1, 400))
def test_no_window_lets_through_more_than_its_limit_with_all_that_is_on_credit(
    steps: list[tuple[int, str | None, int]], per_second: int, burst: int
) -> None:
    rates = Rates(frames=Rate(per_second, burst), messages=Rate(per_second / 2, max(1, burst / 2)), bytes=None)
    meter, now = Meter(rates, 0.0), 0.0
    passed: list[tuple[float, str | None]] = []
    for pause, target, size in steps:
        now += pause / 1000
        if send(meter, now, target, size) is None:
            passed.append((now, target))
    assert rates.frames is not None
    assert rates.messages is not None
    check([(at, 1) for at, _ in passed], rates.frames)
    for each in ("topic:a", "topic:b"):
        check([(at, 1) for at, target in passed if target == each], rates.messages)


@given(STEPS, st.integers(100, 5_000), st.integers(3_000, 200_000))
def test_no_window_lets_through_more_bytes_than_its_limit(
    steps: list[tuple[int, str | None, int]], per_second: int, burst: int
) -> None:
    rates = Rates(frames=None, messages=None, bytes=Rate(per_second, burst))
    meter, now = Meter(rates, 0.0), 0.0
    passed: list[tuple[float, int]] = []
    for pause, target, size in steps:
        now += pause / 1000
        if send(meter, now, target, size) is None:
            passed.append((now, size))
    assert rates.bytes is not None
    check(passed, rates.bytes)


@given(STEPS, st.integers(1, 60))
def test_who_waits_as_long_as_it_is_told_is_let_through(
    steps: list[tuple[int, str | None, int]], per_second: int
) -> None:
    rates = Rates(frames=Rate(per_second, 40), messages=Rate(per_second, 20))
    meter, now = Meter(rates, 0.0), 0.0
    for pause, target, size in steps:
        now += pause / 1000
        late = send(meter, now, target, size)
        if late is not None:
            now += late.seconds + 1e-5
            assert send(meter, now, target, size) is None


def test_most_frames_are_let_through_without_a_look_at_the_clock() -> None:
    meter = Meter(Rates(), 0.0)
    judged = [not meter.is_on_credit("topic:a", 40) and meter.judge(0.0, 40) is None for _ in range(10 * CREDIT)]
    assert sum(judged) == 10


def test_a_small_burst_has_no_credit() -> None:
    assert credit_of(Rates(messages=Rate(1, 5))) == 1
    assert credit_of(Rates()) == CREDIT


def test_a_refused_frame_costs_nothing() -> None:
    meter = Meter(Rates(frames=Rate(1, 4)), 0.0)
    assert [send(meter, 0.0) is None for _ in range(6)] == [True] * 4 + [False] * 2
    assert send(meter, 1.0) is None
    late = send(meter, 1.0)
    assert late is not None
    assert late.seconds == pytest.approx(1.0)
    assert late.limit == "1 frames a second"


def test_a_target_that_is_beyond_its_limit_does_not_hold_up_another() -> None:
    meter = Meter(Rates(messages=Rate(1, 3)), 0.0)
    assert [send(meter, 0.0, "topic:a") is None for _ in range(4)] == [True] * 3 + [False]
    assert send(meter, 0.0, "topic:b") is None
    late = send(meter, 0.0, "topic:a")
    assert late is not None
    assert late.limit == "1 messages to topic:a a second"


def test_two_sessions_draw_from_what_they_share() -> None:
    shared = flow(Rates(frames=Rate(1, 6)), 0.0)
    meters = [Meter(FREE, 0.0), Meter(FREE, 0.0)]
    for meter in meters:
        meter.share(0.0, shared)
    passed = [sum(send(meter, 0.0, size=5_000) is None for _ in range(5)) for meter in meters]
    assert passed == [5, 1]


def test_what_was_on_credit_is_paid_to_whom_it_was_drawn_from() -> None:
    first, second = (flow(Rates(), 0.0) for _ in range(2))
    meter = Meter(Rates(), 0.0)
    meter.share(0.0, first)
    for _ in range(5):
        assert meter.is_on_credit("topic:a", 40)
    meter.share(0.0, second)
    assert first.frames is not None
    assert second.frames is not None
    assert (first.frames.tokens(0.0), second.frames.tokens(0.0)) == (19_995, 20_000)


def test_what_is_never_refused_is_owed_up_to_a_burst() -> None:
    meter = Meter(Rates(subscribes=Rate(10, 100)), 0.0)
    assert meter.owe(0.0, 10, 90) is None
    assert meter.owe(0.0, 10, 5_000) is not None
    meter.is_on_credit(None, 40)
    late = meter.judge(0.0, 40, 1)
    assert late is not None
    assert late.seconds == pytest.approx(10.1)


def test_the_buckets_of_targets_are_bounded() -> None:
    meter = Meter(Rates(), 0.0)
    for at in range(3 * TARGETS):
        send(meter, 0.001 * at, f"topic:{at}")
    assert len(meter._targets) <= TARGETS
