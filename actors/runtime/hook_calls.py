"""Calls of hooks in greenlets of their own, so many at once: a flood of one client keeps nobody else's waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .host import GEVENT, Host
from .turns import Bounds, Turns


class HookCalls:
    """``owner`` is a client id everywhere: each client has its own share. For the server's hub alone."""

    def __init__(self, bounds: Bounds = Bounds(), host: Host = GEVENT) -> None:  # noqa: B008 (it is frozen)
        self._turns = Turns(bounds)
        self.host = host

    @property
    def is_full(self) -> bool:
        """Do as many calls wait as may?"""
        return self._turns.is_full

    @property
    def running(self) -> int:
        """How many run at the moment."""
        return self._turns.running

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._turns.waiting

    def spawn(self, owner: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Call ``function`` in a greenlet of its own, when it is its turn.

        Raises: Busy if too many wait already; then it is not called.
        """
        self._begin([(owner, job) for job in self._turns.enter(owner, (function, arguments))])

    def spawn_anyway(self, owner: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Call it even if too many wait: for hooks of the end, of which each had a beginning that was bounded."""
        self._begin([(owner, job) for job in self._turns.enter_anyway(owner, (function, arguments))])

    def _begin(self, begun: list[tuple[str, Any]]) -> None:
        for owner, (function, arguments) in begun:
            self.host.spawn(self._run, owner, function, arguments)

    def _run(self, owner: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            function(*arguments)
        finally:
            self._begin(self._turns.leave(owner))
