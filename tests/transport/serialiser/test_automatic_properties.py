"""Laws of the automatic serialiser over generated values and generated plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, Flag, auto
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport.serialiser import serialiser as module
from nuphar.transport.serialiser.serialiser import Serialiser, automatic

T = TypeVar("T")


class Color(Enum):
    RED = 1
    GREEN = 2


class Access(Flag):
    READ = auto()
    WRITE = auto()


class Pair(NamedTuple):
    left: int | str | None
    right: tuple[float, ...]


@dataclass(frozen=True)
class Box(Generic[T]):
    value: T


@dataclass(frozen=True)
class Entry:
    key: UUID
    when: datetime | date
    price: Decimal
    tags: frozenset[str]
    color: Color | None


@dataclass(frozen=True)
class Node:
    entry: Entry | Pair
    boxes: dict[str, Box[int] | Box[float]]
    counts: dict[int, Access]
    nodes: list[Node]


@pytest.fixture(scope="module")
def serialiser() -> Serialiser:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_registered", module._Registered())
        return automatic(Node)


finite = st.floats(allow_nan=False)
hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | finite
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.timezones())
    .map(lambda when: when.replace(fold=0))
    .filter(lambda when: when.tzinfo is None or when == datetime.fromisoformat(when.isoformat()))
    | st.dates()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.sampled_from([*Color, Access(0), *Access, Access.READ | Access.WRITE]),
    lambda inner: (
        st.tuples(inner, inner)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(inner, max_size=3)
        | st.builds(Box, inner)
    ),
    max_leaves=5,
)
entries = st.builds(Entry, price=st.decimals(allow_nan=False))
pairs = st.builds(Pair, right=st.lists(finite, max_size=3).map(tuple))
nodes = st.recursive(
    st.builds(
        Node,
        entry=entries | pairs,
        boxes=st.dictionaries(st.text(max_size=3), st.builds(Box, st.integers() | finite), max_size=2),
        counts=st.dictionaries(st.integers(), st.sampled_from(Access), max_size=2),
        nodes=st.just([]),
    ),
    lambda inner: st.builds(
        Node, entry=pairs, boxes=st.just({}), counts=st.just({}), nodes=st.lists(inner, max_size=3)
    ),
    max_leaves=4,
)
values = st.recursive(
    hashable | nodes | entries | pairs,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | hashable, inner, max_size=3)
        | st.sets(hashable, max_size=3)
        | st.builds(Box, inner)
    ),
    max_leaves=6,
)

constructors = ["Node", "Entry", "Pair", "Box", "Color", "Access", "Nobody"]
ours = [
    "$tuple",
    "$set",
    "$frozenset",
    "$dict",
    "$float",
    "$datetime",
    "$date",
    "$uuid",
    "$decimal",
    "$nobody",
]
names = st.sampled_from([*constructors, *ours])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**4000), "RED", "READ|WRITE", "nan", "2026-01-02", "1E+5", "sNaN"])
    | st.floats()
    | st.text(st.characters())
    | st.binary()
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def tagged(name: Any, fields: list[Any]) -> dict[str, Any]:
        return {"_": name, **{str(index): each for index, each in enumerate(fields)}}

    return (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["_", "0", "1", "a", "_a"]) | st.text(max_size=2), inner, max_size=4)
        | st.builds(tagged, names | inner, st.lists(inner, max_size=5))
        | st.builds(tagged, names, st.tuples(st.lists(inner, max_size=3)).map(list))
        | st.builds(tagged, st.just("$dict"), st.tuples(st.lists(st.lists(inner, min_size=2, max_size=2))).map(list))
    )


@st.composite
def nested(draw: st.DrawFn) -> Any:
    """Draw plain data up to 16 levels deep."""
    plain = draw(plain_data)
    for wrap in draw(st.lists(st.sampled_from(["list", "dict", "Box", "$set", "$tuple", "Node"]), max_size=12)):
        match wrap:
            case "list":
                plain = [plain]
            case "dict":
                plain = {"a": plain}
            case "Node":
                plain = {
                    "_": "Node",
                    "0": {"_": "Pair", "0": 1, "1": {"_": "$tuple", "0": []}},
                    "1": {},
                    "2": {},
                    "3": [plain],
                }
            case "Box":
                plain = {"_": "Box", "0": plain}
            case _:
                plain = {"_": wrap, "0": [plain]}
    return plain


plain_data = st.recursive(scalars, containers, max_leaves=12)


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal with equal types all the way down."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, (list, tuple)):
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return all(same(a, b) for a, b in zip(one.items(), other.items(), strict=True))
    if hasattr(one, "__dataclass_fields__"):
        return same(vars(one), vars(other))
    if isinstance(one, (set, frozenset)):
        kinds = {member: type(member) for member in one}
        return all(kinds[member] is type(member) for member in other)
    return True


def is_plain(plain: Any) -> bool:
    if type(plain) is list:
        return all(is_plain(item) for item in plain)
    if type(plain) is dict:
        return all(type(key) is str and is_plain(item) for key, item in plain.items())
    return type(plain) in (type(None), bool, int, float, str, bytes)


def decoded(serialiser: Serialiser, plain: Any) -> tuple[Any, str]:
    """Return the value and no text, or the text of the error."""
    try:
        return serialiser.decode_message(plain), ""
    except RemoteProtocolError as error:
        return error.code, str(error)


@given(value=values)
def test_what_is_encoded_is_plain_data_and_comes_back_equal_with_equal_types(
    serialiser: Serialiser, value: Any
) -> None:
    plain = serialiser.encode_message(value)
    assert is_plain(plain)
    assert same(serialiser.decode_message(plain), value)


@settings(max_examples=300)
@given(plain=nested())
def test_any_plain_data_is_a_value_or_malformed(serialiser: Serialiser, plain: Any) -> None:
    value, text = decoded(serialiser, plain)
    assert len(text) < 1_000
    assert is_plain(serialiser.encode_message(value))


@given(value=st.sets(hashable, max_size=6))
def test_equal_sets_have_equal_wire_forms(serialiser: Serialiser, value: set[Any]) -> None:
    other = {*list(value)[::-1]}
    assert serialiser.encode_message(other) == serialiser.encode_message(value)
