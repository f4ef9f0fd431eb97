"""A static supervisor: starts its children in order, stops them in reverse, restarts them by policy.

It does what OTP's does, case by case; tests/conformance/otp compares the two. One thing is ours: a child spec may have
a back-off, which delays its restarts.

Source: OTP, ``supervisor`` module and Design Principles, chapter Supervisor Behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...actors.runtime.actor import Actor
from ...actors.runtime.ref import Down, Ref
from ...actors.words.exit_reasons import SHUTDOWN, Crashed, Reason, is_orderly
from . import administration
from .child_spec import INFINITY, ChildSpec, ChildType, check_options, check_specs
from .child_state import Child, answer
from .policy import AutoShutdown, Intensity, Restart, Strategy, affected, should_restart
from .reports import logger, progress, report
from .restarting import BackedOff, TryAgain, back_off, report_limit, try_again
from .stopping import child_reason, stop_child


class Supervisor(Actor):
    """Does nothing but supervise. Talk to it with the functions of `nuphar.supervision`: ``start_child`` and so on."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = 1,
        period: float = 5.0,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        **link: Any,
    ) -> None:
        check_options(strategy, intensity, period, auto_shutdown)
        check_specs(specs, auto_shutdown)
        super().__init__(**link)
        self._children = {spec.id: Child(spec) for spec in specs}
        self._strategy = strategy
        self._intensity = Intensity(intensity, period)
        self._auto_shutdown = auto_shutdown
        self._clock = self.host.clock

    def init(self) -> None:
        failed = self._start_children(list(self._children.values()))
        if failed is not None:
            child, error = failed
            report("start_error", self.ref, Crashed(error), child.spec)
            self._stop_all(SHUTDOWN)
            raise administration.StartFailed(self.ref, child.spec.id, error) from error

    def handle(self, message: Any) -> Any:
        match message:
            case Down(ref, reason):
                self._child_down(ref, reason)
            case TryAgain(child) if self._is_awaited(child):
                self._restart(child)
            case BackedOff(child) if self._is_awaited(child):
                self._restart_group(child)
            case TryAgain() | BackedOff():
                pass  # it was terminated, or restarted with others, meanwhile
            case administration.StartChild(spec):
                return self._call_start(spec)
            case administration.TerminateChild(id):
                self._call_terminate(self._find(id))
            case administration.RestartChild(id):
                return self._call_restart(self._find(id))
            case administration.DeleteChild(id):
                del self._children[self._idle(self._find(id)).spec.id]
            case administration.GetChildSpec(id):
                return self._find(id).spec
            case administration.WhichChildren() | administration.DescribeChildren() | administration.CountChildren():
                return answer(message, self._children.values(), self._clock())
            case _:
                logger.warning("supervisor %s got an unknown message: %.200r", self.ref, message)
        return None

    def terminate(self, reason: Reason) -> None:
        # When it crashed itself, its children end as by a kill: their successors go on where they were.
        self._stop_all(child_reason(reason))

    # What children do.

    def _child_down(self, ref: Ref[Any], reason: Reason) -> None:
        child = next((child for child in self._children.values() if child.ref is ref), None)
        if child is None:
            return  # we stopped it ourselves
        self._forget_ref(child)
        child.last_reason = reason
        spec = child.spec
        if spec.restart is Restart.PERMANENT or not is_orderly(reason):
            report("child_terminated", self.ref, reason, spec, ref)
        if should_restart(spec.restart, reason):
            self._restart(child)
            return
        if spec.restart is Restart.TEMPORARY:
            del self._children[spec.id]
        self._consider_shutdown(child)

    def _consider_shutdown(self, ended: Child) -> None:
        if not ended.spec.significant or self._auto_shutdown is AutoShutdown.NEVER:
            return
        others = (child for child in self._children.values() if child.spec.significant)
        if self._auto_shutdown is AutoShutdown.ALL_SIGNIFICANT and any(
            child.ref is not None or child.is_restarting for child in others
        ):
            return
        self.exit(SHUTDOWN)

    def _restart(self, child: Child) -> None:
        """Restart ``child`` and whoever goes with it, unless that has happened too often."""
        if not self._intensity.allow(self._clock()):
            report_limit(self.ref, self._intensity, child.spec)
            child.is_restarting = False
            if child.spec.restart is Restart.TEMPORARY:
                del self._children[child.spec.id]
            self.exit(SHUTDOWN)
            return
        if child.is_restarting or not back_off(
            child, BackedOff(child), child.spec.backoff, self.mailbox, self._clock()
        ):
            self._restart_group(child)

    def _restart_group(self, child: Child) -> None:
        ids = affected(self._strategy, list(self._children), child.spec.id)
        group = [self._children[id] for id in ids]
        if self._strategy is not Strategy.ONE_FOR_ONE:
            group = self._stop_group(group)
        for each in group:
            each.is_restarting = False
        failed = self._start_children(group)
        for each in group:
            if each.ref is not None:
                each.restarts += 1
        if failed is not None:
            tried, error = failed
            report("start_error", self.ref, Crashed(error), tried.spec)
            try_again(tried, tried.spec.backoff, self.mailbox, self._clock())

    def _is_awaited(self, child: Child) -> bool:
        return child.is_restarting and self._children.get(child.spec.id) is child

    def _stop_group(self, group: list[Child]) -> list[Child]:
        """Stop ``group`` in reverse order and return who is to be started again: a temporary bystander is not."""
        for each in reversed(group):
            self._end_child(each, SHUTDOWN)
            if each.spec.restart is Restart.TEMPORARY:
                self._children.pop(each.spec.id, None)
        return [each for each in group if each.spec.id in self._children]

    def _start_children(self, children: list[Child]) -> tuple[Child, Exception] | None:
        """Start them in order, up to the first that fails; return that one and why."""
        for child in children:
            try:
                self._start(child)
            except Exception as error:
                return child, error
            if child.ref is None and child.spec.restart is Restart.TEMPORARY:
                self._children.pop(child.spec.id, None)
        return None

    def _start(self, child: Child) -> None:
        child.failures.started = self._clock()
        ref = child.start(self.ref)
        if ref is None:
            return  # it has nothing to do here (OTP's ignore)
        self.links[ref] = None
        progress(self.ref, child.spec, ref)

    def _end_child(self, child: Child, reason: Reason) -> None:
        child.cancel_restart()
        ref = child.ref
        if ref is None:
            return
        child.last_reason = stop_child(ref, child.spec, reason, self.ref)
        self._forget_ref(child)  # not before: who kills us meanwhile kills the child with us

    def _stop_all(self, reason: Reason) -> None:
        for child in reversed(list(self._children.values())):
            self._end_child(child, reason)

    def _forget_ref(self, child: Child) -> None:
        if child.ref is not None:
            self.links.pop(child.ref, None)
            child.ref = None

    # What is asked.

    def _find(self, id: str) -> Child:
        child = self._children.get(id)
        if child is None:
            raise administration.ChildNotFound(f"{self.ref} has no child {id!r}; there are {list(self._children)}")
        return child

    def _idle(self, child: Child) -> Child:
        if child.is_restarting:
            raise administration.ChildRestarting(f"the child {child.spec.id!r} is being restarted")
        if child.ref is not None:
            raise administration.ChildRunning(f"the child {child.spec.id!r} runs: terminate it first")
        return child

    def _call_start(self, spec: ChildSpec) -> Any:
        check_specs([spec], self._auto_shutdown)
        if (present := self._children.get(spec.id)) is not None:
            raise present.conflict(self.ref)
        child = self._children[spec.id] = Child(spec)
        failed = self._start_children([child])
        if failed is not None:
            del self._children[spec.id]
            raise administration.StartFailed(self.ref, spec.id, failed[1]) from failed[1]
        return child.started

    def _call_terminate(self, child: Child) -> None:
        self._end_child(child, SHUTDOWN)
        if child.spec.restart is Restart.TEMPORARY:
            del self._children[child.spec.id]

    def _call_restart(self, child: Child) -> Any:
        try:
            self._start(self._idle(child))
        except (administration.ChildRestarting, administration.ChildRunning):
            raise
        except Exception as error:
            raise administration.StartFailed(self.ref, child.spec.id, error) from error
        return child.started


def supervisor(
    id: str, children: Sequence[ChildSpec], *, restart: Restart = Restart.PERMANENT, **options: Any
) -> ChildSpec:
    """Return the spec of a child that is itself a supervisor; ``options``: strategy, intensity, period, auto_shutdown.

    Its shutdown is `INFINITY`, so that its own children get their time. A transient one that gives up is not restarted:
    it ends with ``shutdown``, which counts as orderly; leave it permanent unless that is what you want.
    """

    if restart is Restart.TRANSIENT:
        logger.warning("the supervisor %r is transient: when it gives up, nobody restarts it", id)

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return Supervisor.start_link(children, monitor=monitor, name=id, timeout=administration.TIMEOUT, **options)

    return ChildSpec(id, start, restart, INFINITY, ChildType.SUPERVISOR)
