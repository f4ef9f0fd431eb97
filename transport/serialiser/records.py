"""Records: dataclasses and NamedTuples seen as a constructor name with positional fields."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, get_args, get_origin

from ...actors.words.errors import UsageError
from .annotations import UNRESOLVED, Scope, is_named_tuple, namespace, shape_of
from .shapes import ANYTHING, Shape


@dataclass(frozen=True, slots=True)
class RecordType:
    """How to take an object of a class apart, and how to put one together.

    ``take`` gives the values of the fields that are sent, in order; ``build`` makes an object from them.
    """

    cls: type
    fields: tuple[tuple[str, Shape], ...]
    take: Callable[[Any], Iterable[Any]]
    build: Callable[[list[Any]], Any]


def record_of(cls: type, arguments: tuple[Shape, ...], names: Mapping[str, type]) -> RecordType:
    """Read a dataclass or a NamedTuple, with the shapes of its type arguments if it is generic.

    Fields with ``init=False`` are not sent. ``names`` resolves annotations that name a class local to a
    function.

    Raises: UsageError if an annotation cannot be resolved or carried, or if the constructor needs more than
    the fields.
    """
    sent = _field_names(cls)
    shapes: dict[str, Shape] = {}
    for base, bindings in _lineage(cls, arguments, names):
        for name, annotation in _own_hints(base, names).items():
            if name in sent:
                scope = Scope(f"{cls.__name__}.{name}", base.__module__, cls, bindings)
                shapes[name] = shape_of(annotation, scope)
    fields = tuple((name, shapes.get(name, ANYTHING)) for name in sent)
    if is_named_tuple(cls):
        return RecordType(cls, fields, iter, lambda values: cls(*values))
    return RecordType(cls, fields, _taker(sent), _builder(cls, sent))


def _field_names(cls: type) -> tuple[str, ...]:
    if is_named_tuple(cls):
        return tuple(inspect.getattr_static(cls, "_fields"))
    return tuple(each.name for each in dataclasses.fields(cls) if each.init)


def _is_record(cls: Any) -> bool:
    return isinstance(cls, type) and (is_named_tuple(cls) or dataclasses.is_dataclass(cls))


def _lineage(cls: type, arguments: tuple[Shape, ...], names: Mapping[str, type]) -> list[tuple[type, dict[Any, Shape]]]:
    """List a class and the records it inherits from, oldest first, each with what its type variables mean.

    One type variable may mean two things in one class: in ``class Rows(Box[list[T]], Generic[T])`` the fields
    of ``Box`` hold a list of T.
    """
    bound: dict[type, dict[Any, Shape]] = {}

    def visit(owner: type, arguments: tuple[Shape, ...]) -> None:
        bindings = dict(zip(getattr(owner, "__parameters__", ()), arguments, strict=False))
        if bound.setdefault(owner, bindings) is not bindings:
            return
        for base in vars(owner).get("__orig_bases__", owner.__bases__):
            origin = get_origin(base) or base
            if _is_record(origin):
                scope = Scope(owner.__name__, owner.__module__, cls, bindings)
                visit(origin, tuple(shape_of(argument, scope) for argument in get_args(base)))

    visit(cls, arguments)
    return [(base, bound.get(base, {})) for base in reversed(cls.__mro__) if _is_record(base)]


def _own_hints(cls: type, names: Mapping[str, type]) -> dict[str, Any]:
    """Resolve the annotations of one class, without those it inherits."""
    try:
        own = inspect.get_annotations(cls)
        try:
            hints = typing.get_type_hints(cls)
        except NameError:
            # What the module defines goes first: a registered type may share its name with another class.
            known = namespace(cls.__module__)
            local: dict[str, Any] = {name: kind for name, kind in names.items() if name not in known}
            # Python 3.12 overlooks the parameters of ``class Box[T]``, and make_dataclass says "typing.Any".
            local |= {each.__name__: each for each in getattr(cls, "__type_params__", ())}
            local.setdefault("typing", typing)
            hints = typing.get_type_hints(cls, localns=local)
    except UNRESOLVED as error:
        raise UsageError(
            f"{cls.__module__}.{cls.__qualname__}: an annotation cannot be resolved: {error}; "
            "import the type outside `if TYPE_CHECKING`, or register it along with this one"
        ) from error
    return {name: hints[name] for name in own}


def _taker(names: tuple[str, ...]) -> Callable[[Any], Iterable[Any]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: [getattr(value, name) for name in names]


def _builder(cls: type, names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    """Choose how to call a dataclass: by position if its parameters start with its fields, or by keyword."""
    parameters = inspect.signature(cls).parameters
    missing = [name for name in names if name not in parameters]
    needed = [name for name, each in parameters.items() if each.default is each.empty and name not in names]
    if missing or needed:
        raise UsageError(
            f"{cls.__module__}.{cls.__qualname__} cannot be rebuilt from its fields {list(names)}: "
            f"its constructor does not take {missing} and needs {needed}"
        )
    positional = [name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    if tuple(positional[: len(names)]) == names:
        return lambda values: cls(*values)
    return lambda values: cls(**dict(zip(names, values, strict=True)))
