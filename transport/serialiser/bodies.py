"""Bodies: how each kind of container and of tagged data becomes a value, once its kind is known.

Each function is given the decoders of what is inside. Whatever a constructor or a ``__hash__`` raises on what
came from the network is a mismatch: a class that checks its values is a feature.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, Flag
from typing import Any, NamedTuple

from .distinct import Pulse, dict_of, set_of
from .plain import FLOATS, TAG, Mismatch, got

Decode = Callable[[Any], Any]


class Part(NamedTuple):
    """How to decode what is inside; values of the ``kept`` types stay as they are (0.1 µs saved on each)."""

    kept: frozenset[type]
    decode: Decode


def built(make: Callable[[Any], Any], content: Any) -> Any:
    """Call a constructor on what came from the network."""
    try:
        return make(content)
    except Mismatch:
        raise
    except Exception as error:
        raise refused(error) from error


def refused(error: Exception) -> Mismatch:
    """Say that a constructor raised, and what type of error: its text is not for the peer."""
    return Mismatch(f"refused by the constructor ({type(error).__name__})")


def content_of(plain: dict[str, Any], kind: type) -> Any:
    """Return the only field of tagged data, which is of this type."""
    if len(plain) != 2:
        raise Mismatch(f"expected 1 field, got {len(plain) - 1}")
    if "0" not in plain:
        raise Mismatch("field '0' is missing")
    if type(plain["0"]) is not kind:
        raise Mismatch(f"expected {kind.__name__}, got {got(plain['0'])}")
    return plain["0"]


def items(plain: list[Any], part: Part) -> list[Any]:
    """Decode the items of a list."""
    kept, decode = part
    values: list[Any] = []
    try:
        for item in plain:
            # Not a comprehension: the length says which item failed.
            values.append(item if type(item) in kept else decode(item))  # noqa: PERF401
    except Mismatch as error:
        error.path.append(f"[{len(values)}]")
        raise
    return values


def entries(plain: dict[Any, Any], keys: Part, part: Part) -> dict[Any, Any]:
    """Decode a dict that is not tagged: its keys are texts that do not start with an underscore."""
    kept, decode = part
    values = {}
    key: Any = None
    try:
        for key, item in plain.items():
            if type(key) is not str or key[:1] == TAG:
                raise Mismatch("expected a key that is a str and does not start with an underscore")
            known = key if str in keys.kept else keys.decode(key)
            values[known] = item if type(item) in kept else decode(item)
    except Mismatch as error:
        error.path.append(f"[{key[:40]!r}]" if type(key) is str else f"[{got(key)}]")
        raise
    return values


def read_float(plain: dict[str, Any]) -> float:
    """Decode a float that JSON cannot write."""
    text = content_of(plain, str)
    if text not in FLOATS:
        raise Mismatch(f"expected one of {', '.join(FLOATS)}")
    return FLOATS[text]


def text_body(read: Callable[[str], Any]) -> Decode:
    """Decode what travels as one text."""
    return lambda plain: built(read, content_of(plain, str))


def in_turns(decode: Decode, pulse: Pulse) -> Decode:
    """Do the same, with a ``pulse()`` before it."""

    def decode_in_turns(plain: Any) -> Any:
        pulse()
        return decode(plain)

    return decode_in_turns


def many_body(kind: type, part: Part, pulse: Pulse | None = None) -> Decode:
    """Decode a tuple, a set or a frozenset of any length; a set's members are distinct.

    With a ``pulse``, which a large message has, few members may have the same hash.
    """

    def make(values: list[Any]) -> Any:
        return kind(values if pulse is None or kind is tuple else set_of(values, pulse))

    def body(plain: dict[str, Any]) -> Any:
        values = items(content_of(plain, list), part)
        value = built(make, values)
        if len(value) != len(values):
            raise Mismatch(f"expected {len(values)} distinct members, got {len(value)}")
        return value

    return body


def row_body(row: tuple[Decode, ...]) -> Decode:
    """Decode a tuple of fixed length."""

    def body(plain: dict[str, Any]) -> tuple[Any, ...]:
        content = content_of(plain, list)
        if len(content) != len(row):
            raise Mismatch(f"expected {len(row)} items, got {len(content)}")
        remaining = iter(row)
        return tuple(items(content, Part(frozenset(), lambda item: next(remaining)(item))))

    return body


def pairs_body(keys: Part, part: Part, pulse: Pulse | None = None) -> Decode:
    """Decode a dict with keys of any kind, written as a list of pairs; ``pulse`` as for `many_body`."""

    def make(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        return dict(pairs) if pulse is None else dict_of(pairs, pulse)

    def pair(plain: Any) -> tuple[Any, Any]:
        if type(plain) is not list or len(plain) != 2:
            raise Mismatch(f"expected [key, value], got {got(plain)}")
        return keys.decode(plain[0]), part.decode(plain[1])

    def body(plain: dict[str, Any]) -> dict[Any, Any]:
        pairs = items(content_of(plain, list), Part(frozenset(), pair))
        value: dict[Any, Any] = built(make, pairs)
        if len(value) != len(pairs):
            raise Mismatch(f"expected {len(pairs)} distinct keys, got {len(value)}")
        return value

    return body


def enum_body(cls: type[Enum]) -> Decode:
    """Decode a member by its name, or a flag by the names of its members."""
    members = dict(cls.__members__)

    def member(name: str) -> Any:
        if name not in members:
            raise Mismatch(f"expected the name of a member of {cls.__name__}")
        return members[name]

    def flag(plain: dict[str, Any]) -> Any:
        text = content_of(plain, str)
        value = built(cls, 0)
        for name in text.split("|") if text else ():
            value |= member(name)
        return value

    return flag if issubclass(cls, Flag) else lambda plain: member(content_of(plain, str))


def record_body(fields: list[tuple[str, Part]], build: Callable[[list[Any]], Any]) -> Decode:
    """Decode an object from its positional fields, each with its name in the class."""
    count = len(fields)
    steps = [(str(index), part.kept, part.decode) for index, (_, part) in enumerate(fields)]

    def body(plain: dict[str, Any]) -> Any:
        if len(plain) != count + 1:
            raise Mismatch(f"expected {count} {'field' if count == 1 else 'fields'}, got {len(plain) - 1}")
        values: list[Any] = []
        try:
            for key, kept, decode in steps:
                item = plain[key]
                values.append(item if type(item) in kept else decode(item))
        except Mismatch as error:
            error.path.append(f".{fields[len(values)][0]}")
            raise
        except KeyError:
            raise Mismatch(f"field '{len(values)}' is missing") from None
        try:
            return build(values)
        except Exception as error:
            raise refused(error) from error

    return body
