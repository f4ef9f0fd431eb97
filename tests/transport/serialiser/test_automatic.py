from __future__ import annotations

import enum
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import InitVar, dataclass, field, make_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from math import inf, isnan, nan
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Self, TypedDict, TypeVar
from uuid import UUID

import pytest

from nuphar.actors.words.errors import RemoteProtocolError, UnregisteredType, UsageError
from nuphar.transport.serialiser import serialiser as module
from nuphar.transport.serialiser.serialiser import automatic

T = TypeVar("T")
UserId = NewType("UserId", int)
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


@pytest.fixture(autouse=True)
def _fresh_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_registered", module._Registered())


class Color(Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1  # noqa: PIE796 - an alias, on purpose


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Access(Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    RUN = enum.auto()
    ALL = READ | WRITE | RUN


class Bits(IntFlag):
    ONE = 1
    TWO = 2


@dataclass(frozen=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Move:
    who: str
    to: Point
    count: int


class Pair(NamedTuple):
    left: int
    right: str = "r"


Legacy = namedtuple("Legacy", "a b")


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)
    parent: Optional[Tree] = None  # noqa: UP045 - the old spelling is read too


@dataclass(frozen=True)
class Box(Generic[T]):
    value: T


@dataclass(frozen=True)
class IntBox(Box[int]):
    unit: str


@dataclass(frozen=True)
class Rows(Box[list[T]], Generic[T]):
    first: T


class Both(NamedTuple, Generic[T]):
    one: T
    two: list[T]


@dataclass(frozen=True)
class Odd(Generic[T]):
    value: T
    inside: Odd[list[T]] | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    size: int
    name: str = "n"


@dataclass
class Counted:
    n: int
    scale: InitVar[int] = 2
    double: int = field(init=False)
    label: str = "x"

    def __post_init__(self, scale: int) -> None:
        self.double = self.n * scale


@dataclass(frozen=True)
class Checked:
    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"secret {self.n}")
        if self.n == 0:
            raise LookupError("secret")


class Shape:
    pass


@dataclass(frozen=True)
class Circle(Shape):
    radius: float


@dataclass(frozen=True)
class Square(Shape):
    side: float


@dataclass(frozen=True)
class Drawing:
    shape: Shape


@dataclass(frozen=True)
class Linked:
    next: Self | None


def holder(annotation: Any) -> type:
    """Make a dataclass ``Holder`` with one field of this type."""
    return make_dataclass("Holder", [("it", annotation)], frozen=True, namespace={"__module__": __name__})


def through(value: Any, *types: Any) -> Any:
    serialiser = automatic(*types)
    return serialiser.decode_message(serialiser.encode_message(value))


def malformed(plain: Any, *types: Any) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        automatic(*types).decode_message(plain)
    assert caught.value.code == "malformed"
    return str(caught.value)


def held(annotation: Any, plain: Any, *types: Any) -> Any:
    """Decode one field of this type."""
    return automatic(holder(annotation), *types).decode_message({"_": "Holder", "0": plain}).it


def not_held(annotation: Any, plain: Any, *types: Any) -> str:
    return malformed({"_": "Holder", "0": plain}, holder(annotation), *types)


SET = {"_": "$set", "0": [1, 2]}

WIRE: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (7, 7),
    (2**80, 2**80),
    (1.5, 1.5),
    ("a", "a"),
    (b"a", b"a"),
    ([1, [2]], [1, [2]]),
    ({"n": 1}, {"n": 1}),
    ({}, {}),
    ({"a": {"b": (1,)}}, {"a": {"b": {"_": "$tuple", "0": [1]}}}),
    ({"_n": 1}, {"_": "$dict", "0": [["_n", 1]]}),
    ({1: "a", "b": None}, {"_": "$dict", "0": [[1, "a"], ["b", None]]}),
    ({(1, 2): {3}}, {"_": "$dict", "0": [[{"_": "$tuple", "0": [1, 2]}, {"_": "$set", "0": [3]}]]}),
    ((), {"_": "$tuple", "0": []}),
    ({2, 1}, SET),
    (frozenset({"b", "a"}), {"_": "$frozenset", "0": ["a", "b"]}),
    (inf, {"_": "$float", "0": "inf"}),
    (-inf, {"_": "$float", "0": "-inf"}),
    (datetime(2026, 1, 2, 3, 4, 5, 6), {"_": "$datetime", "0": "2026-01-02T03:04:05.000006"}),
    (datetime(2026, 1, 2, tzinfo=UTC), {"_": "$datetime", "0": "2026-01-02T00:00:00+00:00"}),
    (
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-3))),
        {"_": "$datetime", "0": "2026-01-02T00:00:00-03:00"},
    ),
    (date(2026, 1, 2), {"_": "$date", "0": "2026-01-02"}),
    (UUID(int=1), {"_": "$uuid", "0": "00000000-0000-0000-0000-000000000001"}),
    (Decimal("1.50"), {"_": "$decimal", "0": "1.50"}),
    (Color.GREEN, {"_": "Color", "0": "GREEN"}),
    (Level.LOW, {"_": "Level", "0": "LOW"}),
    (Word.YES, {"_": "Word", "0": "YES"}),
    (Access.READ, {"_": "Access", "0": "READ"}),
    (Access.READ | Access.RUN, {"_": "Access", "0": "READ|RUN"}),
    (Access.ALL, {"_": "Access", "0": "ALL"}),
    (Access(0), {"_": "Access", "0": ""}),
    (Bits.ONE | Bits.TWO, {"_": "Bits", "0": "ONE|TWO"}),
    (Move("a", Point(1.0, 2.0), 3), {"_": "Move", "0": "a", "1": {"_": "Point", "0": 1.0, "1": 2.0}, "2": 3}),
    (Pair(1), {"_": "Pair", "0": 1, "1": "r"}),
    (Legacy(1, "b"), {"_": "Legacy", "0": 1, "1": "b"}),
    (Nothing(), {"_": "Nothing"}),
    (Tree(1, [Tree(2)]), {"_": "Tree", "0": 1, "1": [{"_": "Tree", "0": 2, "1": [], "2": None}], "2": None}),
    (Box("a"), {"_": "Box", "0": "a"}),
    (IntBox(1, "m"), {"_": "IntBox", "0": 1, "1": "m"}),
    (Rows([1], 1), {"_": "Rows", "0": [1], "1": 1}),
    (Both(1, [2]), {"_": "Both", "0": 1, "1": [2]}),
    (Options(size=1), {"_": "Options", "0": 1, "1": "n"}),
    (Counted(3, label="y"), {"_": "Counted", "0": 3, "1": "y"}),
    (Drawing(Circle(1.0)), {"_": "Drawing", "0": {"_": "Circle", "0": 1.0}}),
    (Linked(Linked(None)), {"_": "Linked", "0": {"_": "Linked", "0": None}}),
]
TYPES = (
    *(
        Color,
        Level,
        Word,
        Access,
        Bits,
        Move,
        Pair,
        Legacy,
        Nothing,
        Tree,
        Box,
        IntBox,
        Rows,
        Both,
        Options,
        Counted,
    ),
    *(Circle, Drawing, Linked),
)


@pytest.mark.parametrize(("value", "plain"), WIRE, ids=[str(plain) for _, plain in WIRE])
def test_a_value_has_its_wire_form_and_comes_back(value: Any, plain: Any) -> None:
    serialiser = automatic(*TYPES)
    assert serialiser.encode_message(value) == plain
    back = serialiser.decode_message(plain)
    assert back == value
    assert type(back) is type(value)


def test_not_a_number_comes_back() -> None:
    assert automatic().encode_message(nan) == {"_": "$float", "0": "nan"}
    assert isnan(through(nan))


def test_types_that_annotations_reach_are_registered_too() -> None:
    move = Move("a", Point(1.0, 2.0), 3)
    assert through(move, Move) == move
    assert through(Color.RED, holder(dict[str, Literal[Color.RED]] | None)) is Color.RED
    assert through(Circle(1.0), Box[list[Circle]]) == Circle(1.0)
    assert through(Point(1.0, 2.0), Move | Pair) == Point(1.0, 2.0)


def test_an_enum_member_may_be_named_by_an_alias() -> None:
    assert automatic(Color).decode_message({"_": "Color", "0": "CRIMSON"}) is Color.RED


def test_a_set_of_mixed_types_has_one_order() -> None:
    members = [None, True, 2, 0.5, "a", b"a", (1, "b"), (1, 2), frozenset({3}), Color.RED, nan, 10**5000]
    one = automatic(Color).encode_message(set(members))
    other = automatic(Color).encode_message({*members[::-1]})
    assert one == other
    assert len(one["0"]) == len(members)


def test_a_local_class_may_name_itself_and_others() -> None:
    @dataclass
    class Leaf:
        up: Branch | None

    @dataclass
    class Branch:
        leaves: list[Leaf]
        more: list[Branch]

    value = Branch([Leaf(Branch([], []))], [Branch([], [])])
    assert through(value, Branch, Leaf) == value


def test_a_recursive_alias_is_followed() -> None:
    deep = {"a": [1, {"b": [None, True, 2.5]}]}
    assert held(Json, deep) == deep
    assert "expected" in not_held(Json, {"a": [{"_": "$tuple", "0": []}]})


def test_a_generic_that_grows_for_ever_is_read_as_far_as_needed() -> None:
    value = Odd(1, Odd([2], Odd([[3]])))
    assert through(value, Odd[int]) == value
    plain = {"_": "Odd", "0": 1, "1": {"_": "Odd", "0": 2, "1": None}}
    assert not_held(Odd[int], plain) == "Holder.it.inside.value: expected list, got int"


def test_a_choice_inside_a_choice_is_decided_once() -> None:
    tried: list[int] = []

    @dataclass(frozen=True)
    class Counter:
        n: int

        def __post_init__(self) -> None:
            tried.append(self.n)

    @dataclass(frozen=True)
    class Knot:
        inside: list[Knot | Counter] | list[Knot | Counter | str]

    plain: Any = {"_": "Counter", "0": 1}
    for _ in range(16):
        plain = {"_": "Knot", "0": [plain, 1.5]}
    assert malformed(plain, Knot, Counter) == "Knot.inside: expected list, got list"
    assert len(tried) <= 16


class TestStrictFields:
    @pytest.mark.parametrize(
        ("annotation", "plain", "value"),
        [
            (int, 1, 1),
            (float, 1, 1.0),
            (float, 1.5, 1.5),
            (float, {"_": "$float", "0": "inf"}, inf),
            (UserId, 1, 1),
            (Annotated[int, "unit"], 1, 1),
            (Any, {"a": [1]}, {"a": [1]}),
            (object, "a", "a"),
            (None, None, None),
            (int | None, None, None),
            (float | int, 1, 1),
            (float | str, 1, 1.0),
            (bool | int, True, True),
            (list[float], [1, 2.5], [1.0, 2.5]),
            (list[float] | list[int], [1, 2], [1, 2]),
            (list[float] | list[str], [1, 2.5], [1.0, 2.5]),
            (dict[str, float], {"a": 1}, {"a": 1.0}),
            (dict[int, str], {"_": "$dict", "0": [[1, "a"]]}, {1: "a"}),
            (dict[int, str], {}, {}),
            (tuple[int, float], {"_": "$tuple", "0": [1, 1]}, (1, 1.0)),
            (tuple[int, ...], {"_": "$tuple", "0": [1, 1]}, (1, 1)),
            (tuple, {"_": "$tuple", "0": [1, "a"]}, (1, "a")),
            (tuple[()], {"_": "$tuple", "0": []}, ()),
            (set[int], SET, {1, 2}),
            (frozenset[int], {"_": "$frozenset", "0": [1]}, frozenset({1})),
            (Sequence[int], [1], [1]),
            (Sequence[int], {"_": "$tuple", "0": [1]}, (1,)),
            (AbstractSet[int], SET, {1, 2}),
            (Mapping[str, int], {"a": 1}, {"a": 1}),
            (Literal[1, "a", None], "a", "a"),
            (Literal[Color.RED], {"_": "Color", "0": "RED"}, Color.RED),
            (Literal[Color.RED] | int, {"_": "Color", "0": "RED"}, Color.RED),
            (Box[float], {"_": "Box", "0": 1}, Box(1.0)),
            (Box[float] | Box[int], {"_": "Box", "0": 1}, Box(1)),
            (Box, {"_": "Box", "0": [1]}, Box([1])),
            (Box[int], {"_": "IntBox", "0": 1, "1": "m"}, IntBox(1, "m")),
            (Both[float], {"_": "Both", "0": 1, "1": [2]}, Both(1.0, [2.0])),
            (Rows[float], {"_": "Rows", "0": [1], "1": 2}, Rows([1.0], 2.0)),
            (Shape, {"_": "Circle", "0": 1.0}, Circle(1.0)),
            (Shape | None, {"_": "Square", "0": 1.0}, Square(1.0)),
            (Enum, {"_": "Color", "0": "RED"}, Color.RED),
        ],
        ids=repr,
    )
    def test_a_field_takes(self, annotation: Any, plain: Any, value: Any) -> None:
        got = held(annotation, plain, Color, Circle, Square, IntBox)
        assert got == value
        assert repr(got) == repr(value)

    @pytest.mark.parametrize(
        ("annotation", "plain", "text"),
        [
            (int, True, ": expected int, got bool"),
            (int, 1.0, ": expected int, got float"),
            (int, {"_": "Level", "0": "LOW"}, ": expected int, got Level"),
            (bool, 1, ": expected bool, got int"),
            (float, True, ": expected float, got bool"),
            (float, "nan", ": expected float, got str"),
            (float, 10**400, ": refused by the constructor (OverflowError)"),
            (str, b"a", ": expected str, got bytes"),
            (None, 0, ": expected None, got int"),
            (int | None, "a", ": expected int or None, got str"),
            (list[int], {"_": "$tuple", "0": [1]}, ": expected list, got $tuple"),
            (list[int], [1, "a"], "[1]: expected int, got str"),
            (dict[str, int], {"a": "b"}, "['a']: expected int, got str"),
            (dict[int, int], {"a": 1}, "['a']: expected int, got str"),
            (dict[str, int], {"_": "Point", "0": 1, "1": 2}, ": expected dict, got Point"),
            (tuple[int, ...], [1], ": expected tuple, got list"),
            (tuple[int, int], {"_": "$tuple", "0": [1]}, ": expected 2 items, got 1"),
            (tuple[int, str], {"_": "$tuple", "0": [1, 2]}, "[1]: expected str, got int"),
            (set[int], {"_": "$frozenset", "0": [1]}, ": expected set, got $frozenset"),
            (Literal[1], True, ": expected 1, got another bool"),
            (Literal["a", "b"], "c", ": expected 'a' or 'b', got another str"),
            (Box[int], {"_": "Box", "0": "a"}, ".value: expected int, got str"),
            (list[Box[int]] | list[Box[str]], [{"_": "Box", "0": 1.5}], ": expected list, got list"),
            (Point, {"_": "Color", "0": "RED"}, ": expected Point, got Color"),
            (Shape, {"_": "Point", "0": 1.0, "1": 1.0}, ": expected Shape, got Point"),
            (datetime, {"_": "$date", "0": "2026-01-02"}, ": expected datetime, got $date"),
            (UUID, "00000000-0000-0000-0000-000000000001", ": expected uuid, got str"),
        ],
        ids=repr,
    )
    def test_a_field_refuses(self, annotation: Any, plain: Any, text: str) -> None:
        assert not_held(annotation, plain, Color, Level, Circle, Point) == f"Holder.it{text}"


class TestMalformed:
    @pytest.mark.parametrize(
        ("plain", "text"),
        [
            ({"_": "Move", "0": "a", "1": 1}, "Move: expected 3 fields, got 2"),
            ({"_": "Pair", "0": 1}, "Pair: expected 2 fields, got 1"),
            ({"_": "Checked"}, "Checked: expected 1 field, got 0"),
            ({"_": "Pair", "0": 1, "2": "r"}, "Pair: field '1' is missing"),
            ({"_": "Point", "0": 1, "1": "a"}, "Point.y: expected float, got str"),
            (
                {"_": "Move", "0": "a", "1": {"_": "Point", "0": "b", "1": 1}, "2": 3},
                "Move.to.x: expected float, got str",
            ),
            ([{"_": "Pair", "0": 1, "1": 2}], "[0].right: expected str, got int"),
            ({"_": "Checked", "0": -1}, "Checked: refused by the constructor (ValueError)"),
            ({"_": "Checked", "0": 0}, "Checked: refused by the constructor (LookupError)"),
            ({"_": "Nobody", "0": 0}, "Nobody: unknown constructor 'Nobody'"),
            ({"_": "$pickle", "0": b""}, "unknown constructor '$pickle'"),
            ({"_": 5}, "expected the name of a constructor, got int"),
            ({"_": ["a"]}, "expected the name of a constructor, got list"),
            ({"_": "Color", "0": "BLUE"}, "Color: expected the name of a member of Color"),
            ({"_": "Color", "0": 1}, "Color: expected str, got int"),
            ({"_": "Color"}, "Color: expected 1 field, got 0"),
            ({"_": "Access", "0": "READ|"}, "Access: expected the name of a member of Access"),
            ({"_": "$set", "0": [[1]]}, "refused by the constructor (TypeError)"),
            ({"_": "$set", "0": [1, True]}, "expected 2 distinct members, got 1"),
            ({"_": "$set", "1": []}, "field '0' is missing"),
            ({"_": "$set", "0": {}}, "expected list, got dict"),
            ({"_": "$dict", "0": [[1]]}, "[0]: expected [key, value], got list"),
            ({"_": "$dict", "0": [[[], 1]]}, "refused by the constructor (TypeError)"),
            ({"_": "$dict", "0": [[1, 1], [1, 2]]}, "expected 2 distinct keys, got 1"),
            ({"_": "$float", "0": "1.5"}, "expected one of nan, inf, -inf"),
            ({"_": "$datetime", "0": "yesterday"}, "refused by the constructor (ValueError)"),
            ({"_": "$date", "0": "2026-13-01"}, "refused by the constructor (ValueError)"),
            (
                {"_": "$uuid", "0": "{00000000-0000-0000-0000-000000000001}"},
                "refused by the constructor (ValueError)",
            ),
            ({"_": "$decimal", "0": "one"}, "refused by the constructor (InvalidOperation)"),
            ({"_n": 1}, "['_n']: expected a key that is a str and does not start with an underscore"),
            ({1: 1}, "[int]: expected a key that is a str and does not start with an underscore"),
            ((1,), "tuple is not plain data"),
        ],
        ids=repr,
    )
    def test_plain_data_that_is_no_value_is_named(self, plain: Any, text: str) -> None:
        assert malformed(plain, Move, Pair, Checked, Color, Access) == text

    def test_data_nested_without_end_is_refused(self) -> None:
        plain: list[Any] = []
        for _ in range(100_000):
            plain = [plain]
        text = malformed(plain)
        while plain:  # Freed from the outside in: a recursive free would need as deep a stack.
            plain = plain[0]
        assert text == "nested too deeply"

    def test_an_unknown_name_is_not_repeated_at_length(self) -> None:
        assert len(malformed({"_": "x" * 10_000})) < 120
        assert len(malformed({"x" * 10_000: {"_": "Nobody"}})) < 120
        assert len(not_held(int, {"_": "x" * 10_000})) < 120

    def test_what_a_validating_constructor_says_stays_on_this_side(self) -> None:
        with pytest.raises(RemoteProtocolError) as caught:
            automatic(Checked).decode_message({"_": "Checked", "0": -1})
        assert "secret" not in str(caught.value)
        assert str(caught.value.__cause__.__cause__) == "secret -1"  # type: ignore[union-attr]


class TestUnregistered:
    def test_a_type_that_is_not_registered_is_named_with_the_remedy(self) -> None:
        with pytest.raises(UnregisteredType, match=r"test_automatic\.Point is not registered: .*register\(Point\)"):
            automatic().encode_message([Point(1.0, 2.0)])

    @pytest.mark.parametrize(
        "value",
        [
            OrderedDict(a=1),
            type("Text", (str,), {})("a"),
            type("Whole", (int,), {})(1),
            type("Items", (list,), {})(),
            type("Farther", (Point,), {})(1.0, 2.0),
            {type("Text", (str,), {})("a"): 1},
            Word.YES,
            Pair(1),
            timedelta(1),
            bytearray(),
            1j,
            object(),
            Point,
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_subclass_or_a_foreign_type_is_never_sent_as_something_else(self, value: Any) -> None:
        with pytest.raises(UnregisteredType):
            automatic(Point).encode_message(value)

    def test_a_subclass_of_a_builtin_is_told_what_it_inherits_from(self) -> None:
        with pytest.raises(UnregisteredType, match="not even as the dict that it inherits from"):
            automatic().encode_message(OrderedDict())

    def test_a_value_that_contains_itself_is_refused(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(UsageError, match="contains itself"):
            automatic().encode_message(loop)

    def test_bits_without_a_name_are_refused(self) -> None:
        with pytest.raises(UsageError, match="without a name"):
            automatic(Bits).encode_message(Bits(9))


class TestRegistration:
    def test_two_types_with_one_name_are_refused_with_both_modules(self) -> None:
        other = type("Point", (Point,), {"__module__": "elsewhere"})
        with pytest.raises(UsageError, match=r"named Point: elsewhere\.Point and \S*test_automatic\.Point"):
            automatic(Move, other)

    @pytest.mark.parametrize(
        ("annotation", "named"),
        [
            (Callable[[int], int], "Callable"),
            (timedelta, "timedelta"),
            (TypedDict("Loose", {"a": int}), "Loose"),
            (list[bytearray], "bytearray"),
            (5, "5"),
        ],
        ids=repr,
    )
    def test_an_annotation_that_cannot_be_carried_is_named_with_its_field(self, annotation: Any, named: str) -> None:
        with pytest.raises(UsageError, match=rf"Holder\.it: {named} cannot be carried"):
            automatic(holder(annotation))

    def test_an_annotation_that_cannot_be_resolved_is_reported(self) -> None:
        with pytest.raises(UsageError, match=r"Holder: an annotation cannot be resolved: .*Missing"):
            automatic(holder("Missing"))

    def test_a_plain_class_cannot_be_registered(self) -> None:
        with pytest.raises(UsageError, match=r"test_automatic\.Shape cannot be registered"):
            automatic(Shape)

    def test_an_object_in_place_of_its_type_is_refused(self) -> None:
        with pytest.raises(UsageError, match="give Point itself"):
            automatic(Point(1.0, 2.0))

    def test_a_constructor_that_needs_more_than_the_fields_is_refused(self) -> None:
        @dataclass
        class Scaled:
            n: int
            scale: InitVar[int]

        with pytest.raises(UsageError, match=r"Scaled cannot be rebuilt .*\['scale'\]"):
            automatic(Scaled)

    def test_a_name_that_starts_with_a_dollar_is_ours(self) -> None:
        kind = type("$set", (Point,), {})
        with pytest.raises(UsageError, match=r"'\$set' is not a name"):
            automatic(kind)
