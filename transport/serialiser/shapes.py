"""Shapes: what an annotation allows, as frozen data.

`annotations` makes shapes; what finds types and what builds decoders match on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value of a known type."""


@dataclass(frozen=True, slots=True)
class Single:
    """One of the types that plain data holds as they are, or that travel as a text."""

    kind: type


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of items: a list, a variadic tuple, a set or a frozenset."""

    kind: type
    item: Shape


@dataclass(frozen=True, slots=True)
class Row:
    """A tuple of fixed length."""

    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A dict."""

    key: Shape
    value: Shape


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the application, or of a registered subclass."""

    cls: type
    arguments: tuple[Shape, ...] = ()


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few constants, each with its type: ``Literal[1]`` is not ``Literal[True]``."""

    options: tuple[tuple[type, Any], ...]


@dataclass(frozen=True, slots=True)
class Either:
    """A union."""

    members: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a shape that may contain itself, and so is read on demand.

    ``target`` is a name in ``module``, or the object that a ``type`` statement makes.
    """

    target: Any
    module: str
    arguments: tuple[Shape, ...] = ()


Shape = Anything | Single | Many | Row | Table | Instance | OneOf | Either | Alias
ANYTHING = Anything()


def label(shape: Shape) -> str:
    """Name a shape, for an error text."""
    match shape:
        case Single(kind) | Many(kind, _) | Instance(kind, _):
            return "None" if kind is NoneType else kind.__name__
        case Row(items):
            return f"tuple of {len(items)}"
        case Table():
            return "dict"
        case OneOf(options):
            return " or ".join(repr(option) for _, option in options)
        case Either(members):
            return " or ".join(dict.fromkeys(label(member) for member in members))
        case Alias(target):
            return str(target)
        case Anything():
            return "anything"
