"""Encoding: one function per type turns a value into plain data.

The choice is made by a value's exact type, one look-up in a dict: an object of a subclass is never sent as
its base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, Flag
from math import isfinite
from typing import Any

from ...actors.words.errors import UnregisteredType, UsageError
from .annotations import registerable
from .plain import TAG, TAGS, TEXTS, UNCHANGED_OUT, Text
from .records import RecordType, record_of

Encode = Callable[[Any], Any]


class Encoders(dict[type, Encode]):
    """The encoder of each type; looking up a type that has none says what to do about it."""

    def __missing__(self, kind: type) -> Encode:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if registerable(kind):
            how = f"give it to automatic({kind.__name__}, ...) or register({kind.__name__})"
            raise UnregisteredType(f"{name} is not registered: {how}")
        bases = [base.__name__ for base in kind.__mro__[1:] if base in self]
        hint = f", not even as the {bases[0]} that it inherits from" if bases else ""
        how = "convert it to a built-in type, or make it a dataclass, an enum or a NamedTuple and register it"
        raise UnregisteredType(f"{name} cannot be sent{hint}: {how}")


def encoders_for(names: Mapping[str, type]) -> Encoders:
    """Build the encoders of the built-in types and of every named type."""
    encoders = Encoders(dict.fromkeys(UNCHANGED_OUT, _unchanged))
    encoders[float] = _float
    for kind, text in TEXTS.items():
        encoders[kind] = _text(text)
    encoders[list] = _items(encoders)
    encoders[tuple] = _tagged(TAGS[tuple], encoders[list])
    for kind in (set, frozenset):
        encoders[kind] = _tagged(TAGS[kind], _members(encoders))
    encoders[dict] = _dict(encoders)
    for name, cls in names.items():
        if issubclass(cls, Flag):
            encoders[cls] = _tagged(name, _flag)
        elif issubclass(cls, Enum):
            encoders[cls] = _tagged(name, lambda value: value.name)
        else:
            encoders[cls] = _record(name, record_of(cls, (), names), encoders)
    return encoders


def _unchanged(value: Any) -> Any:
    return value


def _float(value: float) -> Any:
    return value if isfinite(value) else {TAG: TAGS[float], "0": str(value)}


def _tagged(tag: str, encode: Encode) -> Encode:
    return lambda value: {TAG: tag, "0": encode(value)}


def _text(text: Text) -> Encode:
    return _tagged(text.tag, text.write)


def _items(encoders: Encoders) -> Encode:
    def encode(value: Iterable[Any]) -> list[Any]:
        return [item if type(item) in UNCHANGED_OUT else encoders[type(item)](item) for item in value]

    return encode


def _members(encoders: Encoders) -> Encode:
    encode_items = _items(encoders)
    return lambda value: sorted(encode_items(value), key=_rank)


def _rank(plain: Any) -> tuple[Any, ...]:
    """Order any plain data: a set's own order differs from run to run, its members may not be comparable."""
    match plain:
        case None:
            return (0,)
        case bool() | int() | float():
            return (1, plain)
        case str():
            return (2, plain)
        case bytes():
            return (3, plain)
        case list():
            return (4, [_rank(item) for item in plain])
        case _:
            return (5, [(key, _rank(item)) for key, item in plain.items()])


def _dict(encoders: Encoders) -> Encode:
    encode_items = _items(encoders)

    def encode(value: dict[Any, Any]) -> dict[str, Any]:
        plain = {}
        for key, item in value.items():
            if type(key) is not str or key[:1] == TAG:
                return {TAG: TAGS[dict], "0": [encode_items(pair) for pair in value.items()]}
            kind = type(item)
            plain[key] = item if kind in UNCHANGED_OUT else encoders[kind](item)
        return plain

    return encode


def _flag(value: Flag) -> str:
    """Write a flag's name, or its members' names: ``READ|WRITE``; no member at all is the empty text."""
    if value.name in type(value).__members__:
        return str(value.name)
    members = list(value)
    if sum(member.value for member in members) != value.value:
        raise UsageError(f"{value!r} has bits without a name: they cannot be sent")
    return "|".join(str(member.name) for member in members)


def _record(name: str, record: RecordType, encoders: Encoders) -> Encode:
    keys = [str(index) for index in range(len(record.fields))]
    take = record.take

    def encode(value: Any) -> dict[str, Any]:
        plain = {TAG: name}
        for key, item in zip(keys, take(value), strict=True):
            kind = type(item)
            plain[key] = item if kind in UNCHANGED_OUT else encoders[kind](item)
        return plain

    return encode
