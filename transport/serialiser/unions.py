"""Choice: which members of a union plain data can belong to, judged by its head alone.

A head is the tag of tagged data, else the type. Most unions leave one candidate per head, so that nothing is
tried in vain; where several remain they are tried in order, and all of them exactly before any leniently.

A choice inside a choice is decided once: without that, data nested 16 levels deep in a type such as
``class N: kids: list[N] | list[N | int]`` took 12 s to refuse, as each level doubled the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from .annotations import expand
from .bodies import Decode
from .plain import TAGS, TEXTS, Mismatch, got, head_of
from .shapes import Alias, Anything, Either, Instance, Many, OneOf, Row, Shape, Single, Table, label

Head = type | str

_NOTHING = object()
"""The outcome of a choice that no member fits."""

_outcomes: ContextVar[dict[tuple[int, int], Any] | None] = ContextVar("outcomes", default=None)
"""What was chosen so far, from the outermost choice of a decoding to its end."""


def heads(shape: Shape, names: Mapping[str, type], *, exact: bool) -> frozenset[Head] | None:
    """List the heads that a shape takes; None stands for all of them."""
    match shape:
        case Anything():
            return None
        case Single(kind) if kind in TEXTS:
            return frozenset({TEXTS[kind].tag})
        case Single(kind) if kind is float:
            return frozenset({float, TAGS[float]} if exact else {float, TAGS[float], int})
        case Single(kind):
            return frozenset({kind})
        case Many(kind, _):
            return frozenset({TAGS.get(kind, kind)})
        case Row():
            return frozenset({TAGS[tuple]})
        case Table():
            return frozenset({dict, TAGS[dict]})
        case Instance(cls):
            return frozenset(constructors(cls, names))
        case OneOf(options):
            return frozenset(kind if kind not in names.values() else kind.__name__ for kind, _ in options)
        case Either(members):
            return _joined(members, names, exact)
        case Alias():
            return heads(expand(shape, names), names, exact=exact)


def _joined(members: Sequence[Shape], names: Mapping[str, type], exact: bool) -> frozenset[Head] | None:
    found: set[Head] = set()
    for member in members:
        own = heads(member, names, exact=exact)
        if own is None:
            return None
        found |= own
    return frozenset(found)


def constructors(cls: type, names: Mapping[str, type]) -> frozenset[str]:
    """List the constructors that make an object of a class: its own, and those of registered subclasses."""
    return frozenset(name for name, each in names.items() if issubclass(each, cls))


def either(
    union: Either, names: Mapping[str, type], passes: Sequence[Callable[[Shape], Decode]], *, exact: bool
) -> Decode:
    """Build the decoder of a union; ``passes`` build those of its members, strictest first."""
    taken = [(member, heads(member, names, exact=exact)) for member in union.members]

    def tries(head: Head | None) -> list[Decode]:
        candidates = [member for member, own in taken if own is None or head in own]
        if len(candidates) == 1:
            return [passes[-1](candidates[0])]
        return [of(member) for of in passes for member in candidates]

    table = {head: tries(head) for _, own in taken if own is not None for head in own}
    otherwise = tries(None)
    expected = label(union)

    def choose(plain: Any, attempts: list[Decode], outcomes: dict[tuple[int, int], Any]) -> Any:
        # Identities serve as keys: both objects outlive the decoding, and plain data is not hashable.
        key = (id(attempts), id(plain))
        if key not in outcomes:
            outcomes[key] = next(filter(_fits, (_attempted(attempt, plain) for attempt in attempts)), _NOTHING)
        if outcomes[key] is _NOTHING:
            raise Mismatch(f"expected {expected}, got {got(plain)}")
        return outcomes[key]

    def decode(plain: Any) -> Any:
        attempts = table.get(head_of(plain), otherwise)
        if len(attempts) == 1:
            return attempts[0](plain)
        outcomes = _outcomes.get()
        if outcomes is not None:
            return choose(plain, attempts, outcomes)
        token = _outcomes.set(outcomes := {})
        try:
            return choose(plain, attempts, outcomes)
        finally:
            _outcomes.reset(token)

    return decode


def _attempted(attempt: Decode, plain: Any) -> Any:
    try:
        return attempt(plain)
    except Mismatch:
        return _NOTHING


def _fits(outcome: Any) -> bool:
    return outcome is not _NOTHING
