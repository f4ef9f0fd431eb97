"""Whose turn it is: jobs of many owners, so many at once for each and in all; the others wait, fairly. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..words.errors import Busy


@dataclass(frozen=True)
class Bounds:
    """How many jobs may run at once and how many may wait, in all and of each owner."""

    at_once: int = 1_000
    at_once_each: int = 32
    waiting: int = 100_000
    waiting_each: int = 1_000


class Turns:
    """Jobs of one owner begin in their order; owners take turns."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:
        self._bounds = bounds
        self._running: dict[Any, int] = {}
        self._waiting: dict[Any, deque[Any]] = {}
        self._rotation: deque[Any] = deque()  # owners of whom the next job may begin, as soon as there is room
        self.running = 0
        self.waiting = 0

    @property
    def is_full(self) -> bool:
        """Do as many wait as may?"""
        return self.waiting >= self._bounds.waiting

    def enter(self, owner: Any, job: Any) -> list[Any]:
        """Take a job, and return those that begin now: it, or none.

        Raises: Busy if too many wait already, and the job is not taken.
        """
        bounds = self._bounds
        if not self._may_begin(owner):
            if len(self._waiting.get(owner, ())) >= bounds.waiting_each:
                raise Busy(f"{bounds.waiting_each} calls of hooks wait for this session already")
            if self.is_full:
                raise Busy(f"{bounds.waiting} calls of hooks wait already")
        return self.enter_anyway(owner, job)

    def enter_anyway(self, owner: Any, job: Any) -> list[Any]:
        """Take a job even if too many wait: for what is bounded elsewhere."""
        if self._may_begin(owner):
            self._begin(owner)
            return [job]
        jobs = self._waiting.get(owner)
        if jobs is None:
            jobs = self._waiting[owner] = deque()
            if self._running.get(owner, 0) < self._bounds.at_once_each:
                self._rotation.append(owner)
        jobs.append(job)
        self.waiting += 1
        return []

    def leave(self, owner: Any) -> list[Any]:
        """A job of ``owner`` has ended; return pairs of an owner and its job that begin now."""
        bounds = self._bounds
        was_at_its_bound = self._running[owner] >= bounds.at_once_each
        self.running -= 1
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]
        if was_at_its_bound and owner in self._waiting:
            self._rotation.append(owner)
        begun = []
        while self._rotation and self.running < bounds.at_once:
            next_owner = self._rotation.popleft()
            jobs = self._waiting[next_owner]
            begun.append((next_owner, jobs.popleft()))
            self.waiting -= 1
            self._begin(next_owner)
            if not jobs:
                del self._waiting[next_owner]
            elif self._running[next_owner] < bounds.at_once_each:
                self._rotation.append(next_owner)
        return begun

    def _may_begin(self, owner: Any) -> bool:
        bounds = self._bounds
        return (
            self.running < bounds.at_once
            and self._running.get(owner, 0) < bounds.at_once_each
            and owner not in self._waiting
        )

    def _begin(self, owner: Any) -> None:
        self.running += 1
        self._running[owner] = self._running.get(owner, 0) + 1
