"""Which models are looked at, and what a look may cost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plain import wrapped

from nuphar.actors.targets.carrying import Allowance, Carrying, Unwritable
from nuphar.transport.serialiser.serialiser import automatic
from nuphar.transport.wire.codec import Codec
from nuphar.transport.wire.strict import dump_cbor, is_trouble


class Clock:
    """Time that is moved by hand; each look takes ``cost`` seconds of it."""

    def __init__(self, cost: float = 0.0) -> None:
        self.now = 0.0
        self.cost = cost
        self.looks = 0

    def __call__(self) -> float:
        return self.now

    def encode_model(self, model: Any) -> bytes:
        self.now += self.cost
        self.looks += 1
        if model == "bad":
            raise ValueError("it cannot be written")
        return b""

    @staticmethod
    def is_trouble(payload: bytes) -> bool:
        return payload == b"trouble"


CODEC = Codec(automatic())
EXACT = Carrying(CODEC.encode_model, CODEC.is_trouble)


def carrying(clock: Clock, **options: float) -> Carrying:
    return Carrying(clock.encode_model, clock.is_trouble, Allowance(clock, **options))


def test_a_model_is_looked_at_as_long_as_there_is_time() -> None:
    clock = Clock(cost=0.001)
    one = carrying(clock, share=0.1, saved=0.02)
    for _ in range(100):
        one.admit([], None, b"")
    assert clock.looks == 3  # two of them were saved up
    clock.now += 0.01
    one.admit([], None, b"")
    assert clock.looks == 4


def test_who_waits_has_time_for_each() -> None:
    clock = Clock(cost=0.001)
    one = carrying(clock, share=0.1, saved=0.02)
    for _ in range(100):
        clock.now += 0.01
        one.admit([], None, b"")
    assert clock.looks == 100


@given(st.lists(st.tuples(st.floats(0, 0.1), st.floats(0, 0.01)), max_size=60))
def test_looks_take_no_more_than_their_share_but_for_one(steps: list[tuple[float, float]]) -> None:
    clock = Clock()
    one = carrying(clock, share=0.1, saved=0.5)
    spent = most = 0.0
    for wait, cost in steps:
        clock.now += wait
        clock.cost = cost
        before = clock.looks
        one.admit([], None, b"")
        if clock.looks > before:
            spent, most = spent + cost, max(most, cost)
        assert spent <= 0.1 * (clock.now + 0.5) + most + 1e-9


def test_all_targets_share_one_allowance() -> None:
    clock = Clock(cost=1.0)
    allowance = Allowance(clock, share=0.1, saved=0.0)
    for _ in range(3):
        Carrying(clock.encode_model, clock.is_trouble, allowance).admit([], None, b"")
    assert clock.looks == 1


def test_a_message_that_looks_like_trouble_is_worth_a_look_in_any_case() -> None:
    clock = Clock(cost=1.0)
    one = carrying(clock)
    for payload in (b"", b"", b"trouble", b"", b"trouble"):
        one.admit([], None, payload)
    assert clock.looks == 3


@pytest.mark.parametrize("model", [0, -5, True, None, "text", b"\xff", 2**64 - 1])
def test_simple_models_are_not_written_to_see_that_they_can_be(model: Any) -> None:
    clock = Clock()
    carrying(clock).admit(model, None, b"trouble")
    assert clock.looks == 0
    CODEC.check_model(model)


@pytest.mark.parametrize("model", [2**64, -(2**63) - 1, 2**100, "\ud800", [object()], {"a": 2**64}, wrapped(1, 16)])
def test_what_cannot_be_written_is_refused_with_the_reason(model: Any) -> None:
    before: list[Any] = []
    with pytest.raises(Unwritable, match="cannot be written") as caught:
        EXACT.admit(model, before, b"")
    assert caught.value.__cause__ is not None
    assert not caught.value.in_place


def test_a_model_that_contains_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(Unwritable) as caught:
        EXACT.admit(circle, circle, b"")
    assert caught.value.in_place


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (5, False), ("a; b", False), ({"_": "Said", "0": "hi", "1": [{"x": None}]}, False), ("é" * 40, False),
        ({"a": b"\x81" * 9}, False), (2**32 - 1, False), (2**32, True), (-(2**32), False), (-(2**32) - 1, True),
        (wrapped(1, 3), False), (wrapped(1, 4), True), (wrapped([], 3), True), ([[[2**40]]], True),
        ([2**40, ";"], True), ({"k": {"k": {"k": {}}}}, True), (wrapped("\x1b", 3), False), (wrapped("\x1b", 4), True),
    ],
)  # fmt: skip
def test_trouble_is_nested_or_large(value: Any, is_one: bool) -> None:
    assert is_trouble(dump_cbor(value)) is is_one
