"""The delivery rules as data: what can be said, what is less, which messages share a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import Refused, UsageError, delivery
from nuphar.actors.words.delivery import Rule, key_of, less, of, plain, wish

RULES = (
    st.just(delivery.ALL)
    | st.just(delivery.latest())
    | st.integers(1, delivery.LONGEST_QUEUE).map(delivery.drop_oldest)
    | st.floats(delivery.SLOWEST, delivery.FASTEST).map(delivery.sample)
    | st.sampled_from(["id", "who"]).map(delivery.conflate)
)
NONSENSE = (
    "most", "sample", "", 5, [], ["latest", 1], ["sample"], ["sample", 0], ["sample", "5"], ["sample", float("nan")],
    ["sample", True], ["drop_oldest", 0], ["drop_oldest", 1.5], ["drop_oldest", 10**9], ["conflate"], ["conflate", ""],
    ["conflate", "__class__"], ["conflate", 3], ["conflate", "x" * 256], {"latest": 1}, [["latest"]], True,
)  # fmt: skip


@dataclass
class Move:
    who: str


@given(RULES)
def test_a_rule_survives_the_wire(rule: Rule) -> None:
    assert wish({"delivery": plain(rule)}) == of(plain(rule)) == rule


@given(RULES, RULES)
def test_a_subscriber_gets_the_lesser_of_two_rules(given: Rule, wished: Rule) -> None:
    got = less(given, wished)
    assert got in (given, wished)
    assert less(given, got) == got
    assert less(given, None) == given


@pytest.mark.parametrize(
    ("more", "fewer"),
    [
        ("all", ["drop_oldest", 10]),
        (["drop_oldest", 10], ["drop_oldest", 9]),
        (["drop_oldest", 1], ["conflate", "id"]),
        (["conflate", "id"], "latest"),
        ("latest", ["sample", 5]),
        (["sample", 5], ["sample", 4]),
    ],
)
def test_who_asks_for_less_gets_it_and_who_asks_for_more_gets_the_topic_s_rule(more: Any, fewer: Any) -> None:
    assert less(of(more), of(fewer)) == of(fewer)
    assert less(of(fewer), of(more)) == of(fewer)


def test_the_topic_s_bound_and_key_are_its_own() -> None:
    assert less(delivery.drop_oldest(9, bound=100), of(["drop_oldest", 5])) == delivery.drop_oldest(5, bound=100)
    assert less(delivery.conflate("id"), delivery.conflate("who")) == delivery.conflate("id")


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_nonsense_is_malformed_from_a_client_and_a_usage_error_from_a_program(value: Any) -> None:
    with pytest.raises(Refused) as refused:
        wish({"delivery": value})
    assert refused.value.code == "malformed"
    assert "delivery: " in refused.value.text
    assert "expected" in refused.value.text
    with pytest.raises(UsageError, match="expected"):
        of(value)


@pytest.mark.parametrize("params", [None, {}, {"delivery": None}, {"other": 1}, "latest", 5])
def test_params_that_say_nothing_of_delivery_wish_for_nothing(params: Any) -> None:
    assert wish(params) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: delivery.drop_oldest(0),
        lambda: delivery.sample(0),
        lambda: delivery.conflate(""),
        lambda: delivery.conflate(5),  # type: ignore[arg-type]
        lambda: delivery.latest(bound=0),
    ],
)
def test_a_rule_that_cannot_be_is_refused_when_it_is_made(make: Any) -> None:
    with pytest.raises(UsageError, match="expected"):
        make()


def test_a_function_as_key_is_for_the_server_alone() -> None:
    with pytest.raises(UsageError, match="by a field's name"):
        plain(delivery.conflate(len))


@pytest.mark.parametrize(
    ("key", "message", "expected"),
    [
        ("who", {"who": 1}, 1),
        ("who", Move("ada"), "ada"),
        ("who", {"x": 1}, None),
        ("who", 5, None),
        ("who", {"who": [1, 2]}, "[1, 2]"),
        (len, "four", 4),
    ],
)
def test_the_key_of_a_message(key: Any, message: Any, expected: Any) -> None:
    assert key_of(delivery.conflate(key), message) == expected
