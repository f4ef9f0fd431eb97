"""A dynamic supervisor: many children alike, started while it runs, stopped all at once.

Source: Elixir's ``DynamicSupervisor``; OTP's ``simple_one_for_one``. One thing is ours: restart intensity is not
shared. Each child backs off by itself, because the children are strangers to each other: one bad topic must not
take the others down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import gevent

from ..actors.actor import Actor, Down, Ref
from ..actors.exits import Crashed, Reason, Shutdown, is_orderly
from .child_spec import ChildSpec
from .policy import Backoff, should_restart
from .supervisor import KILL_TIMEOUT, StartChild, child_reason

logger = logging.getLogger("nuphar.supervision")


class CountChildren(NamedTuple):
    """Ask how many children there are, those that wait for their restart included."""


@dataclass(eq=False)
class _Child:
    spec: ChildSpec
    ref: Ref[Any] | None = None
    started: float = 0.0
    failures: int = 0


class _StartAgain(NamedTuple):
    child: _Child


class DynamicSupervisor(Actor):
    """``children()`` names those that run from the start: what a predecessor that crashed had."""

    def __init__(
        self,
        children: Callable[[], Iterable[ChildSpec]] = tuple,
        *,
        shutdown: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        **link: Any,
    ) -> None:
        super().__init__(**link)
        self._first = children
        self._shutdown = shutdown
        self._clock = clock
        self._children: dict[str, _Child] = {}
        self._running: dict[Ref[Any], _Child] = {}

    def init(self) -> None:
        for spec in self._first():
            self._start_child(spec)

    def handle(self, message: Any) -> Any:
        match message:
            case StartChild(spec):
                # Asked for twice when a predecessor crashed with the request in hand.
                return self._start_child(spec)
            case Down(ref, reason):
                self._child_down(ref, reason)
            case _StartAgain(child):
                self._start(child)
            case CountChildren():
                return len(self._children)
            case _:
                logger.warning("supervisor %s got an unknown message: %.200r", self.ref, message)
        return None

    def terminate(self, reason: Reason) -> None:
        """Ask all to stop, then wait for them together: the slowest one counts, not the sum."""
        how = child_reason(reason)
        refs = list(self._running)
        for ref in refs:
            ref.shut_down(how)
        deadline = self._clock() + self._shutdown
        if isinstance(reason, Shutdown) and reason.deadline is not None:
            deadline = min(deadline, reason.deadline)
        late = [ref for ref in refs if ref.wait_down(max(0.0, deadline - self._clock())) is None]
        for ref in late:
            logger.warning("%s did not stop within %s s and is killed", ref, self._shutdown)
            ref.kill()
        for ref in late:
            ref.wait_down(KILL_TIMEOUT)

    def _start_child(self, spec: ChildSpec) -> Ref[Any] | None:
        child = self._children.get(spec.id)
        if child is None:
            child = self._children[spec.id] = _Child(spec)
            self._start(child)
        return child.ref

    def _start(self, child: _Child) -> None:
        child.started = self._clock()
        try:
            child.ref = child.spec.start(self.ref)
        except Exception as error:
            logger.error("supervisor %s: start_error: child %s", self.ref, child.spec.id, exc_info=error)
            self._retry(child, Crashed(error))
            return
        self._running[child.ref] = child
        self.links.add(child.ref)

    def _child_down(self, ref: Ref[Any], reason: Reason) -> None:
        child = self._running.pop(ref, None)
        if child is None:
            return
        self.links.discard(ref)
        if is_orderly(reason):
            logger.debug("supervisor %s: child %s ended: %r", self.ref, child.spec.id, reason)
        else:
            logger.error("supervisor %s: child_terminated: child %s: %r", self.ref, child.spec.id, reason)
        self._retry(child, reason)

    def _retry(self, child: _Child, reason: Reason) -> None:
        child.ref = None
        if not should_restart(child.spec.restart, reason):
            del self._children[child.spec.id]
            return
        backoff = child.spec.backoff or Backoff()
        is_quick = self._clock() - child.started < backoff.reset
        failures = child.failures if is_quick else 0
        child.failures = failures + 1
        delay = backoff.delay(failures)
        if not delay:
            self._start(child)
            return
        gevent.spawn_later(delay, self.mailbox.put_anyway, _StartAgain(child))
