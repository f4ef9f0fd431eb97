"""Supervisors with children that do what they are told, for the tests of OTP's cases, and a journal of what they did.

The journal: ``+a`` started, ``!a`` failed to start, ``?a`` had nothing to do, ``-a shutdown`` ended, and why.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pykka
import pytest
from support.hosts import AtTime

from nuphar.actors import KILLED, NORMAL, SHUTDOWN, Actor, Crashed, Ignore, Reason, Ref, Shutdown
from nuphar.actors.runtime.registry import Registry
from nuphar.supervision import (
    ChildInfo,
    ChildSpec,
    ChildType,
    DynamicSupervisor,
    Supervisor,
    which_children,
    worker,
)

from .run_ours import word

LIMIT = 10.0
"""Seconds that any wait here may take."""

TINY = 0.01
"""Seconds of the shutdown of a child that ignores it."""

REASONS = ("normal", "shutdown", "detail", "abnormal", "killed")


class Abnormal(Exception):
    """How a child ends that is told ``abnormal``."""


class Broken(Exception):
    """Why a child does not start whose script says ``error``."""


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Journal(Registry):
    """What happened, in order. As a registry it hears of every end, also of those that are killed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.running: set[Ref[Any]] = set()

    def remove(self, ref: Ref[Any]) -> None:
        super().remove(ref)
        if ref in self.running:
            self.ended(ref, KILLED)

    def ended(self, ref: Ref[Any], reason: Reason) -> None:
        self.running.discard(ref)
        text = "abnormal" if isinstance(reason, Crashed) else word(reason)
        self.lines.append(f"-{ref.name} {text}")

    def take(self) -> list[str]:
        taken, self.lines[:] = list(self.lines), []
        return taken


class Child(Actor):
    """Ends as it is told; ``answer`` is how it answers a shutdown: with ``shutdown``, something else, or ``never``."""

    def __init__(self, journal: Journal, script: list[Any], answer: str, **link: Any) -> None:
        super().__init__(**link)
        self.journal, self.script, self.answer = journal, script, answer
        self.is_asked = True

    def init(self) -> None:
        how = self.script.pop(0) if self.script else "ok"
        if callable(how):
            how = how()
        if how == "error":
            self.journal.lines.append(f"!{self.name}")
            raise Broken
        if how == "ignore":
            self.journal.lines.append(f"?{self.name}")
            raise Ignore
        self.journal.lines.append(f"+{self.name}")
        self.journal.running.add(self.ref)

    def handle(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.is_asked = False
        self._leave(message)
        return None

    def terminate(self, reason: Reason) -> None:
        if not self.is_asked:
            self.journal.ended(self.ref, self.exit_reason or reason)
        elif self.ref in self.journal.running:
            if self.answer == "never":
                self.journal.lines.append(f"asked {self.name}")
                gevent.sleep(LIMIT)
            try:
                self._leave(word(reason) if self.answer == "shutdown" else self.answer)
            finally:
                how = Crashed(Abnormal()) if self.answer == "abnormal" else self.exit_reason
                self.journal.ended(self.ref, how or reason)

    def _leave(self, reason: str) -> None:
        if reason == "abnormal":
            raise Abnormal
        self.exit({"normal": NORMAL, "shutdown": SHUTDOWN, "detail": Shutdown("detail")}[reason])


class Nursery:
    """Starts supervisors, and stops them at the end."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.clock = Clock()
        self.scripts: dict[str, list[Any]] = {}
        self.supervisors: list[Ref[Any]] = []

    def script(self, id: str, *starts: Any) -> None:
        """Say what the next starts of ``id`` do: ``ok``, ``error``, ``ignore``, or call a function that says it."""
        self.scripts.setdefault(id, [])[:] = starts

    def spec(self, id: str, *args: Any, answer: str = "shutdown", **options: Any) -> ChildSpec:
        """Return the spec of a `Child`; ``args``: its restart, if it is not permanent."""
        if args:
            (options["restart"],) = args
        return worker(id, Child, self.journal, self.scripts.setdefault(id, []), answer, **options)

    def specs(self, ids: str, **options: Any) -> list[ChildSpec]:
        """Return specs of permanent children whose ids are these letters."""
        return [self.spec(id, **options) for id in ids]

    def start(self, *specs: ChildSpec, **options: Any) -> Ref[Any]:
        options = {"intensity": 10, "host": AtTime(self.clock), "registry": self.journal, "name": "top", **options}
        self.supervisors.append(Supervisor.start_link(specs, **options))
        return self.supervisors[-1]

    def dynamic(self, *specs: ChildSpec, **options: Any) -> Ref[Any]:
        options = {"host": AtTime(self.clock), "registry": self.journal, "name": "dynamic", **options}
        self.supervisors.append(DynamicSupervisor.start_link(lambda: specs, **options))
        return self.supervisors[-1]

    def dynamic_spec(self, id: str, **options: Any) -> ChildSpec:
        """Return the spec of a child that is a dynamic supervisor."""

        def start(monitor: Ref[Any]) -> Ref[Any]:
            return DynamicSupervisor.start_link(monitor=monitor, name=id, **options)

        return ChildSpec(id, start, shutdown=None, type=ChildType.SUPERVISOR)

    def take(self) -> list[str]:
        return self.journal.take()

    def close(self) -> None:
        for ref in self.supervisors:
            ref.shut_down(SHUTDOWN)
            assert ref.wait_down(LIMIT) is not None


@contextmanager
def open_nursery() -> Iterator[Nursery]:
    """Make a nursery, and stop its supervisors in the end."""
    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


def children(supervisor: Ref[Any]) -> dict[str, ChildInfo]:
    """Return the children by id, the newest first."""
    return {info.id: info for info in which_children(supervisor)}


def child(supervisor: Ref[Any], id: str) -> Ref[Any]:
    """Return a child that runs."""
    ref = children(supervisor)[id].child
    assert ref is not None, f"{id} does not run"
    return ref


def refs(supervisor: Ref[Any]) -> dict[str, Ref[Any] | None]:
    return {id: info.child for id, info in children(supervisor).items()}


def states(supervisor: Ref[Any]) -> str:
    """Return the children in start order, as in ``a, b down, c restarting``."""
    words = []
    for id, info in reversed(children(supervisor).items()):
        words.append(f"{id} restarting" if info.is_restarting else f"{id} down" if info.child is None else id)
    return ", ".join(words)


def end(supervisor: Ref[Any], id: str, how: str) -> None:
    """End a child in one of `REASONS`, and wait until its supervisor knows and does not restart anybody."""
    end_ref(child(supervisor, id), how)
    settle(supervisor)


def end_ref(ref: Ref[Any], how: str) -> None:
    if how == "killed":
        ref.kill()
    else:
        ref.tell(how)
    assert ref.wait_down(LIMIT) is not None


def settle(supervisor: Ref[Any]) -> None:
    """Wait until nobody is being restarted, or the supervisor has ended."""
    try:
        while any(info.is_restarting for info in which_children(supervisor)):
            gevent.sleep(0)
    except pykka.ActorDeadError:
        assert supervisor.wait_down(LIMIT) is not None


def why(supervisor: Ref[Any]) -> str:
    """Return why a supervisor, or any actor, has ended."""
    reason = supervisor.wait_down(LIMIT)
    return "abnormal" if isinstance(reason, Crashed) and isinstance(reason.error, Abnormal) else word(reason)


def reports(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str | None, str]]:
    """Return the supervisors' reports so far: context, child, reason."""
    found = []
    for record in caplog.records:
        if record.name == "nuphar.supervision" and record.levelno == logging.ERROR:
            fields: dict[str, Any] = record.__dict__["report"]
            reason = fields["reason"]
            known = {Abnormal: "abnormal", Broken: "broken"}
            if isinstance(reason, Crashed):
                text = known.get(type(reason.error), repr(reason.error))
            else:
                text = reason.split(":")[0] if isinstance(reason, str) else word(reason)
            found.append((fields["context"], (fields["offender"] or {}).get("id"), text))
    return found
