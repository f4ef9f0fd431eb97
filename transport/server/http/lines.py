"""The lines of one server, by id; their number is bounded."""

from __future__ import annotations

import secrets

from ...wire.sequences import Sequence
from ..gateway import Gateway
from .line import Line, MakeConnection

MOST_LINES = 10_000
"""Lines at once: each may hold as much memory as a WebSocket, but no descriptor that would bound them."""

_ID = 24  # bytes: whoever knows a line's id may read it, so nobody may guess it


class Lines:
    """Those that are not over."""

    def __init__(self, most: int = MOST_LINES) -> None:
        self._most = most
        self._by_id: dict[str, Line] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, id: str) -> Line | None:
        """Return a line."""
        return self._by_id.get(id)

    def open(self, sequence: Sequence, gateway: Gateway, connect: MakeConnection) -> Line | None:
        """Return a new line with an id that nobody can guess; None if there are too many."""
        if len(self._by_id) >= self._most:
            return None
        line = Line(secrets.token_urlsafe(_ID), sequence, gateway, connect, self._forget)
        self._by_id[line.id] = line
        return line

    def _forget(self, line: Line) -> None:
        del self._by_id[line.id]
