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
from nuphar.actors.targets.order import Order, Position


def append(model: list[int], message: int) -> list[int]:
    """A mutating update, which crashes half-way on a negative message."""
    model.append(message)
    if message < 0:
        raise ValueError("half-way")
    return model


def pure_append(model: tuple[int, ...], message: int) -> tuple[int, ...]:
    return (*model, message)


def apply(order: Order, message: Any) -> int:
    return order.apply(message, cbor2.dumps(message))


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
        order.apply("x", b"x" * 40)
    assert order.missed("e", 3) == [(4, b"x" * 40), (5, b"x" * 40)]
    assert order.missed("e", 2) is None


def test_a_message_larger_than_the_whole_history_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_module, "HISTORY_BYTES", 100)
    order = Order(Store(0, lambda model, message: model + 1), "e")
    order.apply("x", b"x" * 101)
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
    order.rebuild(cbor2.loads)
    assert order.position == Position([1], 1)
    assert apply(order, 2) == 2
    assert order.position == Position([1, 2], 2)


def test_rebuilding_replays_nothing_into_what_was_handed_out_before() -> None:
    order = Order(Store([], append), "e")
    apply(order, 1)
    handed_out = order.position.model
    with pytest.raises(ValueError):
        apply(order, -1)
    order.rebuild(cbor2.loads)
    assert order.position.model is not handed_out


@dataclasses.dataclass(frozen=True)
class Frozen:
    n: int = 0


@pytest.mark.parametrize("model", [0, "text", b"bytes", None, (1, 2), frozenset({1}), Frozen()])
def test_a_frozen_model_is_never_copied(model: Any) -> None:
    order = Order(Store(model, lambda model, message: model), "e")
    order.rebuild(cbor2.loads)
    assert order.position.model is model


def test_a_model_that_cannot_be_copied_is_served_as_it_is() -> None:
    class Uncopied:
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copies")

    model = Uncopied()
    order = Order(Store(model, lambda model, message: model), "e")
    order.rebuild(cbor2.loads)
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
            order.rebuild(cbor2.loads)
        elif step < 0:
            with pytest.raises(ValueError):
                apply(order, step)
            order.rebuild(cbor2.loads)
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
