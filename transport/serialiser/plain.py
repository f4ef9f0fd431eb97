"""Plain data: what both codecs carry, and how Python's other built-in values are written in it.

Plain data is None, bool, int, float, str, bytes, a list of plain data, or a dict from str to plain data. A
value of any other type is *tagged*: ``{"_": name, "0": field, "1": field, ...}``. Names that start with ``$``
are ours, all others are constructors of the application.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

TAG = "_"

UNCHANGED_IN = frozenset({NoneType, bool, int, float, str, bytes})
"""What decoding leaves alone."""

UNCHANGED_OUT = UNCHANGED_IN - {float}
"""What encoding leaves alone: a float may be one that JSON has no way to write."""

TAGS = {tuple: "$tuple", set: "$set", frozenset: "$frozenset", dict: "$dict", float: "$float"}

FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Text(NamedTuple):
    """A built-in type that travels as one text."""

    tag: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _read_uuid(text: str) -> UUID:
    """Read the canonical form only: the constructor also takes braces, underscores and URNs."""
    value = UUID(text)
    if str(value) != text.lower():
        raise ValueError("not in canonical form")
    return value


TEXTS: dict[type, Text] = {
    datetime: Text("$datetime", datetime.isoformat, datetime.fromisoformat),
    date: Text("$date", date.isoformat, date.fromisoformat),
    UUID: Text("$uuid", str, _read_uuid),
    Decimal: Text("$decimal", str, Decimal),
}


class Mismatch(Exception):
    """Plain data is not what was expected; ``path`` grows from the inside out while the error travels."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path: list[str] = []


def head_of(plain: Any) -> type | str:
    """Return what a choice between types is made on: the tag of tagged data, else the type."""
    kind = type(plain)
    if kind is dict:
        tag = plain.get(TAG)
        if type(tag) is str:
            return tag
    return kind


def got(plain: Any) -> str:
    """Name what arrived, for an error text: never its content, and never at length."""
    head = head_of(plain)
    if isinstance(head, str):
        return head if len(head) <= 40 else f"{head[:40]}..."
    return "None" if head is NoneType else head.__name__
