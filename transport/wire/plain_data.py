"""Plain data: what both codecs carry, whoever writes it, and so whoever reads it. Pure.

None, bool, int of at most 64 bits, finite float, str, bytes, list, and dict with str keys; of exactly these types, at
most 16 levels deep. A dict whose ``_`` is ``$bytes`` or ``$int`` is none: in JSON it stands for something else.
"""

from __future__ import annotations

from typing import Any

from ...actors.words.errors import RemoteProtocolError

DEPTH = 16
"""Levels of nesting that a frame may have, itself included."""

SCALARS = frozenset({int, str, bytes, bool, type(None)})

_ANY = SCALARS - {int}
"""Types of which every value is plain."""

_INFINITE = (float("inf"), float("-inf"))


def check_plain(value: Any, depth: int = DEPTH, _of: int = 0) -> Any:
    """Return ``value`` if it is plain data, nested at most ``depth`` levels.

    Raises: RemoteProtocolError that names what was found.

    >>> check_plain([1, {"two": None}])
    [1, {'two': None}]
    """
    kind = type(value)
    if kind in SCALARS:
        if kind is int and not -(2**63) <= value < 2**64:
            raise RemoteProtocolError("expected integers of at most 64 bits")
    elif kind is list:
        if not depth:
            raise too_deep(_of)
        for item in value:
            if type(item) not in _ANY:
                check_plain(item, depth - 1, _of or depth)
    elif kind is dict:
        if not depth:
            raise too_deep(_of)
        if "_" in value:
            check_tag(value["_"])
        for key, item in value.items():
            if type(key) is not str:
                raise _no_key(key)
            if type(item) not in _ANY:
                check_plain(item, depth - 1, _of or depth)
    elif kind is not float:
        raise RemoteProtocolError(f"{kind.__name__} is not plain data")
    elif value != value or value in _INFINITE:
        raise RemoteProtocolError(f"expected a finite number, got {value}")
    return value


def check_keys(value: dict[Any, Any]) -> None:
    """Do what `check_plain` does for a dict, without its values."""
    if "_" in value:
        check_tag(value["_"])
    for key in value:
        if type(key) is not str:
            raise _no_key(key)


def check_tag(tag: Any) -> None:
    """Refuse the ``_`` of a dict that only JSON has."""
    if type(tag) is str and tag in ("$bytes", "$int"):
        raise RemoteProtocolError(f"expected {tag} in JSON alone, as {{'_': {tag!r}, '0': text}}")


def too_deep(depth: int) -> RemoteProtocolError:
    """Return the error for more than ``depth`` levels."""
    return RemoteProtocolError(f"expected at most {depth} levels of nesting, got more")


def as_lists(value: Any, depth: int = DEPTH) -> Any:
    """Return ``value`` with lists for its tuples, which pairs and cursors are in code; deeper ones are left alone."""
    kind = type(value)
    if (kind is tuple or kind is list) and depth:
        return [as_lists(item, depth - 1) for item in value]
    if kind is dict and depth:
        return {key: as_lists(item, depth - 1) for key, item in value.items()}
    return value


def _no_key(key: Any) -> RemoteProtocolError:
    return RemoteProtocolError(f"expected text as a key, got {type(key).__name__}")
