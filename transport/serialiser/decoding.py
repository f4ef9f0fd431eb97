"""Decoding: one function per shape turns plain data into a value, strictly, or raises `Mismatch`.

Nothing here trusts its input: constructors are found by name among the registered types alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property
from typing import Any

from .annotations import expand
from .bodies import (
    Decode,
    Part,
    built,
    entries,
    enum_body,
    in_turns,
    items,
    many_body,
    pairs_body,
    read_float,
    record_body,
    row_body,
    text_body,
)
from .distinct import Pulse
from .plain import TAG, TAGS, TEXTS, UNCHANGED_IN, Mismatch, got
from .records import record_of
from .shapes import Alias, Anything, Either, Instance, Many, OneOf, Row, Shape, Single, Table, label
from .unions import constructors, either


class Decoders:
    """The decoders over one set of named types.

    ``exact`` ones do not take an int for a float: a union that is in doubt asks them first. Those with a ``pulse`` are
    for large data: they call it at each container.
    """

    anything: Decode
    """Decodes a value of whatever registered type its plain data names."""

    def __init__(self, names: Mapping[str, type], *, exact: bool = False, pulse: Pulse | None = None) -> None:
        self._names = names
        self._is_exact = exact
        self._made: dict[Shape, Decode] = {}
        self._pulse = pulse
        self.anything = self._anything if pulse is None else in_turns(self._anything, pulse)
        self._any = Part(UNCHANGED_IN, self.anything)
        self._bodies: dict[str, Decode] = {
            TAGS[float]: read_float,
            TAGS[dict]: pairs_body(self._any, self._any, pulse),
            **{TAGS[kind]: many_body(kind, self._any, pulse) for kind in (tuple, set, frozenset)},
            **{text.tag: text_body(text.read) for text in TEXTS.values()},
        }
        for name, cls in names.items():
            self._bodies[name] = enum_body(cls) if issubclass(cls, Enum) else self._record(Instance(cls))

    @cached_property
    def _passes(self) -> tuple[Callable[[Shape], Decode], ...]:
        """What a union in doubt asks, in order."""
        if self._is_exact:
            return (self.of,)
        return (Decoders(self._names, exact=True, pulse=self._pulse).of, self.of)

    def _anything(self, plain: Any) -> Any:
        kind = type(plain)
        if kind in UNCHANGED_IN:
            return plain
        if kind is list:
            return items(plain, self._any)
        if kind is not dict:
            raise Mismatch(f"{kind.__name__} is not plain data")
        if TAG not in plain:
            return entries(plain, self._any, self._any)
        tag = plain[TAG]
        if type(tag) is not str:
            raise Mismatch(f"expected the name of a constructor, got {got(tag)}")
        body = self._bodies.get(tag)
        if body is None:
            raise Mismatch(f"unknown constructor {tag[:40]!r}")
        return body(plain)

    def of(self, shape: Shape) -> Decode:
        """Return the decoder of a shape."""
        decode = self._of(shape)
        return decode if self._pulse is None or isinstance(shape, Single | Anything) else in_turns(decode, self._pulse)

    def _of(self, shape: Shape) -> Decode:
        match shape:
            case Anything():
                return self.anything
            case Single(kind) if kind is float:
                return _exact_float if self._is_exact else _float
            case Single(kind) if kind in TEXTS:
                return _tagged(TEXTS[kind].tag, self._bodies[TEXTS[kind].tag])
            case Single(kind):
                return _unchanged(kind, label(shape))
            case Many(kind, item):
                part = self._part(item)
                return _list(part) if kind is list else _tagged(TAGS[kind], many_body(kind, part, self._pulse))
            case Row(inside):
                return _tagged(TAGS[tuple], row_body(tuple(self.of(item) for item in inside)))
            case Table(key, value):
                return _table(self._part(key), self._part(value), self._pulse)
            case Instance():
                return self._instance(shape)
            case OneOf(options):
                return self._one_of(options, label(shape))
            case Either():
                return either(shape, self._names, self._passes, exact=self._is_exact)
            case Alias():
                return self._later(shape, lambda: self.of(expand(shape, self._names)))

    def _part(self, shape: Shape) -> Part:
        match shape:
            case Anything():
                return self._any
            case Single(kind) if kind in UNCHANGED_IN:
                return Part(frozenset({kind}), self.of(shape))
            case _:
                return Part(frozenset(), self.of(shape))

    def _record(self, shape: Instance) -> Decode:
        record = record_of(shape.cls, shape.arguments, self._names)
        return record_body([(name, self._part(inside)) for name, inside in record.fields], record.build)

    def _instance(self, shape: Instance) -> Decode:
        """Decode an object of a class or of a registered subclass.

        Type arguments speak about the class itself: what they mean to a subclass, it says in its own bases.
        """
        allowed = constructors(shape.cls, self._names)
        bodies = self._bodies
        if shape.arguments and shape.cls in self._names.values():
            bodies = {name: self._body(name) for name in allowed}
            bodies[shape.cls.__name__] = self._later(shape, lambda: self._record(shape))

        def decode(plain: Any) -> Any:
            tag = plain.get(TAG) if type(plain) is dict else None
            if type(tag) is not str or tag not in allowed:
                raise Mismatch(f"expected {shape.cls.__name__}, got {got(plain)}")
            return bodies[tag](plain)

        return decode

    def _body(self, name: str) -> Decode:
        """Look a constructor up when it is used: it may not be built yet."""
        return lambda plain: self._bodies[name](plain)

    def _one_of(self, options: tuple[tuple[type, Any], ...], expected: str) -> Decode:
        def decode(plain: Any) -> Any:
            value = self.anything(plain)
            if any(type(value) is kind and value == option for kind, option in options):
                return value
            raise Mismatch(f"expected {expected}, got another {got(plain)}")

        return decode

    def _later(self, shape: Shape, make: Callable[[], Decode]) -> Decode:
        """Make a decoder when it is first used, and once: its shape may contain itself."""

        def decode(plain: Any) -> Any:
            made = self._made.get(shape)
            if made is None:
                made = self._made[shape] = make()
            return made(plain)

        return decode


def _unchanged(kind: type, expected: str) -> Decode:
    def decode(plain: Any) -> Any:
        if type(plain) is not kind:
            raise Mismatch(f"expected {expected}, got {got(plain)}")
        return plain

    return decode


def _exact_float(plain: Any) -> float:
    if type(plain) is float:
        return plain
    if type(plain) is dict and plain.get(TAG) == TAGS[float]:
        return read_float(plain)
    raise Mismatch(f"expected float, got {got(plain)}")


def _float(plain: Any) -> float:
    """Take an int too: to JavaScript, 1 and 1.0 are the same."""
    return float(built(float, plain)) if type(plain) is int else _exact_float(plain)


def _tagged(tag: str, body: Decode) -> Decode:
    def decode(plain: Any) -> Any:
        if type(plain) is not dict or plain.get(TAG) != tag:
            raise Mismatch(f"expected {tag[1:]}, got {got(plain)}")
        return body(plain)

    return decode


def _list(part: Part) -> Decode:
    def decode(plain: Any) -> Any:
        if type(plain) is not list:
            raise Mismatch(f"expected list, got {got(plain)}")
        return items(plain, part)

    return decode


def _table(keys: Part, part: Part, pulse: Pulse | None) -> Decode:
    pairs = pairs_body(keys, part, pulse)

    def decode(plain: Any) -> Any:
        if type(plain) is dict and TAG not in plain:
            return entries(plain, keys, part)
        if type(plain) is dict and plain[TAG] == TAGS[dict]:
            return pairs(plain)
        raise Mismatch(f"expected dict, got {got(plain)}")

    return decode
