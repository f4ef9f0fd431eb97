"""What a target decides, as data: its actor performs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..words.ports import Encoding
from .lane import Debt, Lane, Outcome
from .log import Record
from .subscriber import Caller


class Send(NamedTuple):
    """Hand ``joined`` to each of ``subscribers``, which all have this ``encoding``.

    It carries ``outcomes``: a subscriber that cannot take them falls behind (`Target.fall_behind`). If that is None, it
    must take the bytes, or its connection ends.
    """

    subscribers: Sequence[Any]
    joined: Any
    encoding: Encoding
    outcomes: Sequence[Outcome] | None = None


class Pay(NamedTuple):
    """Offer ``joined`` to a subscriber; if it cannot take it, it is owed it (`Target.owe` with the last two fields)."""

    subscriber: Any
    joined: Any
    debt: Debt
    own: Sequence[Outcome]


class Visit(NamedTuple):
    """Look after a subscriber who has a lane: write what `Target.visit` gives."""

    subscriber: Any
    lane: Lane


class Crash(NamedTuple):
    """A store's ``update``, or a rule's key, raised ``error`` on the message with ``ref``.

    Author None is the server, where a ``caller`` may wait for it.
    """

    author: Any
    ref: int
    error: BaseException
    caller: Caller | None = None


class Append(NamedTuple):
    """Have the log append ``records``, and hear of ``batch`` what became of them."""

    batch: int
    records: Sequence[Record]


class LookUp(NamedTuple):
    """Have the log say what it has of ``records``, ``after`` so many seconds."""

    batch: int
    records: Sequence[Record]
    after: float


Effects = list[Send | Pay | Visit | Crash | Append | LookUp]
