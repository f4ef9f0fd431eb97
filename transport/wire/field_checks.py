"""What a field of a frame may be: a check returns what it means in code, or raises RemoteProtocolError. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...actors.words.errors import RemoteProtocolError
from ...actors.words.target_names import fault_of_target
from .frames import MAX_INTEGER, Cursor

Check = Callable[[Any], Any]


def _number(least: int) -> Check:
    def check(field: Any) -> int:
        if type(field) is not int or not least <= field <= MAX_INTEGER:
            raise RemoteProtocolError(f"expected an integer from {least} to 2^53-1, got {_short(field)}")
        return field

    return check


positive = _number(1)
natural = _number(0)


def text(field: Any) -> str:
    if type(field) is not str:
        raise RemoteProtocolError(f"expected text, got {_short(field)}")
    return field


def target(field: Any) -> str:
    if (fault := fault_of_target(text(field))) is not None:
        raise RemoteProtocolError(f"the target is ill-formed: {fault}")
    return field  # type: ignore[no-any-return]


def boolean(field: Any) -> bool:
    if type(field) is not bool:
        raise RemoteProtocolError(f"expected true or false, got {_short(field)}")
    return field


def seconds(field: Any) -> float:
    if type(field) not in (int, float) or field < 0:
        raise RemoteProtocolError(f"expected seconds, got {_short(field)}")
    return field  # type: ignore[no-any-return]


def cursor(field: Any) -> Cursor:
    if type(field) is not list or len(field) != 2:
        raise RemoteProtocolError(f"expected [epoch, seq], got {_short(field)}")
    return text(field[0]), natural(field[1])


def mapping(field: Any) -> dict[str, Any]:
    if type(field) is not dict:
        raise RemoteProtocolError(f"expected a map, got {_short(field)}")
    return field


def array(field: Any) -> list[Any]:
    if type(field) is not list:
        raise RemoteProtocolError(f"expected an array, got {_short(field)}")
    return field


def or_none(check: Check) -> Check:
    """Return ``check``, that lets None pass as well."""
    return lambda field: None if field is None else check(field)


def by_target(check: Check) -> Check:
    """Return a check of a map whose keys are targets, and whose values pass ``check``."""
    return lambda field: {target(name): check(value) for name, value in mapping(field).items()}


def refs(field: Any) -> list[int]:
    return [natural(ref) for ref in array(field)]


def errors(field: Any) -> list[tuple[str, str]]:
    pairs = [array(pair) for pair in array(field)]
    if any(len(pair) != 2 for pair in pairs):
        raise RemoteProtocolError("expected [path, text] pairs")
    return [(text(path), text(words)) for path, words in pairs]


def anything(field: Any) -> Any:
    return field


def _short(field: Any) -> str:
    shown = repr(field)
    return shown if len(shown) <= 40 else shown[:37] + "..."
