"""The cursors of what a client follows, in parts that fit into what the server takes: Hello first, then Resyncs. Pure.

>>> cursors = {f"topic:{n}": ("e", n) for n in range(3)}
>>> [list(part) for part in cut_cursors(cursors, 24)]
[['topic:0', 'topic:1'], ['topic:2']]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...wire.frames import Cursor
from ...wire.strict import dump_cbor

DEFAULT = 64 * 1024
"""Bytes of a message that a server takes before it has said otherwise (docs/wire.md)."""

RESYNC = 16
"""Bytes of a Resync around its cursors, at most."""

LARGE_HELLO = 4 * 1024
"""Bytes: a Hello of more may be what a server, whose limit has shrunk, ends a connection for."""


def cut_cursors(cursors: Mapping[str, Cursor], room: int) -> Iterator[dict[str, Cursor]]:
    """Cut ``cursors`` into parts of at most ``room`` bytes of CBOR, one cursor at least."""
    part: dict[str, Cursor] = {}
    used = 0
    for target, cursor in cursors.items():
        size = len(dump_cbor(target)) + len(dump_cbor(list(cursor)))
        if part and used + size > room:
            yield part
            part, used = {}, 0
        part[target] = cursor
        used += size
    if part:
        yield part


class Places:
    """Which cursors go into a Hello, and which are named behind its Welcome."""

    def __init__(self) -> None:
        self.named: dict[str, Cursor] = {}
        """What the last Hello has asked for, whatever session it becomes."""
        self._has_more = False
        self._was_large = False

    def greet(self, cursors: dict[str, Cursor], room: int) -> tuple[dict[str, Cursor], bool]:
        """Return the cursors of a Hello that has ``room`` bytes for them, and whether more are to come.

        If the Hello before was large and never welcomed, this one says the least.
        """
        first: dict[str, Cursor] = {} if self._was_large else next(cut_cursors(cursors, room), {})
        self._has_more = len(first) < len(cursors)
        self._was_large = bool(first) and sum(map(len, first)) > LARGE_HELLO
        self.named = first
        return first, self._has_more

    def welcomed(self, cursors: dict[str, Cursor], resumed: bool, room: int) -> list[dict[str, Cursor]]:
        """Return the cursors of the Resyncs that follow a Welcome; an empty one says that this was all."""
        has_more, self._has_more, self._was_large = self._has_more, False, False
        if not has_more or not resumed:
            return []
        others = {target: cursor for target, cursor in cursors.items() if target not in self.named}
        return [*cut_cursors(others, room - RESYNC), {}]
