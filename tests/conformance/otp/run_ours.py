"""Runs a scenario on a supervisor of ours, with actors for children, and tells what happened as ``otp.erl`` does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pykka
from support.hosts import AtTime

from nuphar.actors import NORMAL, SHUTDOWN, Actor, Crashed, Killed, Normal, Reason, Ref, Shutdown
from nuphar.actors.runtime.log_throttle import THROTTLE
from nuphar.actors.runtime.registry import Registry
from nuphar.actors.words.errors import SupervisionError
from nuphar.supervision import (
    AutoShutdown,
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildInfo,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    ChildSpec,
    ChildType,
    Counts,
    DynamicSupervisor,
    InvalidChildSpec,
    Restart,
    StartFailed,
    Strategy,
    Supervisor,
)
from nuphar.supervision.otp.administration import (
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from nuphar.supervision.otp.child_spec import check_specs
from nuphar.supervision.otp.dynamic import TerminateRef

from .scenarios import Scenario, Spec

POLLS = 100_000
PERIOD = 100_000.0
LIMIT = 60.0
"""Seconds that a call may take: shutdowns of children that ignore them are real time."""

WORDS: dict[type[BaseException], str] = {
    ChildAlreadyStarted: "already_started",
    ChildAlreadyPresent: "already_present",
    ChildNotFound: "not_found",
    ChildRunning: "running",
    ChildRestarting: "restarting",
    StartFailed: "broken",
    InvalidChildSpec: "bad_spec",
    pykka.ActorDeadError: "noproc",
}


class Abnormal(Exception):
    """A child's reason that is none of the orderly ones."""


class Broken(Exception):
    """A start's error."""


class Trace(Registry):
    """What happens, in order. As a registry it hears of every end, also of those that are killed."""

    def __init__(self, is_simple: bool) -> None:
        super().__init__()
        self.is_simple = is_simple
        self.events: list[Any] = []
        self.replies: list[Callable[[], Any]] = []
        self.pending: list[pykka.Future[Any]] = []
        self.running: dict[str, Ref[Any]] = {}
        self.last: dict[str, Ref[Any]] = {}

    def remove(self, ref: Ref[Any]) -> None:
        super().remove(ref)
        if self.running.get(ref.name) is ref:
            self.stopped(ref.name, "killed")

    def stopped(self, id: str, reason: str) -> None:
        del self.running[id]
        self.events.append(["stop", id, reason])

    def reported(self, context: str, id: str, reason: str) -> None:
        self.events.append(["report", context, "*" if self.is_simple else id, reason])

    def take(self) -> list[Any]:
        events, self.events = self.events, []
        if self.is_simple and not self.running:  # they stop together, in no order
            events = [list(each) for each in sorted({tuple(event) for event in events})]
        replies, self.replies, self.pending = [reply() for reply in self.replies], [], []
        return [events, replies]

    def is_answered(self) -> bool:
        return all(map(_is_done, self.pending))


class Child(Actor):
    """A child that does what its spec says."""

    def __init__(self, spec: Spec, trace: Trace, **link: Any) -> None:
        super().__init__(name=spec.id, **link)
        self._spec = spec
        self._trace = trace
        self._is_asked = True

    def init(self) -> None:
        self._trace.events.append(["start", self._spec.id, "ok"])
        self._trace.running[self._spec.id] = self._trace.last[self._spec.id] = self.ref

    def handle(self, reason: Any) -> None:
        self._is_asked = False
        self._leave(reason)

    def terminate(self, reason: Reason) -> None:
        if not self._is_asked:
            return
        if self._spec.answer == "never":
            gevent.sleep(LIMIT)
        self._leave(word(reason) if self._spec.answer == "shutdown" else self._spec.answer)

    def _leave(self, reason: str) -> None:
        self._trace.stopped(self._spec.id, reason)
        if reason == "abnormal":
            raise Abnormal
        self.exit({"normal": NORMAL, "shutdown": SHUTDOWN, "detail": Shutdown("detail")}[reason])


class Reports(logging.Handler):
    """Puts the supervisor's reports into the trace."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = record.__dict__["report"]
        reason = fields["reason"]
        text = reason.split(":")[0] if isinstance(reason, str) else word(reason)
        self._trace.reported(fields["context"], fields["offender"]["id"], text)


def run(scenario: Scenario) -> list[Any]:
    """Return what happens in ``scenario``: a list of steps, as in ``otp.erl``."""
    trace = Trace(scenario.is_simple)
    with _reports_go_to(trace):
        try:
            supervisor = _start(scenario, trace)
        except StartFailed as error:
            return [[["failed", error.child, "broken"], *trace.take(), ["ended"]]]
        except InvalidChildSpec:
            return [[["bad_spec"], *trace.take(), ["ended"]]]
        steps = [_settle(supervisor, trace, "ok")]
        for command in scenario.commands:
            if steps[-1][3][0] == "ended":
                return steps
            steps.append(_command(supervisor, trace, command))
        if steps[-1][3][0] != "ended":
            supervisor.shut_down(SHUTDOWN if scenario.end == "shutdown" else NORMAL)
            reason = supervisor.wait_down(LIMIT)
            steps.append(["ok", *trace.take(), ["ended", word(reason)]])
        return steps


@contextmanager
def _reports_go_to(trace: Trace) -> Iterator[None]:
    reports, crashes = logging.getLogger("nuphar.supervision"), logging.getLogger("nuphar.actors")
    handler = Reports(trace)
    reports.addHandler(handler)
    before = reports.propagate, crashes.disabled
    reports.propagate, crashes.disabled = False, True
    interval, THROTTLE.interval = THROTTLE.interval, 0.0  # every report counts here
    try:
        yield
    finally:
        reports.removeHandler(handler)
        reports.propagate, crashes.disabled = before
        THROTTLE.interval = interval


def _start(scenario: Scenario, trace: Trace) -> Ref[Any]:
    options: dict[str, Any] = {
        "intensity": scenario.intensity,
        "period": PERIOD,
        "auto_shutdown": AutoShutdown(scenario.auto_shutdown),
        "host": AtTime(lambda: 0.0),
        "registry": trace,
        "timeout": LIMIT,
    }
    if scenario.template is not None:
        check_specs([_spec(scenario.template, trace)], options["auto_shutdown"])
        return DynamicSupervisor.start_link(**options)
    specs = [_spec(each, trace) for each in scenario.children]
    return Supervisor.start_link(specs, strategy=Strategy(scenario.strategy), **options)


def _command(supervisor: Ref[Any], trace: Trace, command: tuple[Any, ...]) -> list[Any]:
    if command[0] == "exit":
        ref = trace.running.get(command[1])
        if ref is None:
            return _settle(supervisor, trace, "not_running")
        if command[2] == "killed":
            ref.kill()
        else:
            ref.tell(command[2])
        return _settle(supervisor, trace, "ok", ref)
    try:
        request = _request(command, trace)
        if request is None:
            return _settle(supervisor, trace, "unknown")
        result = _normal(request, supervisor.ask(request, timeout=LIMIT), trace)
    except (SupervisionError, pykka.ActorDeadError) as error:
        result = WORDS[type(error)]
    return _settle(supervisor, trace, result)


def _settle(supervisor: Ref[Any], trace: Trace, result: Any, gone: Ref[Any] | None = None) -> list[Any]:
    """Wait until ``gone`` is gone, nobody is restarting and every request has its reply; then say how things are."""
    try:
        for _ in range(POLLS):
            children: list[ChildInfo] = supervisor.ask(WhichChildren(), timeout=LIMIT)
            is_restarting = any(child.is_restarting or child.child is gone is not None for child in children)
            if not is_restarting and trace.is_answered():
                children = supervisor.ask(WhichChildren(), timeout=LIMIT)  # the last request may have come after it
                counts = supervisor.ask(CountChildren(), timeout=LIMIT)
                return [result, *trace.take(), [_children(children, trace), list(counts[1:])]]
            gevent.sleep(0)
    except pykka.ActorDeadError:
        reason = supervisor.wait_down(LIMIT)
        return [result, *trace.take(), ["ended", word(reason)]]
    return [result, [], [], ["unsettled"]]


def _request(command: tuple[Any, ...], trace: Trace) -> Any:
    match command:
        case ("start_child", spec):
            return StartChild(_spec(spec, trace))
        case ("terminate_child", id) if trace.is_simple:
            return TerminateRef(trace.last[id]) if id in trace.last else None
        case ("terminate_child", id):
            return TerminateChild(id)
        case ("restart_child", id):
            return RestartChild(id)
        case ("delete_child", id):
            return DeleteChild(id)
        case ("which_children",):
            return WhichChildren()
    return CountChildren()


def _spec(spec: Spec, trace: Trace) -> ChildSpec:
    attempts = 0

    def start(monitor: Ref[Any]) -> Ref[Any] | None:
        nonlocal attempts
        item = spec.starts[min(attempts, len(spec.starts) - 1)]
        attempts += 1
        how, command = (item, None) if isinstance(item, str) else item
        if how == "ok":
            return Child.start_link(spec, trace, monitor=monitor, timeout=LIMIT)
        trace.events.append(["start", spec.id, how])
        if command is not None:
            _enqueue(monitor, trace, command)
        if how == "error":
            raise Broken
        return None

    shutdown = {"brutal_kill": 0.0, "infinity": None}.get(
        str(spec.shutdown), spec.shutdown / 1000 if isinstance(spec.shutdown, int) else None
    )
    return ChildSpec(
        spec.id,
        start,
        restart=Restart(spec.restart),
        shutdown=shutdown,
        type=ChildType(spec.type),
        significant=spec.significant,
    )


def _enqueue(supervisor: Ref[Any], trace: Trace, command: tuple[Any, ...]) -> None:
    """Put a call into the supervisor's mailbox while it is busy with a start."""
    request = _request(command, trace)
    if request is None:
        trace.replies.append(lambda: "unknown")
        return
    future = supervisor.ask(request, block=False)

    def reply() -> Any:
        try:
            return _normal(request, future.get(timeout=LIMIT), trace)
        except (SupervisionError, pykka.ActorDeadError) as error:
            return WORDS[type(error)]

    trace.replies.append(reply)
    trace.pending.append(future)


def _is_done(future: pykka.Future[Any]) -> bool:
    try:
        future.get(timeout=0)
    except pykka.Timeout:
        return False
    except (SupervisionError, pykka.ActorDeadError):
        return True
    return True


def _normal(request: Any, answer: Any, trace: Trace) -> Any:
    """Return what a supervisor answered, in the words of ``otp.erl``."""
    match answer:
        case Counts():
            return list(answer[1:])  # OTP has one spec in a simple_one_for_one
        case list():
            return _children(answer, trace)
        case None if isinstance(request, StartChild | RestartChild):
            return "ignored"
    return "ok"


def _children(children: list[ChildInfo], trace: Trace) -> list[list[str]]:
    infos = [_info(each, trace) for each in children]
    return sorted(infos) if trace.is_simple else infos


def _info(child: ChildInfo, trace: Trace) -> list[str]:
    state = "restarting" if child.is_restarting else "none" if child.child is None else "up"
    return ["*" if trace.is_simple and child.is_restarting else child.id, state, child.type.value]


def word(reason: Reason | None) -> str:
    """Return OTP's word for ``reason``."""
    match reason:
        case Normal():
            return "normal"
        case Shutdown(detail):
            return "shutdown" if detail is None else "detail"
        case Killed():
            return "killed"
        case Crashed(error):
            return {Abnormal: "abnormal", Broken: "broken"}.get(type(error), repr(error))
    return repr(reason)
