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
from nuphar.actors.targets.carrying import Allowance, Carrying, Unwritable
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


def written(model: Any) -> bytes:
    """Write a model: one that ends with 77 cannot be."""
    if model and model[-1] == 77:
        raise ValueError("77 is the last")
    return bytes(model)


def unseen() -> Carrying:
    """Return what has no time to look, but where it must."""
    allowance = Allowance(lambda: 0.0)
    allowance.ready_at = float("inf")
    return Carrying(written, lambda payload: False, allowance)


@pytest.mark.parametrize("store", STORES)
def test_a_checkpoint_that_failed_gives_its_place_back_to_the_one_before_it(store: Any) -> None:
    it, carrying = order(store(), history=2), unseen()
    for number in (1, 77):  # nobody looks at it
        it.apply(number, bytes([number]), carrying)
    it.settle(2, decode)
    it.apply(3, b"\x03", carrying)  # a new checkpoint is due, and can be written
    checkpoint = it.checkpoint
    assert checkpoint is not None
    assert checkpoint.seq == 3
    it.settle(2, decode)  # but the log does not take it
    assert list(it.position.model) == [1, 77]
    assert it.checkpoint is not None
    assert written(it.checkpoint.model) == b""
    assert it.missed("e", it.checkpoint.seq) == [(1, b"\x01"), (2, b"\x4d")]
    it.apply(4, b"\x04", carrying)  # and then it is due again
    it.settle(3, decode)
    assert it.checkpoint is not None
    assert written(it.checkpoint.model) == b"\x01\x4d\x04"
    assert it.missed("e", 0) is None


@pytest.mark.parametrize("store", STORES)
@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.lists(st.sampled_from([1, 2, 77]), min_size=1, max_size=6), st.integers(0, 6)), max_size=12),
)
def test_whatever_fails_there_is_a_way_from_a_model_that_can_be_written(
    store: Any, history: int, batches: list[tuple[list[int], int]]
) -> None:
    it, carrying, taken = order(store(), history), unseen(), list[int]()
    for messages, kept in batches:
        before, ahead = it.seq, list[int]()
        for message in messages:
            try:
                it.apply(message, bytes([message]), carrying)
            except Unwritable as error:
                if error.in_place:
                    it.rebuild(decode, carrying)
            else:
                ahead.append(message)
        taken += ahead[:kept]
        it.settle(min(before + kept, it.seq), decode)
        assert list(it.position.model) == taken
        checkpoint = it.checkpoint
        assert checkpoint is not None
        assert checkpoint.seq <= it.seq
        way = it.missed("e", checkpoint.seq)
        assert way is not None
        assert [*written(checkpoint.model), *(payload[0] for _, payload in way)] == taken
        assert it.history_bytes == len(it._history) <= history + 6  # a batch more, until the next message


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


def test_a_history_that_was_shorter_than_what_failed_is_what_it_was() -> None:
    it = order(Store((), added), history=2)
    apply(it, 1)
    it.settle(1, decode)
    apply(it, 2, 3, 4, 5)
    it.settle(1, decode)
    assert (it.position, it.history_bytes) == (((1,), 1), 1)
    assert it.missed("e", 0) == [(1, b"\x01")]
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
