"""A fingerprint of plain data and objects: equal as long as nothing inside has changed. Pure.

>>> model = {"lines": ["a"]}
>>> before = fingerprint(model)
>>> model["lines"].append("b")
>>> fingerprint(model) == before
False
"""

from __future__ import annotations

from collections import deque
from typing import Any

ATOMS = (bool, int, str, bytes, type(None))


def fingerprint(value: Any) -> Any:
    """Return something hashable that says what ``value`` is, with all that it holds.

    What keeps its state where Python cannot look (a file, an array of C) counts as the object that it is.
    """
    return _taken(value, {})


def _taken(value: Any, seen: dict[int, int]) -> Any:
    kind = type(value)
    if kind in ATOMS:
        return kind, value
    if kind is float:
        return kind, repr(value)  # NaN is no other than itself
    if id(value) in seen:
        return "seen", seen[id(value)]
    seen[id(value)] = len(seen)
    if isinstance(value, dict):
        return kind, tuple((_taken(key, seen), _taken(held, seen)) for key, held in value.items())
    if isinstance(value, list | tuple | deque):
        return kind, tuple(_taken(held, seen) for held in value)
    if isinstance(value, set | frozenset):
        return kind, frozenset(_taken(held, {}) for held in value)
    if isinstance(value, bytearray):
        return kind, bytes(value)
    fields = _fields(value)
    return (kind, id(value)) if fields is None else (kind, tuple((name, _taken(held, seen)) for name, held in fields))


def _fields(value: Any) -> list[tuple[str, Any]] | None:
    """Return the attributes that an object has of its own; None if it keeps none."""
    names = [name for kind in type(value).__mro__ for name in _slots(kind) if name not in ("__dict__", "__weakref__")]
    if not names and not hasattr(value, "__dict__"):
        return None
    held = [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    return held + list(getattr(value, "__dict__", {}).items())


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)
