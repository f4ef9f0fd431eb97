"""Plain data, what comes close to it, and when two values are the same."""

from __future__ import annotations

import array
import datetime
import uuid
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import cbor2
from hypothesis import strategies as st

from nuphar.transport.wire.frames import MAX_INTEGER

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, 2**64 - 1)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.binary(max_size=8)
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(lambda key: key != "_"), inner, max_size=4),
    max_leaves=12,
)


class Colour(IntEnum):
    RED = 1


class Name(str):
    """A text that is more than one."""


ODD: list[Any] = [
    float("nan"), float("inf"), float("-inf"), 2**64, -(2**63) - 1, -(2**64), 2**200, "\ud800", "a\udfff",
    datetime.date(2026, 11, 21), datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC), Decimal("1.5"), Fraction(1, 2),
    uuid.UUID(int=5), 1j, {1, 2}, frozenset({1}), (1, 2), (), range(3), bytearray(b"a"), memoryview(b"ab"),
    array.array("B", [1, 2]), array.array("d", [1.5]), Colour.RED, Name("x"), OrderedDict(a=1), cbor2.undefined,
    cbor2.CBORTag(1, 2), cbor2.CBORSimpleValue(5), object(), int, {1: 2}, {"1": 1, 1: 2}, {None: 1}, {b"a": 1},
    {True: 1}, {Name("x"): 1}, {"\ud800": 1}, {(1, 2): 3}, {"_": "$bytes", "0": "AA=="}, {"_": "$bytes", "0": 5},
    {"_": "$int"}, {"_": "$int", "0": "5"}, {"_": "$int", "0": "5", "1": 6}, {"_": ["$int"]}, {"_": "$other", "0": 1},
    {"_": "Move"},
]  # fmt: skip
"""Values of all kinds: most of them are no plain data, though one codec or the other may write them."""


def wrapped(value: Any, levels: int) -> Any:
    """Put lists and maps around ``value``, by turns."""
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


MAYBE_PLAIN = st.recursive(
    SCALARS | st.sampled_from(ODD) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(["_", "0"]), inner, max_size=3)
        | st.builds(wrapped, inner, st.integers(1, 18))
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Are they equal, and of the same types through and through?"""
    if type(one) is not type(other):
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return same(list(one), list(other)) and all(map(same, one.values(), other.values()))
    return bool(one == other)
