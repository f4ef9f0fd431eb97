"""What a supervisor knows of one child while it runs, and tells whoever asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...actors.runtime.host import Task
from ...actors.runtime.ref import Ref
from ...actors.words.errors import SupervisionError
from ...actors.words.exit_reasons import Reason
from . import administration
from .child_spec import ChildSpec, ChildType, InvalidChildSpec
from .policy import Failures


@dataclass(eq=False)
class Child:
    """``ref`` is None while it does not run; ``is_restarting`` while it will be tried again."""

    spec: ChildSpec
    ref: Ref[Any] | None = None
    is_restarting: bool = False
    restarts: int = 0
    last_reason: Reason | None = None
    last_ref: Ref[Any] | None = None
    failures: Failures = field(default_factory=Failures)
    timer: Task | None = None
    info: tuple[Any, ...] = ()
    """What its start returned beside its ref, if anything (OTP's ``{ok, Pid, Info}``)."""

    @property
    def started(self) -> Any:
        """What whoever asked for the start is answered: the ref, None, or ``(ref, info)``."""
        return (self.ref, *self.info) if self.info else self.ref

    def start(self, monitor: Ref[Any]) -> Ref[Any] | None:
        """Call the spec's start and return the ref; None if there is nothing to do (OTP's ignore).

        Raises: what the start raises; InvalidChildSpec if it returns something else.
        """
        returned: Any = self.spec.start(monitor)
        if type(returned) is tuple and len(returned) == 2:
            returned, *info = returned
            self.info = tuple(info)
        if returned is not None and not isinstance(returned, Ref):
            raise InvalidChildSpec(f"{self.spec.id}: start: expected a Ref, (Ref, info) or None, got {returned!r}")
        self.ref = returned
        return self.ref

    def conflict(self, supervisor: object) -> SupervisionError:
        """Return what another start of the same id deserves."""
        if self.ref is not None:
            return administration.ChildAlreadyStarted(self.spec.id, self.ref)
        return administration.ChildAlreadyPresent(f"{supervisor} has a child {self.spec.id!r} already; it does not run")

    def cancel_restart(self) -> None:
        """Wait no longer for the end of a back-off."""
        self.is_restarting = False
        if self.timer is not None:
            self.timer.kill(block=False)


def describe_child(child: Child, now: float) -> administration.ChildState:
    """Return what is known of ``child``, in start order."""
    state = "running" if child.ref is not None else "restarting" if child.is_restarting else "down"
    age = now - child.failures.started if child.ref is not None else 0.0
    spec = child.spec
    return administration.ChildState(spec.id, child.ref, state, spec.type, child.restarts, age, child.last_reason)


def info_of(child: Child) -> administration.ChildInfo:
    """Return what `which_children` says of ``child``."""
    return administration.ChildInfo(child.spec.id, child.ref, child.is_restarting, child.spec.type)


def counts_of(children: Iterable[Child]) -> administration.Counts:
    """Return what `count_children` says of ``children``."""
    children = list(children)
    supervisors = sum(child.spec.type is ChildType.SUPERVISOR for child in children)
    active = sum(child.ref is not None and child.ref.is_alive() for child in children)
    return administration.Counts(len(children), active, supervisors, len(children) - supervisors)


SupervisorQuestion = administration.WhichChildren | administration.DescribeChildren | administration.CountChildren


def answer(question: SupervisorQuestion, children: Iterable[Child], now: float) -> Any:
    """Return what is asked of a supervisor's ``children``, which are in start order; ``now`` is its clock's."""
    match question:
        case administration.WhichChildren():
            return [info_of(child) for child in reversed(list(children))]
        case administration.DescribeChildren():
            return [describe_child(child, now) for child in children]
        case administration.CountChildren():
            return counts_of(children)
