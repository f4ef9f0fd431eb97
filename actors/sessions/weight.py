"""How many bytes the server holds for a session: near enough to bound what those without a connection keep. Pure.

The numbers were measured with tracemalloc (CPython 3.11). The session itself, 0.9 KiB, is bounded by their number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session

MEMBERSHIP = 520
"""Bytes of being in a target, on both sides, beside the target's name."""

HELD_OVERHEAD = 500
"""Bytes of a message that waits for the answer to its Subscribe, beside its payload."""


def weigh(session: Session, own_store: int = 0) -> int:
    """Return the bytes that ``session`` holds; ``own_store`` of them are its store's. 0: it holds nothing at all."""
    memberships = sum(
        MEMBERSHIP + len(target) + membership.held_bytes(HELD_OVERHEAD)
        for target, membership in session.memberships.items()
    )
    return memberships + session.answers.size + own_store
