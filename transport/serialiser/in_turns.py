"""Large plain data, decoded where it stands, in steps. Pure: ``pulse()`` may let others run.

Arrays and maps without a tag stay the objects that they are, and only what is tagged is replaced: 60,000 copies of
empty arrays would be 60,000 more objects for Python's collector to look at, which stops everybody for 10 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .distinct import Pulse
from .plain import TAG, UNCHANGED_IN, Mismatch, got

SLICE, COST = 512, 64
"""Items of one array that are looked at between two pulses, and how many µs that takes."""

_Place = tuple[Any, Any, Any]
"""Where a container stands: itself, its key in the one around it, and that one's place, or None."""


def decode_in_turns(plain: Any, decode: Callable[[Any], Any], pulse: Pulse) -> Any:
    """Decode ``plain``, which is nobody else's, as ``decode`` does: that is called for what is tagged.

    Raises: Mismatch, with the path of what was not expected.
    """
    if not _is_kept(plain):
        return decode(plain)
    waiting: list[_Place] = [(plain, None, None)]
    while waiting:
        pulse()
        place = waiting.pop()
        container = place[0]
        if type(container) is list:
            for at in range(0, len(container), SLICE):
                if at:
                    pulse(COST)
                waiting += _replaced(place, enumerate(container[at : at + SLICE], at), decode)
        else:
            for key in container:
                if type(key) is not str or key[:1] == TAG:
                    error = Mismatch("expected a key that is a str and does not start with an underscore")
                    error.path.append(f"[{key[:40]!r}]" if type(key) is str else f"[{got(key)}]")
                    raise _placed(error, place)
            waiting += _replaced(place, list(container.items()), decode)
    return plain


def _is_kept(plain: Any) -> bool:
    return type(plain) is list or (type(plain) is dict and TAG not in plain)


def _replaced(place: _Place, items: Iterable[tuple[Any, Any]], decode: Callable[[Any], Any]) -> list[_Place]:
    """Replace what is tagged among some items of a container, and return the containers that are left to look at."""
    inside: list[_Place] = []
    container = place[0]
    for key, item in items:
        if type(item) in UNCHANGED_IN:
            continue
        if _is_kept(item):
            if item:
                inside.append((item, key, place))
            continue
        try:
            container[key] = decode(item)
        except Mismatch as error:
            error.path.append(_step(key))
            raise _placed(error, place) from None
    return inside


def _placed(error: Mismatch, place: _Place) -> Mismatch:
    """Add the path of a container."""
    _, key, around = place
    while around is not None:
        error.path.append(_step(key))
        _, key, around = around
    return error


def _step(key: Any) -> str:
    return f"[{key}]" if type(key) is int else f"[{key[:40]!r}]"
