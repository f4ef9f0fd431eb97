"""How long a client waits before it comes back."""

from __future__ import annotations

import doctest

from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.client.connectors import backoff as module
from nuphar.transport.client.connectors.backoff import ReconnectBackoff


def test_the_examples_in_its_docs_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def test_each_try_waits_up_to_twice_as_long_until_the_most() -> None:
    backoff = ReconnectBackoff(1.0, 2.0, 30.0)
    assert [backoff.delay(1.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_reset_begins_anew() -> None:
    backoff = ReconnectBackoff(1.0, 2.0, 30.0)
    for _ in range(5):
        backoff.delay(1.0)
    backoff.reset()
    assert backoff.delay(1.0) == 1.0


@given(st.integers(0, 100_000), st.floats(0, 1))
def test_it_is_never_below_zero_nor_above_the_most(attempt: int, chance: float) -> None:
    assert 0 <= ReconnectBackoff(attempt=attempt).delay(chance) <= 30.0
