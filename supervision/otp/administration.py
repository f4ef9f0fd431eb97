"""What can be asked of a running supervisor, in OTP's words. Each call waits at most ``timeout`` seconds.

Source: OTP, ``supervisor`` module, exports.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...actors.runtime.ref import Ref
from ...actors.words.errors import SupervisionError
from ...actors.words.exit_reasons import Reason
from .child_spec import ChildSpec, ChildType

TIMEOUT = 30.0
"""Seconds: a supervisor may have to wait for a child's init and, when others restart, for their shutdown."""


class ChildAlreadyStarted(SupervisionError):
    """There is a running child with this id: ``ref``."""

    def __init__(self, id: str, ref: Ref[Any]) -> None:
        super().__init__(f"the child {id!r} runs already: {ref}")
        self.ref = ref


class ChildAlreadyPresent(SupervisionError):
    """There is a child with this id, and it does not run: restart it, or delete it first."""


class ChildNotFound(SupervisionError):
    """There is no child with this id."""


class ChildRunning(SupervisionError):
    """The child runs: terminate it first."""


class ChildRestarting(SupervisionError):
    """The child is waiting for its next try to start."""


class StartFailed(SupervisionError):
    """A child could not be started; ``child`` is its id, the cause is what its start raised."""

    def __init__(self, supervisor: object, child: str, error: BaseException) -> None:
        super().__init__(f"{supervisor}: the child {child!r} failed to start: {error!r}")
        self.child = child


class Counts(NamedTuple):
    """How many child specs there are, how many of the children run, how many are supervisors and workers."""

    specs: int
    active: int
    supervisors: int
    workers: int


class ChildInfo(NamedTuple):
    """``child`` is its `Ref`, or None while it does not run; then ``is_restarting`` says whether it will by itself."""

    id: str
    child: Ref[Any] | None
    is_restarting: bool
    type: ChildType


class ChildState(NamedTuple):
    """All that a supervisor knows of a child: ``state`` is running, restarting or down, ``age`` is in seconds."""

    id: str
    ref: Ref[Any] | None
    state: str
    type: ChildType
    restarts: int
    age: float
    last_reason: Reason | None


# The messages behind the calls.


class DescribeChildren(NamedTuple):
    pass


class StartChild(NamedTuple):
    spec: ChildSpec


class TerminateChild(NamedTuple):
    id: str


class RestartChild(NamedTuple):
    id: str


class DeleteChild(NamedTuple):
    id: str


class GetChildSpec(NamedTuple):
    id: str


class WhichChildren(NamedTuple):
    pass


class CountChildren(NamedTuple):
    pass


def start_child(supervisor: Ref[Any], spec: ChildSpec, timeout: float = TIMEOUT) -> Any:
    """Add a child after the others, start it, and return what its start returned.

    That is its ref; None if it had nothing to do (OTP's ``ignore``); or ``(ref, info)``, for a start that says more.

    Raises: ChildAlreadyStarted, ChildAlreadyPresent, StartFailed (then the spec is not kept), InvalidChildSpec.
    """
    return supervisor.ask(StartChild(spec), timeout=timeout)


def terminate_child(supervisor: Ref[Any], id: str, timeout: float = TIMEOUT) -> None:
    """Stop a child as its spec says. Its spec stays, unless it is temporary.

    Raises: ChildNotFound.
    """
    supervisor.ask(TerminateChild(id), timeout=timeout)


def restart_child(supervisor: Ref[Any], id: str, timeout: float = TIMEOUT) -> Any:
    """Start a child that was terminated or has ended, and return what its start returned (see `start_child`).

    Raises: ChildNotFound, ChildRunning, ChildRestarting, StartFailed (then the spec stays).
    """
    return supervisor.ask(RestartChild(id), timeout=timeout)


def delete_child(supervisor: Ref[Any], id: str, timeout: float = TIMEOUT) -> None:
    """Forget the spec of a child that does not run.

    Raises: ChildNotFound, ChildRunning, ChildRestarting.
    """
    supervisor.ask(DeleteChild(id), timeout=timeout)


def get_childspec(supervisor: Ref[Any], id: str, timeout: float = TIMEOUT) -> ChildSpec:
    """Return a child's spec.

    Raises: ChildNotFound.
    """
    spec: ChildSpec = supervisor.ask(GetChildSpec(id), timeout=timeout)
    return spec


def which_children(supervisor: Ref[Any], timeout: float = TIMEOUT) -> list[ChildInfo]:
    """Return every child, the newest first."""
    children: list[ChildInfo] = supervisor.ask(WhichChildren(), timeout=timeout)
    return children


def count_children(supervisor: Ref[Any], timeout: float = TIMEOUT) -> Counts:
    """Return how many there are."""
    counts: Counts = supervisor.ask(CountChildren(), timeout=timeout)
    return counts
