"""What may stand between a request that was allowed and its session's coming in. Pure.

The session is being greeted on behalf of another request: then this one waits. Or its right was asked about again, and
is gone: then what had been asked before that is refused, however it was answered.
"""

from __future__ import annotations

from ..targets.messages import Why
from ..words.errors import Busy
from .messages import Request, Verdict

UNGREETED = 16
"""Requests that may wait until the session has been greeted, for each target."""


class Standing:
    """That of one session in one target; plainly mutable."""

    __slots__ = ("_barred", "_waiting", "_why")

    def __init__(self) -> None:
        self._waiting: list[Verdict] | None = None
        self._barred = 0
        self._why: Why | None = None

    @property
    def is_greeted(self) -> bool:
        """Whether the join hook is being called."""
        return self._waiting is not None

    def greet(self) -> None:
        """Have others wait from now on."""
        self._waiting = []

    def wait(self, verdict: Verdict) -> bool:
        """Have a request wait; False if there is nothing to wait for. Raises: Busy, but not for the server's own."""
        if self._waiting is None:
            return False
        if len(self._waiting) >= UNGREETED and not verdict.request.trusted:
            raise Busy(f"{UNGREETED} requests wait until the join hook has returned")
        self._waiting.append(verdict)
        return True

    def greeted(self) -> list[Verdict]:
        """Return those that have waited."""
        waiting, self._waiting = self._waiting or [], None
        return waiting

    def bar(self, nth: int, why: Why | None) -> None:
        """Refuse what was asked before the ``nth`` request, which found the right gone."""
        self._barred, self._why = nth, why

    def bar_of(self, request: Request) -> Why | None:
        """Return why a request is refused whatever its answer is, None if it is not."""
        is_barred = request.nth < self._barred and not request.trusted and not request.is_check
        return self._why if is_barred else None
