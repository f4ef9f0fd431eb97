"""The automatic codec: a set of registered types, and what turns their values into plain data and back.

A constructor name belongs to one type. The tables of a codec are built once and replaced as a whole when a
type is added, so that another thread never sees half of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from hashlib import sha256
from typing import Any, get_origin

from ...actors.words.errors import RemoteProtocolError, UsageError
from .annotations import Scope, parts_of, registerable, shape_of
from .bodies import Decode
from .decoding import Decoders
from .distinct import Pulse
from .encoding import Encoders, encoders_for
from .in_turns import decode_in_turns
from .plain import TAG, UNCHANGED_OUT, Mismatch
from .records import record_of
from .shapes import Alias, Instance, Shape


class Tables:
    """The encoders and decoders of one set of types: ``types`` and all that their annotations reach.

    Raises: UsageError if two types share a name, or if one of them cannot be carried.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        names = reach(types)
        self.encoders: Encoders = encoders_for(names)
        self.decode = Decoders(names).anything
        self._names = names
        self._in_turns: tuple[Pulse, Decode] | None = None
        self.contract = contract_of(names)

    def in_turns(self, pulse: Pulse) -> Decode:
        """Return the decoder that calls ``pulse`` at each container; made once, as there is one pulse in a process."""
        made = self._in_turns
        if made is None or made[0] is not pulse:
            decode = Decoders(self._names, pulse=pulse).anything
            made = self._in_turns = pulse, lambda plain: decode_in_turns(plain, decode, pulse)
        return made[1]


class AutomaticCodec:
    """Encodes and decodes values of its types; ``tables`` may be replaced at any time, from any thread."""

    def __init__(self, types: tuple[Any, ...], tables: Tables) -> None:
        self.types = types
        self.tables = tables

    def encode(self, value: Any) -> Any:
        """Turn a value into plain data.

        Raises: UnregisteredType; UsageError for a value that contains itself or is nested too deeply.
        """
        kind = type(value)
        if kind in UNCHANGED_OUT:
            return value
        try:
            return self.tables.encoders[kind](value)
        except RecursionError:
            raise UsageError(f"{kind.__qualname__}: nested too deeply, or contains itself") from None

    def decode(self, plain: Any) -> Any:
        """Turn plain data into a value. Raises: RemoteProtocolError, code malformed, and nothing else."""
        return self._decode(self.tables.decode, plain)

    def decode_in_turns(self, plain: Any, pulse: Pulse) -> Any:
        """Do the same for what may be large and is nobody else's: it may be changed, and becomes part of the value.

        There is a ``pulse()`` at each container, and few members of a set may have the same hash.
        """
        return self._decode(self.tables.in_turns(pulse), plain)

    def decoder(self, annotation: Any) -> Decode:
        """Return what decodes values of ``annotation`` alone, whose types need not be registered.

        Raises: UsageError for an annotation that cannot be carried.
        """
        shape = shape_of(annotation, Scope(f"values of {annotation!r}"))
        decode = Decoders(reach((*self.types, annotation))).of(shape)
        return lambda plain: self._decode(decode, plain)

    @staticmethod
    def _decode(decode: Decode, plain: Any) -> Any:
        try:
            return decode(plain)
        except Mismatch as error:
            place = "".join(reversed(error.path))
            if type(plain) is dict and type(plain.get(TAG)) is str and not plain[TAG].startswith("$"):
                place = plain[TAG][:40] + place
            raise RemoteProtocolError(f"{place}: {error}" if place else str(error)) from error
        except RecursionError:
            raise RemoteProtocolError("nested too deeply") from None


def reach(types: Iterable[Any]) -> dict[str, type]:
    """Return the given types and all that their annotations reach, by constructor name.

    Any annotation will do for a type: ``Move | Stop`` and ``Box[int]`` bring Move, Stop and Box.
    """
    types = tuple(types)
    names: dict[str, type] = {}
    for given in types:
        if registerable(get_origin(given) or given):
            _claim(names, get_origin(given) or given)
    waiting: list[Shape] = [_given_shape(given) for given in types]
    seen: set[Any] = set()
    while waiting:
        shape = waiting.pop()
        # An alias is read once, whatever its arguments: these may grow for ever.
        mark: Any = (shape.target, shape.module) if isinstance(shape, Alias) else shape
        if isinstance(shape, Alias):
            waiting.extend(shape.arguments)
        if mark in seen:
            continue
        seen.add(mark)
        waiting.extend(parts_of(shape, names))
        if isinstance(shape, Instance) and registerable(shape.cls):
            _claim(names, shape.cls)
            if not issubclass(shape.cls, Enum):
                waiting.extend(inside for _, inside in record_of(shape.cls, (), names).fields)
    return names


def contract_of(names: dict[str, type]) -> str:
    """Return 16 hex characters that change whenever a constructor, its fields or an enum's members do."""
    lines = []
    for name, cls in sorted(names.items()):
        if issubclass(cls, Enum):
            fields = list(cls.__members__)
        else:
            fields = [f"{field}: {shape}" for field, shape in record_of(cls, (), names).fields]
        lines.append(f"{name}({', '.join(fields)})")
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def _given_shape(given: Any) -> Shape:
    """Read one of the types that a program names: here, a class that is no constructor is a mistake."""
    if registerable(type(given)):
        raise UsageError(f"expected types, got an object: give {type(given).__name__} itself")
    shape = shape_of(given, Scope("automatic or register"))
    if isinstance(shape, Instance) and not registerable(shape.cls):
        raise UsageError(
            f"{shape.cls.__module__}.{shape.cls.__qualname__} cannot be registered: "
            "expected a dataclass, an enum or a NamedTuple"
        )
    return shape


def _claim(names: dict[str, type], cls: type) -> None:
    if not cls.__name__.isidentifier():
        raise UsageError(f"{cls.__module__}: {cls.__name__!r} is not a name that a constructor can have")
    other = names.setdefault(cls.__name__, cls)
    if other is not cls:
        raise UsageError(
            f"two types are named {cls.__name__}: {other.__module__}.{other.__qualname__} and "
            f"{cls.__module__}.{cls.__qualname__}; rename one of them"
        )
