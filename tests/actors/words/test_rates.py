"""The option ``rates``: what is no rate is refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Rate, Rates, Server, UsageError


def test_every_limit_may_be_left_out() -> None:
    rates = Rates(None, None, None, None, None, None, None, None, ())
    assert rates.frames is None
    assert rates.exempt == ()


def test_a_pair_is_taken_for_a_rate() -> None:
    assert Rates(frames=(5, 10)).frames == Rate(5, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["frames", "bytes", "subscribes", "messages", "sessions"])
@pytest.mark.parametrize("value", [5, Rate(0, 5), Rate(5, 0.5), Rate(float("nan"), 5), Rate(True, 5), (1, 2, 3), "5/s"])
def test_what_is_no_rate_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"{name}: expected a Rate\(per_second, burst\) above 0"):
        Rates(**{name: value})


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"user": 0.5}, "user: expected a number from 1"),
        ({"address": True}, "address: expected a number from 1"),
        ({"connections": 1.5}, "connections: expected an integer above 0"),
        ({"exempt": "10.0.0.0/8"}, "exempt: expected a list of networks"),
        ({"exempt": ["ten"]}, "exempt: expected networks such as"),
    ],
)
def test_what_is_no_share_no_count_and_no_network_is_refused(given: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Rates(**given)


def test_a_server_without_limits_has_no_book_of_them() -> None:
    assert Server(rates=None).gateway.rates is None
    assert Server().gateway.rates is not None


def test_what_is_no_rates_is_no_option() -> None:
    with pytest.raises(UsageError, match="option rates: expected Rates or None, got 5"):
        Server(rates=5)  # type: ignore[arg-type]
