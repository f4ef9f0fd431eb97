"""A dynamic supervisor: many children alike, started while it runs, stopped all at once.

Source: Elixir's ``DynamicSupervisor``; OTP's ``simple_one_for_one``. One default is ours: restart intensity is not
shared. Each child backs off by itself, because the children are strangers to each other: one bad topic must not take
the others down. With ``intensity`` given, all children share it, as OTP's do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ...actors.runtime.actor import Actor
from ...actors.runtime.ref import Down, Ref
from ...actors.runtime.timer_every import TimerEvery
from ...actors.words.errors import SupervisionError
from ...actors.words.exit_reasons import SHUTDOWN, Crashed, Reason, is_orderly
from . import administration
from .child_spec import ChildSpec, InvalidChildSpec, check_options, check_specs
from .child_state import Child, answer
from .policy import AutoShutdown, Backoff, Intensity, Restart, Strategy, should_restart
from .reports import logger, progress, report
from .restarting import BackedOff, TryAgain, back_off, report_limit, try_again
from .stopping import child_reason, stop_child
from .stopping_together import CHILDREN_AT_ONCE, stop_together

DEFAULT_BACKOFF = Backoff()


class TooManyChildren(SupervisionError):
    """There are ``max_children`` already, those that wait for their restart included."""


class RunChild(NamedTuple):
    """Told: start this child, and start it again if that fails; nothing happens if it is there already."""

    spec: ChildSpec


class PutToSleep(NamedTuple):
    """Let idle children sleep."""


class TerminateRef(NamedTuple):
    """Stop the child with this ref."""

    ref: Ref[Any]


class DynamicSupervisor(Actor):
    """``children()`` names those that run from the start: what a predecessor that crashed had.

    With ``hibernate``, children that were idle for that many seconds, or up to twice as many, sleep without a greenlet
    (see `Ref.hibernate`).
    """

    def __init__(
        self,
        children: Callable[[], Iterable[ChildSpec]] = tuple,
        *,
        intensity: int | None = None,
        period: float = 5.0,
        max_children: int | None = None,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        hibernate: float | None = None,
        **link: Any,
    ) -> None:
        check_options(Strategy.ONE_FOR_ONE, 1 if intensity is None else intensity, period, auto_shutdown)
        if max_children is not None and (not isinstance(max_children, int) or max_children < 0):
            raise InvalidChildSpec(f"max_children: expected an integer ≥ 0 or None, got {max_children!r}")
        super().__init__(**link)
        self._first = children
        self._intensity = None if intensity is None else Intensity(intensity, period)
        self._most = max_children
        self._auto_shutdown = auto_shutdown
        self._hibernate = hibernate
        self._timer: TimerEvery | None = None
        self._clock = self.host.clock
        self._children: dict[str, Child] = {}
        self._running: dict[Ref[Any], Child] = {}

    def init(self) -> None:
        if self._hibernate is not None:
            self._timer = TimerEvery(self, self._hibernate, PutToSleep())
        for spec in self._first():
            self._run(spec)

    def handle(self, message: Any) -> Any:
        match message:
            case Down(ref, reason):
                self._child_down(ref, reason)
            case TryAgain(child) | BackedOff(child):
                if child.is_restarting and self._children.get(child.spec.id) is child:
                    self._restart(child, is_counted=isinstance(message, BackedOff))
            case RunChild(spec):
                self._run(spec)
            case PutToSleep():
                for at, ref in enumerate(list(self._running)):
                    ref.hibernate()
                    if at % CHILDREN_AT_ONCE == CHILDREN_AT_ONCE - 1:
                        self.host.pause()
            case administration.StartChild(spec):
                return self._call_start(spec)
            case TerminateRef(ref):
                self._call_terminate(ref)
            case (
                administration.TerminateChild()
                | administration.RestartChild()
                | administration.DeleteChild()
                | administration.GetChildSpec()
            ):
                raise SupervisionError(f"{self.ref} is dynamic: its children have no ids, terminate them by ref")
            case administration.WhichChildren() | administration.DescribeChildren() | administration.CountChildren():
                return answer(message, self._children.values(), self._clock())
            case _:
                logger.warning("supervisor %s got an unknown message: %.200r", self.ref, message)
        return None

    def terminate(self, reason: Reason) -> None:
        """Ask all to stop, then wait for them together: the slowest one counts, not the sum."""
        if self._timer is not None:
            self._timer.stop()
        for child in self._children.values():
            child.cancel_restart()
        children = [(ref, child.spec) for ref, child in self._running.items()]
        stop_together(children, child_reason(reason), self.ref)

    def _run(self, spec: ChildSpec) -> None:
        if spec.id in self._children:
            return  # told twice, when a predecessor crashed with the message in hand
        child = self._children[spec.id] = Child(spec)
        try:
            self._start(child)
        except Exception as error:
            self._failed_to_start(child, error)

    # What children do.

    def _child_down(self, ref: Ref[Any], reason: Reason) -> None:
        child = self._running.pop(ref, None)
        if child is None:
            return  # we stopped it ourselves
        self.links.pop(ref, None)
        child.ref, child.last_ref, child.last_reason = None, ref, reason
        if child.spec.restart is Restart.PERMANENT or not is_orderly(reason):
            report("child_terminated", self.ref, reason, child.spec, ref)
        if should_restart(child.spec.restart, reason):
            self._restart(child)
            return
        del self._children[child.spec.id]
        if not child.spec.significant or self._auto_shutdown is AutoShutdown.NEVER:
            return
        others = (other.spec.significant for other in self._children.values())
        if self._auto_shutdown is AutoShutdown.ANY_SIGNIFICANT or not any(others):
            self.exit(SHUTDOWN)

    def _restart(self, child: Child, is_counted: bool = False) -> None:
        if not is_counted and self._intensity is not None and not self._intensity.allow(self._clock()):
            report_limit(self.ref, self._intensity, child.spec)
            del self._children[child.spec.id]
            self.exit(SHUTDOWN)
            return
        if not child.is_restarting and back_off(
            child, BackedOff(child), self._backoff_of(child), self.mailbox, self._clock()
        ):
            return
        child.is_restarting = False
        child.restarts += 1
        try:
            self._start(child)
        except Exception as error:
            self._failed_to_start(child, error)

    def _failed_to_start(self, child: Child, error: Exception) -> None:
        report("start_error", self.ref, Crashed(error), child.spec)
        if child.spec.restart is Restart.TEMPORARY:
            del self._children[child.spec.id]
            return
        try_again(child, self._backoff_of(child), self.mailbox, self._clock())

    def _backoff_of(self, child: Child) -> Backoff | None:
        if child.spec.backoff is None and self._intensity is None:
            return DEFAULT_BACKOFF  # nothing else would stop a crash loop
        return child.spec.backoff

    def _start(self, child: Child) -> None:
        child.failures.started = self._clock()
        ref = child.start(self.ref)
        if ref is None:
            del self._children[child.spec.id]  # it has nothing to do here (OTP's ignore), so there is nothing to keep
            return
        self._running[ref] = child
        self.links[ref] = None
        progress(self.ref, child.spec, ref)

    # What is asked.

    def _call_start(self, spec: ChildSpec) -> Any:
        check_specs([spec], self._auto_shutdown)
        if (present := self._children.get(spec.id)) is not None:
            raise present.conflict(self.ref)
        if self._most is not None and len(self._children) >= self._most:
            raise TooManyChildren(f"{self.ref} has {self._most} children already")
        child = self._children[spec.id] = Child(spec)
        try:
            self._start(child)
        except Exception as error:
            del self._children[spec.id]
            raise administration.StartFailed(self.ref, spec.id, error) from error
        return child.started

    def _call_terminate(self, ref: Ref[Any]) -> None:
        child = self._running.get(ref)
        if child is not None:
            stop_child(ref, child.spec, SHUTDOWN, self.ref)
            self.links.pop(ref, None)
            del self._running[ref], self._children[child.spec.id]
            return
        if ref.is_alive():
            raise administration.ChildNotFound(f"{ref} is not a child of {self.ref}")
        for child in list(self._children.values()):
            if child.is_restarting and child.last_ref is ref:
                child.cancel_restart()
                del self._children[child.spec.id]
