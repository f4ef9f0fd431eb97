"""The targets of a session that comes back which its client is still to name. Pure: time comes in as an argument.

A client whose cursors do not fit into its Hello says there that ``more`` will come, and names the other targets in
Resyncs (docs/wire.md). Until then they wait, instead of a Snapshot for each. Nothing is kept for them: the session's
older connection, which is mute, stays in them (`takeover`), so each owes one catch-up, however late it is named.

>>> unnamed = Unnamed(["topic:a", "topic:b", "topic:c"], now=0.0)
>>> unnamed.name({"topic:b": ("e", 7), "topic:x": ("e", 1)}, members={"topic:a", "topic:b", "topic:c"})
[Restore(target='topic:b', cursor=('e', 7)), NotThere(target='topic:x')]
>>> unnamed.is_due(29.9), unnamed.is_due(30.0)
(False, True)
>>> unnamed.end()
[Restore(target='topic:a', cursor=None), Restore(target='topic:c', cursor=None)]
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from ..words.target_names import Cursor

PATIENCE = 30.0
"""Seconds that a client has to name everything: 1,000 targets with the longest names take 280 KiB, so 10 KiB/s."""


class Restore(NamedTuple):
    """Ask for the membership in ``target`` again, from ``cursor`` on; None asks for a Snapshot."""

    target: str
    cursor: Cursor | None


class Follow(NamedTuple):
    """Take it as any Resync."""

    target: str
    cursor: Cursor | None


class NotThere(NamedTuple):
    """Tell the client that it is out of ``target``: what told it so was lost with its line."""

    target: str


Step = Restore | Follow | NotThere


class Unnamed:
    """``targets`` are what the session is in, ``now`` when its client came back, in monotonic seconds."""

    __slots__ = ("_until", "waiting")

    def __init__(self, targets: Iterable[str], now: float) -> None:
        self.waiting = dict.fromkeys(targets)
        """Those that are not named yet, in their order."""
        self._until = now + PATIENCE

    def name(self, cursors: Mapping[str, Cursor | None], members: Container[str]) -> list[Step]:
        """Say what is done for the targets that the client names; ``members`` are those that the session is in."""
        return [self._step(target, cursor, members) for target, cursor in cursors.items()]

    def wake(self, target: str, cursor: Cursor | None) -> list[Step]:
        """Say what is done as ``target`` is spoken of otherwise: it waits no longer."""
        return [self._step(target, cursor, ())] if target in self.waiting else []

    def is_due(self, now: float) -> bool:
        """Has the client had its time?"""
        return now >= self._until

    def end(self) -> list[Step]:
        """Say what is done for all that were not named: what a client without cursors gets."""
        waiting, self.waiting = self.waiting, {}
        return [Restore(target, None) for target in waiting]

    def _step(self, target: str, cursor: Cursor | None, members: Container[str]) -> Step:
        if target in self.waiting:
            del self.waiting[target]
            return Restore(target, cursor)
        return Follow(target, cursor) if target in members else NotThere(target)
