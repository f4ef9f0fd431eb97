"""The order of a target: its model, seq, epoch and history."""

from __future__ import annotations

import dataclasses
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import Store
from nuphar.actors.targets import order as order_module
from nuphar.actors.targets.carrying import Allowance, Carrying, Unwritable
from nuphar.actors.targets.order import Order, Position


def append(model: list[int], message: int) -> list[int]:
    """A mutating update, which crashes half-way on a negative message."""
    model.append(message)
    if message < 0:
        raise ValueError("half-way")
    return model


def pure_append(model: tuple[int, ...], message: int) -> tuple[int, ...]:
    return (*model, message)


class Writer:
    """Writes models, but for those in which 99 stands."""

    def __init__(self) -> None:
        self.written: list[Any] = []

    def encode_model(self, model: Any) -> bytes:
        self.written.append(model)
        if isinstance(model, list | tuple) and 99 in model:
            raise ValueError("99 cannot be written")
        return b""

    def carrying(self, allowance: Allowance | None = None) -> Carrying:
        return Carrying(self.encode_model, lambda payload: False, allowance)


def apply(order: Order, message: Any, payload: bytes | None = None) -> int:
    return order.apply(message, cbor2.dumps(message) if payload is None else payload, UNSEEN)


def out_of_time() -> Allowance:
    """An allowance that is spent for ever."""
    allowance = Allowance(lambda: 0.0)
    allowance.ready_at = float("inf")
    return allowance


UNSEEN = Writer().carrying(out_of_time())
"""Looks at nothing that it has not got to look at."""


def test_an_order_begins_at_seq_zero_with_the_store_s_model() -> None:
    order = Order(Store((), pure_append), "e")
    assert order.position == Position((), 0)


def test_each_message_raises_the_seq_by_one() -> None:
    order = Order(Store((), pure_append), "e")
    assert [apply(order, n) for n in (5, 6)] == [1, 2]
    assert order.position == Position((5, 6), 2)


def test_missed_is_what_came_after_the_cursor() -> None:
    order = Order(Store((), pure_append), "e")
    for n in (5, 6, 7):
        apply(order, n)
    assert order.missed("e", 1) == [(2, b"\x06"), (3, b"\x07")]
    assert order.missed("e", 3) == []


@pytest.mark.parametrize(("epoch", "seq"), [("other", 0), ("e", 4), ("e", -1)])
def test_a_cursor_that_is_not_ours_has_no_known_future(epoch: str, seq: int) -> None:
    order = Order(Store((), pure_append), "e")
    for n in (5, 6, 7):
        apply(order, n)
    assert order.missed(epoch, seq) is None


def test_the_history_is_bounded_by_messages() -> None:
    order = Order(Store((), pure_append), "e", history=2)
    for n in range(5):
        apply(order, n)
    assert order.missed("e", 2) is None
    assert order.missed("e", 3) == [(4, b"\x03"), (5, b"\x04")]


def test_the_history_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_module, "HISTORY_BYTES", 100)
    order = Order(Store(0, lambda model, message: model + 1), "e")
    for _ in range(5):
        apply(order, "x", b"x" * 40)
    assert order.missed("e", 3) == [(4, b"x" * 40), (5, b"x" * 40)]
    assert order.missed("e", 2) is None


def test_a_message_larger_than_the_whole_history_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_module, "HISTORY_BYTES", 100)
    order = Order(Store(0, lambda model, message: model + 1), "e")
    apply(order, "x", b"x" * 101)
    assert order.missed("e", 0) is None
    assert order.missed("e", 1) == []


def test_an_update_that_raises_changes_nothing() -> None:
    order = Order(Store((), lambda model, message: 1 // message), "e")
    with pytest.raises(ZeroDivisionError):
        apply(order, 0)
    assert order.position == Position((), 0)
    assert order.missed("e", 0) == []


def test_a_mutating_update_that_raises_half_way_is_undone() -> None:
    order = Order(Store([], append), "e")
    apply(order, 1)
    with pytest.raises(ValueError):
        apply(order, -1)
    order.rebuild(cbor2.loads, UNSEEN)
    assert order.position == Position([1], 1)
    assert apply(order, 2) == 2
    assert order.position == Position([1, 2], 2)


def test_rebuilding_replays_nothing_into_what_was_handed_out_before() -> None:
    order = Order(Store([], append), "e")
    apply(order, 1)
    handed_out = order.position.model
    with pytest.raises(ValueError):
        apply(order, -1)
    order.rebuild(cbor2.loads, UNSEEN)
    assert order.position.model is not handed_out


@dataclasses.dataclass(frozen=True)
class Frozen:
    n: int = 0


@pytest.mark.parametrize("model", [0, "text", b"bytes", None, (1, 2), frozenset({1}), Frozen()])
def test_a_frozen_model_is_never_copied(model: Any) -> None:
    order = Order(Store(model, lambda model, message: model), "e")
    order.rebuild(cbor2.loads, UNSEEN)
    assert order.position.model is model


def test_a_model_that_cannot_be_copied_is_served_as_it_is() -> None:
    class Uncopied:
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copies")

    model = Uncopied()
    order = Order(Store(model, lambda model, message: model), "e")
    order.rebuild(cbor2.loads, UNSEEN)
    assert order.position.model is model


@given(
    st.lists(st.one_of(st.integers(0, 9), st.just(-1), st.just("rebuild")), max_size=60),
    st.integers(1, 8),
)
def test_whatever_is_applied_leaves_no_gap_and_no_half_changed_model(steps: list[Any], history: int) -> None:
    order = Order(Store([], append), "e", history)
    applied: list[int] = []
    for step in steps:
        if step == "rebuild":
            order.rebuild(cbor2.loads, UNSEEN)
        elif step < 0:
            with pytest.raises(ValueError):
                apply(order, step)
            order.rebuild(cbor2.loads, UNSEEN)
        else:
            applied.append(step)
            assert apply(order, step) == len(applied)
        assert order.position == Position(applied, len(applied))
    for seq in range(len(applied) + 1):
        missed = order.missed("e", seq)
        if len(applied) - seq <= history:
            assert missed == [(at + 1, cbor2.dumps(applied[at])) for at in range(seq, len(applied))]
        else:
            assert missed is None


# What cannot be written.


def test_a_message_that_makes_what_cannot_be_written_is_not_taken() -> None:
    order = Order(Store((), pure_append), "e")
    looking = Writer().carrying()
    order.apply(1, b"\x01", looking)
    with pytest.raises(Unwritable) as caught:
        order.apply(99, b"\x18\x63", looking)
    assert not caught.value.in_place
    assert (order.position, order.missed("e", 0)) == (((1,), 1), [(1, b"\x01")])


@pytest.mark.parametrize(
    ("model", "fits"), [(2**64 - 1, True), (2**64, False), (-(2**63), True), (-(2**63) - 1, False)]
)
def test_integers_of_64_bits_are_taken_as_they_are_and_others_are_looked_at(model: int, fits: bool) -> None:
    writer = Writer()
    order = Order(Store(0, lambda model, message: message), "e")
    order.apply(model, b"", writer.carrying())
    assert writer.written == ([] if fits else [model])


@pytest.mark.parametrize("history", [0, 1, 3, 8])
def test_what_was_let_through_unseen_is_found_before_the_history_has_left_the_last_that_can_be_written(
    history: int,
) -> None:
    order = Order(Store((), pure_append), "e", history)
    taken = []
    for message in (1, 2, 99, *range(3, 40)):
        try:
            apply(order, message)
            taken.append(message)
        except Unwritable:
            pass
        checkpoint = order.checkpoint
        assert checkpoint is not None
        assert 99 not in checkpoint.model
        missed = order.missed("e", checkpoint.seq)
        assert missed is not None
        assert checkpoint.model + tuple(cbor2.loads(payload) for _, payload in missed) == tuple(taken)
    assert (99 in taken) is (history > 0)  # else a checkpoint is due with each
    assert taken[-1] == (39 if history == 0 else 99 if history in (1, 3) else 7)


def test_the_bytes_of_the_history_lead_back_to_the_checkpoint_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_module, "HISTORY_BYTES", 100)
    order = Order(Store((), pure_append), "e")
    for size in (40, 60, 30, 70, 1, 101, 98, 1, 100, 50):
        apply(order, size, b"x" * size)
        checkpoint = order.checkpoint
        assert checkpoint is not None
        assert order.missed("e", checkpoint.seq) is not None


def test_a_change_in_place_that_cannot_be_written_is_undone() -> None:
    order = Order(Store([], append), "e")
    looking = Writer().carrying()
    order.apply(1, b"\x01", looking)
    with pytest.raises(Unwritable) as caught:
        order.apply(99, b"\x18\x63", looking)
    assert caught.value.in_place
    order.rebuild(cbor2.loads, UNSEEN)
    assert order.position == ([1], 1)


def test_what_was_let_through_unseen_is_kept_when_a_later_message_crashes() -> None:
    order = Order(Store([], append), "e")
    for message in (1, 99, 2):
        apply(order, message)
    for _ in range(2):
        with pytest.raises(ValueError):
            apply(order, -1)
        order.rebuild(cbor2.loads, UNSEEN)
        assert order.position == ([1, 99, 2], 3)
        assert order.checkpoint == ([], 0)
