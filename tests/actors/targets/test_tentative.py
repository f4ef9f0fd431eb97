"""An order that is ahead of its log: what is not confirmed can be undone, whatever the model is."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import Store, UsageError
from nuphar.actors.targets import tentative
from nuphar.actors.targets.appends import Appends
from nuphar.actors.targets.tentative import Tentative
from nuphar.testing.logs import ScriptedLog


def added(model: tuple[int, ...], message: int) -> tuple[int, ...]:
    return (*model, message)


def in_place(model: list[int], message: int) -> list[int]:
    model.append(message)
    if message == 13:
        raise ValueError("half-way")
    return model


def decode(payload: bytes) -> int:
    return payload[0]


def order(store: Store, history: int = 1_000) -> Tentative:
    return Tentative(store, "e", Appends(ScriptedLog(), "accepted"), history)


def apply(order: Tentative, *numbers: int) -> None:
    for number in numbers:
        order.apply(number, bytes([number]))


STORES: list[Any] = [lambda: Store((), added), lambda: Store([], in_place)]


@pytest.mark.parametrize("store", STORES)
def test_a_checkpoint_outlives_what_failed_behind_it(store: Any) -> None:
    it = order(store())
    before = it.checkpoint
    apply(it, 1, 2)
    it.settle(1, decode)
    assert it.checkpoint == before, "nobody has seen yet whether a later model can be written"
    assert it.missed("e", 0) == [(1, b"\x01")]


@pytest.mark.parametrize("store", STORES)
def test_what_failed_is_undone(store: Any) -> None:
    it = order(store())
    apply(it, 1, 2)
    it.settle(2, decode)
    apply(it, 3, 4, 5)
    assert not it.is_settled
    assert (list(it.confirmed(decode).model), it.confirmed(decode).seq) == ([1, 2], 2)
    it.settle(3, decode)
    assert it.is_settled
    assert (list(it.position.model), it.seq) == ([1, 2, 3], 3)
    assert it.missed("e", 0) == [(1, b"\x01"), (2, b"\x02"), (3, b"\x03")]
    assert it.history_bytes == 3
    apply(it, 9)
    assert (list(it.position.model), it.seq) == ([1, 2, 3, 9], 4)


def test_a_history_that_was_shorter_than_what_failed_is_empty() -> None:
    it = order(Store((), added), history=2)
    apply(it, 1)
    it.settle(1, decode)
    apply(it, 2, 3, 4, 5)
    it.settle(1, decode)
    assert (it.position, it.history_bytes) == (((1,), 1), 0)
    assert it.missed("e", 0) is None
    assert it.missed("e", 1) == []


def test_an_update_that_raises_half_way_leaves_what_is_ahead_as_it_was() -> None:
    it = order(Store([], in_place))
    apply(it, 1, 2)
    with pytest.raises(ValueError, match="half-way"):
        it.apply(13, b"\x0d")
    it.rebuild(decode)
    assert it.position == ([1, 2], 2)
    it.settle(0, decode)
    assert it.position == ([], 0)


def test_a_model_that_cannot_be_copied_cannot_be_logged() -> None:
    with pytest.raises(UsageError, match=r"copy\.deepcopy\(\) copies, got a list"):
        order(Store([threading.Lock()], in_place))


def test_an_update_that_cannot_be_repeated_leaves_what_there_is() -> None:
    calls: list[int] = []

    def once(model: list[int], message: int) -> list[int]:
        if message in calls:
            raise ValueError("a second time")
        calls.append(message)
        return in_place(model, message)

    it = order(Store([], once))
    apply(it, 1, 2)
    it.settle(1, decode)
    assert it.seq == 1
    assert it.is_settled


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5))), st.booleans(), st.integers(1, 8))
def test_whatever_fails_the_order_is_what_was_confirmed(
    batches: list[tuple[int, int]], changes_in_place: bool, history: int
) -> None:
    it = order(Store([], in_place) if changes_in_place else Store((), added), history)
    expected: list[int] = []
    number = 20
    for size, confirmed in batches:
        numbers = [number + at for at in range(size)]
        number = (number + size) % 200 + 20
        apply(it, *numbers)
        expected += numbers[:confirmed]
        it.settle(len(expected), decode)
        assert (list(it.position.model), it.seq) == (expected, len(expected))
        missed = it.missed("e", max(0, it.seq - 1))
        assert missed is None or [payload[0] for _, payload in missed] == expected[-1:]


def test_what_is_needed_to_go_back_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tentative, "HISTORY", 10)
    it = order(Store([], in_place))
    for number in range(100, 200):
        apply(it, number)
        it.settle(it.seq, decode)
        assert len(it._payloads) <= 10
    apply(it, 200)
    it.settle(100, decode)
    assert it.position == (list(range(100, 200)), 100)
