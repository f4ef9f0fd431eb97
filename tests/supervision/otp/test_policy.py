"""Which children to restart, when, and when to give up: tables, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors import KILLED, NORMAL, SHUTDOWN, Crashed, Reason, Shutdown
from nuphar.actors.words.exit_reasons import is_orderly
from nuphar.supervision import Backoff, Restart, Strategy
from nuphar.supervision.otp.policy import Failures, Intensity, affected, should_restart

CRASHED = Crashed(ValueError())


@pytest.mark.parametrize(
    ("restart", "reason", "expected"),
    [
        (Restart.PERMANENT, NORMAL, True),
        (Restart.PERMANENT, SHUTDOWN, True),
        (Restart.PERMANENT, Shutdown("detail"), True),
        (Restart.PERMANENT, KILLED, True),
        (Restart.PERMANENT, CRASHED, True),
        (Restart.TRANSIENT, NORMAL, False),
        (Restart.TRANSIENT, SHUTDOWN, False),
        (Restart.TRANSIENT, Shutdown("detail"), False),
        (Restart.TRANSIENT, KILLED, True),
        (Restart.TRANSIENT, CRASHED, True),
        (Restart.TEMPORARY, NORMAL, False),
        (Restart.TEMPORARY, SHUTDOWN, False),
        (Restart.TEMPORARY, Shutdown("detail"), False),
        (Restart.TEMPORARY, KILLED, False),
        (Restart.TEMPORARY, CRASHED, False),
    ],
)
def test_who_is_restarted_after_what(restart: Restart, reason: Reason, expected: bool) -> None:
    assert should_restart(restart, reason) is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [(NORMAL, True), (SHUTDOWN, True), (Shutdown("detail", 3.0), True), (KILLED, False), (CRASHED, False)],
)
def test_which_ends_are_orderly(reason: Reason, expected: bool) -> None:
    assert is_orderly(reason) is expected


@pytest.mark.parametrize(
    ("strategy", "failed", "expected"),
    [
        (Strategy.ONE_FOR_ONE, "b", ["b"]),
        (Strategy.ONE_FOR_ALL, "b", ["a", "b", "c"]),
        (Strategy.REST_FOR_ONE, "a", ["a", "b", "c"]),
        (Strategy.REST_FOR_ONE, "b", ["b", "c"]),
        (Strategy.REST_FOR_ONE, "c", ["c"]),
    ],
)
def test_who_is_restarted_with_whom(strategy: Strategy, failed: str, expected: list[str]) -> None:
    assert affected(strategy, ["a", "b", "c"], failed) == expected


def test_as_many_restarts_as_the_intensity_are_allowed_within_the_period() -> None:
    intensity = Intensity(2, 5.0)
    assert [intensity.allow(now) for now in (0.0, 1.0, 2.0)] == [True, True, False]


def test_both_ends_of_the_period_count() -> None:
    at_the_end, past_it = Intensity(1, 5.0), Intensity(1, 5.0)
    assert [at_the_end.allow(now) for now in (0.0, 5.0)] == [True, False]
    assert [past_it.allow(now) for now in (0.0, 5.001)] == [True, True]


def test_an_intensity_of_zero_allows_none() -> None:
    assert not Intensity(0, 5.0).allow(0.0)


@given(st.integers(0, 4), st.integers(1, 10), st.lists(st.integers(0, 5), max_size=30))
def test_no_window_has_more_restarts_than_the_intensity(bound: int, period: int, waits: list[int]) -> None:
    intensity, now, allowed = Intensity(bound, period), 0, []
    for wait in waits:
        now += wait
        if not intensity.allow(now):
            break
        allowed.append(now)
    for start in allowed:
        assert sum(start <= time <= start + period for time in allowed) <= bound


def test_a_back_off_doubles_from_least_to_most() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.delay(failures) for failures in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.delay(10_000) == 3.0


def test_a_back_off_is_spread_by_chance() -> None:
    backoff = Backoff(1.0, 10.0, random_factor=0.2)
    assert backoff.delay(1, 0.0) == 1.0
    assert backoff.delay(1, 0.5) == pytest.approx(1.1)


def test_failures_in_a_row_count_until_a_child_has_run_long_enough() -> None:
    failures, backoff = Failures(), Backoff(1.0, 8.0, reset=0.5)
    delays = []
    for now, started in ((0.0, 0.0), (0.1, 0.0), (2.0, 1.9), (9.0, 2.0), (9.1, 9.0)):
        failures.started = started
        delays.append(failures.next_delay(backoff, now, 0.0))
    assert delays == [0.0, 1.0, 2.0, 0.0, 1.0]
