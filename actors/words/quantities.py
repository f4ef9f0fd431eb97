"""What counts as a number of seconds, and as a number of things: where a program gives one, it is looked at here.

NaN passes each comparison that is written the other way round, infinity overflows a timer, and True is an int.
"""

from __future__ import annotations

from typing import Any

from .errors import UsageError

A_DAY = 86_400.0
"""Seconds: more is no pause in which somebody waits, and most likely another unit."""


def is_seconds(value: Any, *, or_zero: bool = False) -> bool:
    """Say whether ``value`` is a finite number of seconds above 0, ``or_zero``.

    >>> is_seconds(0.5), is_seconds(0), is_seconds(0, or_zero=True), is_seconds(float("nan")), is_seconds(True)
    (True, False, True, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < float("inf") or (or_zero and value == 0)


def check_seconds(name: str, value: Any) -> float:
    """Return ``value``, the option ``name``, if it is seconds above 0 and below a day.

    Raises: UsageError that says what was got.

    >>> check_seconds("timeout", 2)
    2
    >>> check_seconds("timeout", "2 s")
    Traceback (most recent call last):
    nuphar.actors.words.errors.UsageError: timeout: expected seconds above 0 and below 86400, got '2 s'
    """
    if not is_seconds(value) or value >= A_DAY:
        raise UsageError(f"{name}: expected seconds above 0 and below {A_DAY:.0f}, got {value!r}")
    seconds: float = value
    return seconds


def is_count(value: Any) -> bool:
    """Say whether ``value`` is an integer above 0.

    >>> is_count(1), is_count(0), is_count(1.0), is_count(True)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
