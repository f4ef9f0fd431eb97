"""Sets and dicts of what came from the network, with bounded work. Pure.

A set compares each new member with those of the same hash, so that n members with one hash cost n² / 2 comparisons; and
whoever sends UUIDs, Decimals or tuples chooses their hashes (only those of texts and bytes are secret).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from .plain import Mismatch

Pulse = Callable[..., None]
"""Is called again and again during work that may be much, with how many µs that was if it was not one.

It may let others run.
"""

COMPARISONS = 10_000
"""Of members with the same hash, in one set or dict: 140 of them may share one. About 1 ms."""

SLICE = 256
"""Members that are added at once: so long a walk through a table that somebody has filled with care is about 1 ms."""


def comparisons(values: Iterable[Any]) -> int:
    """Return how many pairs have the same hash.

    >>> comparisons([1, 1.0, 2, 3]), comparisons("abc")
    (1, 0)
    """
    # Sorted, since to count them in a dict would be the attack itself.
    sizes = (sum(1 for _ in same) for _, same in groupby(sorted(map(hash, values))))
    return sum(size * (size - 1) // 2 for size in sizes)


def check_hashes(values: Iterable[Any]) -> None:
    """Raise Mismatch if too many of ``values`` have the same hash, and what their ``__hash__`` raises."""
    found = comparisons(values)
    if found > COMPARISONS:
        raise Mismatch(f"expected at most {COMPARISONS} pairs of members with the same hash, got {found}")


def set_of(values: list[Any], pulse: Pulse) -> set[Any]:
    """Return the set of ``values``. Raises: likewise."""
    check_hashes(values)
    made: set[Any] = set()
    for at in range(0, len(values), SLICE):
        pulse(SLICE)
        made.update(values[at : at + SLICE])
    return made


def dict_of(pairs: list[tuple[Any, Any]], pulse: Pulse) -> dict[Any, Any]:
    """Return the dict of ``pairs``. Raises: likewise."""
    check_hashes(key for key, _ in pairs)
    made: dict[Any, Any] = {}
    for at in range(0, len(pairs), SLICE):
        pulse(SLICE)
        made.update(pairs[at : at + SLICE])
    return made
