"""Delivery rules: what becomes of a topic's messages for a subscriber who cannot take them now. Pure.

A topic gives a rule and a subscriber may wish for less. From more to less: ``all`` · ``drop_oldest(n)``, by n ·
``conflate(key)`` · ``latest`` · ``sample(hz)``, by hz. Source: docs/delivery.md.

>>> less(of("all"), of(["sample", 5]))
Sample(hz=5.0, bound=262144)
>>> less(latest(), of("all"))
Latest(bound=262144)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from .errors import Refused, UsageError

WAITING = 256 * 1024
"""Bytes that may wait for one subscriber of one topic by its rule, unless told otherwise; the newest always may."""

OVERHEAD = 64
"""Bytes that a waiting message counts besides its payload, so that many small ones are bounded as well."""

LONGEST_QUEUE = 10_000
"""Messages that may wait by ``drop_oldest``, at most."""

SLOWEST, FASTEST = 0.001, 100.0
"""Sends a second by ``sample``: timers are no finer than that."""

LONGEST = 255
"""Characters of a field's name."""

FORMS = "'all', 'latest', ['drop_oldest', n], ['conflate', field] or ['sample', hz]"


@dataclass(frozen=True, slots=True)
class All:
    """Drop nothing. Who falls behind gets one Snapshot of a store; with anything else it is closed (4513)."""

    bound: int = WAITING


@dataclass(frozen=True, slots=True)
class DropOldest:
    """The newest ``n`` wait."""

    n: int
    bound: int = WAITING


@dataclass(frozen=True, slots=True)
class Conflate:
    """The newest for each key waits; ``key`` is a field's name, or a function from message to key."""

    key: str | Callable[[Any], Any]
    bound: int = WAITING


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest waits."""

    bound: int = WAITING


@dataclass(frozen=True, slots=True)
class Sample:
    """At most ``hz`` sends a second, the newest each time."""

    hz: float
    bound: int = WAITING


Rule = All | DropOldest | Conflate | Latest | Sample

R = TypeVar("R", All, DropOldest, Conflate, Latest, Sample)

ALL = All()
"""The default."""


def drop_oldest(n: int, *, bound: int = WAITING) -> DropOldest:
    """Keep the newest ``n`` messages, and at most ``bound`` bytes, for a subscriber who cannot take them now.

    Raises: UsageError.
    """
    return _checked(DropOldest(n, bound))


def conflate(key: str | Callable[[Any], Any], *, bound: int = WAITING) -> Conflate:
    """Keep the newest message for each key: ``key`` is a field's name, or a function from message to key.

    Messages without that field share one key. A message whose key raises is kept like one with a key of its own.
    Raises: UsageError.
    """
    return _checked(Conflate(key, bound))


def latest(*, bound: int = WAITING) -> Latest:
    """Keep the newest message for a subscriber who cannot take it now."""
    return _checked(Latest(bound))


def sample(hz: float, *, bound: int = WAITING) -> Sample:
    """Send at most ``hz`` times a second, the newest each time: the first at once, and the last always.

    Raises: UsageError.
    """
    return _checked(Sample(hz, bound))


def of(value: Any) -> Rule:
    """Return a topic's rule: one of ours, or as a client would write it.

    Raises: UsageError.

    >>> of(["drop_oldest", 3])
    DropOldest(n=3, bound=262144)
    """
    try:
        return value if isinstance(value, Rule) else _parse(value)
    except ValueError as error:
        raise UsageError(f"delivery: {error}") from None


def wish(params: Any) -> Rule | None:
    """Return what a Subscribe's params wish for, None if they do not say.

    Raises: Refused ``malformed``.
    """
    if not isinstance(params, Mapping) or params.get("delivery") is None:
        return None
    try:
        return _parse(params["delivery"])
    except ValueError as error:
        raise Refused("malformed", f"delivery: {error}") from None


def plain(rule: Rule) -> Any:
    """Return a rule as a Subscribe's params carry it.

    Raises: UsageError for a key that is a function: nobody else can call it.

    >>> plain(sample(5))
    ['sample', 5]
    """
    match rule:
        case All():
            return "all"
        case Latest():
            return "latest"
        case DropOldest(n):
            return ["drop_oldest", n]
        case Sample(hz):
            return ["sample", hz]
        case Conflate(key):
            if not isinstance(key, str):
                raise UsageError(f"delivery: a subscriber conflates by a field's name, got {key!r}")
            return ["conflate", key]


def less(given: Rule, wished: Rule | None) -> Rule:
    """Return what a subscriber gets: its wish if that is less than what the topic gives, else that.

    The bound is the lesser one in any case.
    """
    if wished is None or _place(wished) >= _place(given):
        return given
    return replace(wished, bound=min(wished.bound, given.bound))


def key_of(rule: Conflate, message: Any) -> Any:
    """Return the key of a message, hashable.

    Raises: what the program's function raises.
    """
    if not isinstance(rule.key, str):
        key = rule.key(message)
    elif isinstance(message, Mapping):
        key = message.get(rule.key)
    else:
        key = getattr(message, rule.key, None)
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


def _place(rule: Rule) -> tuple[int, float]:
    """Say how much a rule gives, to be compared."""
    match rule:
        case All():
            return 4, 0
        case DropOldest(n):
            return 3, n
        case Conflate():
            return 2, 0
        case Latest():
            return 1, 0
        case Sample(hz):
            return 0, hz


def _parse(value: Any) -> Rule:
    name, arguments = (value[0], value[1:]) if isinstance(value, list | tuple) and value else (value, ())
    match name, *arguments:
        case ["all"]:
            return ALL
        case ["latest"]:
            return Latest()
        case ["drop_oldest", n]:
            rule: Rule = DropOldest(n)
        case ["conflate", str() as field]:
            rule = Conflate(field)
        case ["sample", hz]:
            rule = Sample(hz)
        case _:
            raise ValueError(f"expected {FORMS}, got {repr(value)[:100]}")
    if (fault := _fault(rule)) is not None:
        raise ValueError(fault)
    return replace(rule, hz=float(rule.hz)) if isinstance(rule, Sample) else rule


def _checked(rule: R) -> R:
    if (fault := _fault(rule)) is not None:
        raise UsageError(f"delivery: {fault}")
    return rule


def _fault(rule: Rule) -> str | None:
    if type(rule.bound) is not int or rule.bound < 1:
        return f"bound: expected bytes from 1, got {rule.bound!r}"
    match rule:
        case DropOldest(n) if type(n) is not int or not 1 <= n <= LONGEST_QUEUE:
            return f"drop_oldest: expected an integer from 1 to {LONGEST_QUEUE}, got {n!r}"
        case Sample(hz) if type(hz) not in (int, float) or not SLOWEST <= hz <= FASTEST:
            return f"sample: expected a number from {SLOWEST} to {FASTEST:g}, got {hz!r}"
        case Conflate(str() as field) if not field or field.startswith("_") or len(field) > LONGEST:
            return f"conflate: expected a field's name of 1 to {LONGEST} characters without a leading _, got {field!r}"
        case Conflate(key) if not isinstance(key, str) and not callable(key):
            return f"conflate: expected a field's name or a function from message to key, got {key!r}"
    return None
