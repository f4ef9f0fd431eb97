"""A static supervisor: starts its children in order, stops them in reverse, restarts them by policy.

Source: OTP, ``supervisor`` module and Design Principles, chapter Supervisor Behaviour.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..actors.actor import Actor, Down, Ref
from ..actors.errors import SupervisionError
from ..actors.exits import KILLED, SHUTDOWN, Crashed, Reason, Shutdown, is_orderly
from .child_spec import INFINITY, ChildSpec, InvalidChildSpec, check_unique
from .policy import Intensity, Restart, Strategy, affected, should_restart

logger = logging.getLogger("nuphar.supervision")

KILL_TIMEOUT = 1.0
"""Seconds to wait for a killed child's end before it is disowned."""


class StartFailed(SupervisionError):
    """A child could not be started; the ones before it have been stopped."""


class RestartIntensityExceeded(SupervisionError):
    """More restarts within the period than allowed: the supervisor has given up."""


class TryAgain(NamedTuple):
    """Told by a supervisor to itself after a failed restart, so that other messages get their turn."""

    id: str


class StartChild(NamedTuple):
    """Add a child after the others and start it; an ask is answered with its `Ref`."""

    spec: ChildSpec


class AlreadyPresent(SupervisionError):
    """There is a child with this id, running or not."""


class WhichChildren(NamedTuple):
    """Ask for ``{id: Ref, or None while it is down}``, in start order."""


class Supervisor(Actor):
    """Does nothing but supervise."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = 1,
        period: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        **link: Any,
    ) -> None:
        check_unique(specs)
        if not isinstance(strategy, Strategy):
            raise InvalidChildSpec(f"strategy: expected a Strategy, got {strategy!r}")
        super().__init__(**link)
        self._specs = {spec.id: spec for spec in specs}
        self._strategy = strategy
        self._intensity = Intensity(intensity, period)
        self._clock = clock
        self._children: dict[str, Ref[Any] | None] = dict.fromkeys(self._specs)

    def init(self) -> None:
        for id in self._specs:
            try:
                self._start_child(id)
            except Exception as error:
                self._stop_children(list(self._specs), SHUTDOWN)
                raise StartFailed(f"{self.ref}: the child {id!r} failed to start: {error!r}") from error

    def handle(self, message: Any) -> Any:
        match message:
            case Down(ref, reason):
                self._child_down(ref, reason)
            case TryAgain(id):
                if id in self._specs and self._children[id] is None:
                    self._restart(id)
            case StartChild(spec):
                return self._add_child(spec)
            case WhichChildren():
                return dict(self._children)
            case _:
                logger.warning("supervisor %s got an unknown message: %.200r", self.ref, message)
        return None

    def terminate(self, reason: Reason) -> None:
        # When it crashed itself, its children end as by a kill: their successors go on where they were.
        self._stop_children(list(self._specs), child_reason(reason))

    def _child_down(self, ref: Ref[Any], reason: Reason) -> None:
        id = next((id for id, child in self._children.items() if child is ref), None)
        if id is None:
            return  # we stopped it ourselves
        self._children[id] = None
        self.links.discard(ref)
        if not is_orderly(reason) or self._specs[id].restart is Restart.PERMANENT:
            _report("child_terminated", self.ref, id, reason)
        if should_restart(self._specs[id].restart, reason):
            self._restart(id)

    def _restart(self, id: str) -> None:
        if not self._intensity.allow(self._clock()):
            limit = f"{self._intensity.intensity} restarts in {self._intensity.period} s"
            raise RestartIntensityExceeded(f"{self.ref}: more than {limit}, the last of {id!r}")
        group = affected(self._strategy, list(self._specs), id)
        self._stop_children(group, SHUTDOWN)
        for each in group:
            if each != id and self._specs[each].restart is Restart.TEMPORARY:
                continue  # OTP: a temporary bystander stays down
            try:
                self._start_child(each)
            except Exception as error:
                _report("start_error", self.ref, each, Crashed(error))
                self.mailbox.put_anyway(TryAgain(each))
                return

    def _add_child(self, spec: ChildSpec) -> Ref[Any]:
        if spec.id in self._specs:
            raise AlreadyPresent(f"{self.ref} has a child {spec.id!r} already")
        self._specs[spec.id] = spec
        self._children[spec.id] = None
        try:
            self._start_child(spec.id)
        except Exception as error:
            del self._specs[spec.id], self._children[spec.id]
            raise StartFailed(f"{self.ref}: the child {spec.id!r} failed to start: {error!r}") from error
        ref = self._children[spec.id]
        assert ref is not None
        return ref

    def _start_child(self, id: str) -> None:
        ref = self._specs[id].start(self.ref)
        self._children[id] = ref
        self.links.add(ref)

    def _stop_children(self, ids: list[str], reason: Reason) -> None:
        for id in reversed(ids):
            ref = self._children[id]
            self._children[id] = None
            if ref is not None:
                self.links.discard(ref)
                stop_child(ref, self._specs[id].shutdown, reason)


def supervisor(id: str, children: Sequence[ChildSpec], **options: Any) -> ChildSpec:
    """Return the spec of a child that is itself a supervisor; ``options``: strategy, intensity, period.

    Its shutdown is `INFINITY`, so that its own children get their time.
    """

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return Supervisor.start_link(children, monitor=monitor, name=id, **options)

    return ChildSpec(id, start, Restart.PERMANENT, INFINITY)


def child_reason(reason: Reason) -> Reason:
    """Return the reason that children hear when their supervisor ends for ``reason``."""
    if isinstance(reason, Shutdown):
        return reason
    return SHUTDOWN if is_orderly(reason) else KILLED


def stop_child(ref: Ref[Any], shutdown: float | None, reason: Reason) -> Reason:
    """Stop a child as its spec says: ask and wait ``shutdown`` seconds, then kill; return how it ended."""
    if shutdown is None or shutdown > 0:
        ref.shut_down(reason)
        ended = ref.wait_down(shutdown)
        if ended is not None:
            return ended
        logger.warning("%s did not stop within %s s and is killed", ref, shutdown)
    ref.kill()
    return ref.wait_down(KILL_TIMEOUT) or KILLED


def _report(context: str, supervisor: Ref[Any], child: str, reason: Reason) -> None:
    error = reason.error if isinstance(reason, Crashed) else None
    logger.error("supervisor %s: %s: child %s: %r", supervisor, context, child, reason, exc_info=error)
