"""A fingerprint is another as soon as anything inside has changed, and the same as long as nothing has."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.fingerprints import fingerprint


@dataclass
class Board:
    lines: list[str] = field(default_factory=list)
    total: float = 0.0


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held


CHANGES: list[tuple[Any, Callable[[Any], Any]]] = [
    ([1], lambda model: model.append(2)),
    ({"a": [1]}, lambda model: model["a"].append(2)),
    ({"a": 1, "b": 2}, lambda model: model.update(a=2)),
    ({1}, lambda model: model.add(2)),
    (deque([1]), lambda model: model.append(2)),
    (bytearray(b"a"), lambda model: model.extend(b"b")),
    (Board(), lambda model: model.lines.append("x")),
    (Board(), lambda model: setattr(model, "total", 1.0)),
    (Slotted([1]), lambda model: model.held.append(2)),
    (([1],), lambda model: model[0].append(2)),
    ([1], lambda model: model.__setitem__(0, True)),
]


@pytest.mark.parametrize(("model", "change"), CHANGES)
def test_what_is_changed_inside_has_another_fingerprint(model: Any, change: Callable[[Any], Any]) -> None:
    before = fingerprint(model)
    assert fingerprint(model) == before
    change(model)
    assert fingerprint(model) != before


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(DATA)
def test_looking_changes_nothing(value: Any) -> None:
    assert fingerprint(value) == fingerprint(value)
    hash(fingerprint(value))


def test_a_circle_is_looked_at_once() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    before = fingerprint(circle)
    assert fingerprint(circle) == before
    circle[0] = 2
    assert fingerprint(circle) != before
