"""Annotations: the only place that reads Python's own, and makes a shape of each."""

from __future__ import annotations

import sys
import typing
from collections import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, ForwardRef, NewType, TypeVar, get_args, get_origin

from ...actors.words.errors import UsageError
from .plain import TEXTS, UNCHANGED_IN
from .shapes import ANYTHING, Alias, Either, Instance, Many, OneOf, Row, Shape, Single, Table

UNRESOLVED = (NameError, AttributeError, TypeError, SyntaxError)
"""What evaluating the annotations of a program may raise."""

_ALIAS_TYPE: Any = getattr(typing, "TypeAliasType", ())
"""The type of what ``type X = ...`` makes; Python 3.11 has no such statement."""

_COLLECTIONS: dict[Any, tuple[type, ...]] = {
    list: (list,),
    tuple: (tuple,),
    set: (set,),
    frozenset: (frozenset,),
    abc.Sequence: (list, tuple),
    abc.MutableSequence: (list,),
    abc.Set: (set, frozenset),
    abc.MutableSet: (set,),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an annotation stands: ``place`` is for error texts, ``owner`` is what ``Self`` means."""

    place: str
    module: str = "builtins"
    owner: type | None = None
    bindings: Mapping[Any, Shape] = field(default_factory=dict)


def shape_of(annotation: Any, scope: Scope) -> Shape:
    """Read one annotation; a type variable without a binding may be anything.

    Raises: UsageError for an annotation whose values cannot be carried.
    """
    if annotation is Any or annotation is object:
        return ANYTHING
    if isinstance(annotation, TypeVar):
        return scope.bindings.get(annotation, ANYTHING)
    if isinstance(annotation, NewType):
        return shape_of(annotation.__supertype__, scope)
    if isinstance(annotation, ForwardRef):
        return Alias(annotation.__forward_arg__, scope.module)
    if isinstance(annotation, str):
        return Alias(annotation, scope.module)
    if annotation is typing.Self and scope.owner is not None:
        return Instance(scope.owner)
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is typing.Literal:
        return OneOf(tuple((type(option), option) for option in arguments))
    if origin in (typing.Annotated, typing.Final):
        return shape_of(arguments[0], scope) if arguments else ANYTHING
    if origin is abc.Callable:
        raise _cannot_carry(origin, scope)
    shapes = tuple(shape_of(argument, scope) for argument in arguments if argument is not Ellipsis)
    if origin in (typing.Union, UnionType):
        return Either(shapes)
    if isinstance(origin, _ALIAS_TYPE):
        return Alias(origin, scope.module, shapes)
    if origin is tuple and (arguments or annotation == tuple[()]):
        return Many(tuple, shapes[0]) if Ellipsis in arguments else Row(shapes)
    return _class_shape(NoneType if origin is None else origin, shapes, scope)


def _class_shape(origin: Any, shapes: tuple[Shape, ...], scope: Scope) -> Shape:
    """Read a class, with the shapes of its type arguments."""
    if origin in UNCHANGED_IN or origin in TEXTS:
        return Single(origin)
    if origin in (dict, abc.Mapping, abc.MutableMapping):
        return Table(*(shapes or (ANYTHING, ANYTHING)))
    if origin in _COLLECTIONS:
        choices = tuple(Many(kind, *(shapes or (ANYTHING,))) for kind in _COLLECTIONS[origin])
        return choices[0] if len(choices) == 1 else Either(choices)
    if not isinstance(origin, type) or typing.is_typeddict(origin):
        raise _cannot_carry(origin, scope)
    is_of_python = origin.__module__.partition(".")[0] in sys.stdlib_module_names
    if is_of_python and not registerable(origin):
        raise _cannot_carry(origin, scope)
    return Instance(origin, shapes)


def _cannot_carry(origin: Any, scope: Scope) -> UsageError:
    return UsageError(
        f"{scope.place}: {getattr(origin, '__name__', None) or repr(origin)} cannot be carried; "
        "expected a dataclass, an enum, a NamedTuple or one of the built-in types in docs/wire.md"
    )


def registerable(cls: Any) -> bool:
    """Say whether a class has a constructor on the wire: a dataclass, an enum or a NamedTuple."""
    if not isinstance(cls, type):
        return False
    return issubclass(cls, Enum) or hasattr(cls, "__dataclass_fields__") or is_named_tuple(cls)


def is_named_tuple(cls: type) -> bool:
    """Say whether a class is a NamedTuple, or one of ``collections.namedtuple``."""
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def expand(alias: Alias, names: Mapping[str, type]) -> Shape:
    """Read what an alias stands for; ``names`` are the types that a module may not know by name."""
    if not isinstance(alias.target, str):
        bindings = dict(zip(alias.target.__type_params__, alias.arguments, strict=False))
        scope = Scope(str(alias.target), alias.target.__module__, None, bindings)
        return shape_of(alias.target.__value__, scope)
    holder = SimpleNamespace(__annotations__={"it": alias.target})
    try:
        meaning = typing.get_type_hints(holder, {**names, **namespace(alias.module)})["it"]
    except UNRESOLVED as error:
        text = f"{alias.module}: the annotation {alias.target!r} cannot be resolved: {error}"
        raise UsageError(text) from error
    return shape_of(meaning, Scope(f"{alias.module}: {alias.target}", alias.module))


def namespace(module: str) -> dict[str, Any]:
    """Return the names that a module defines."""
    return getattr(sys.modules.get(module), "__dict__", {})


def parts_of(shape: Shape, names: Mapping[str, type]) -> tuple[Shape, ...]:
    """Return the shapes directly inside a shape, without the fields of an instance."""
    match shape:
        case Many(_, item):
            return (item,)
        case Row(inside) | Either(inside) | Instance(_, inside):
            return inside
        case Table(key, value):
            return (key, value)
        case OneOf(options):
            return tuple(Instance(kind) for kind, _ in options if issubclass(kind, Enum))
        case Alias():
            return (expand(shape, names),)
        case _:
            return ()
