"""A static supervisor, with the names of OTP's own tests: restart x reason x strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pykka
import pytest
from support.hosts import AtTime

from nuphar.actors import KILLED, SHUTDOWN, Actor, Ref, Shutdown
from nuphar.actors.runtime.registry import Registry
from nuphar.actors.words.exit_reasons import NORMAL
from nuphar.supervision import (
    BRUTAL_KILL,
    Backoff,
    ChildSpec,
    Restart,
    StartFailed,
    Strategy,
    Supervisor,
    count_children,
    supervisor,
    which_children,
    worker,
)

LIMIT = 10.0  # seconds that any wait here may take
P, T, TMP = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY

pytestmark = pytest.mark.usefixtures("caplog")


class Journal(list[str]):
    """What happened, in order."""

    def take(self) -> list[str]:
        taken, self[:] = list(self), []
        return taken


class Child(Actor):
    """Writes its starts and stops into a journal, and ends as it is told."""

    def __init__(self, id: str, journal: Journal, may_start: Callable[[], bool] = lambda: True, **link: Any) -> None:
        super().__init__(**link)
        self.id, self.journal, self.may_start = id, journal, may_start

    def init(self) -> None:
        if not self.may_start():
            raise ValueError(f"{self.id} may not start")
        self.journal.append(f"+{self.id}")

    def handle(self, message: Any) -> Any:
        if message == "normal":
            self.exit(NORMAL)
        elif message == "shutdown":
            self.exit(SHUTDOWN)
        elif message == "detail":
            self.exit(Shutdown("detail"))
        elif message == "abnormal":
            raise ValueError("abnormal")

    def terminate(self, reason: Any) -> None:
        self.journal.append(f"-{self.id}")


@pytest.fixture
def journal() -> Journal:
    return Journal()


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def start(journal: Journal) -> Iterator[Callable[..., Ref[Any]]]:
    """A function that starts a supervisor of children with these ids and restarts."""
    refs: list[Ref[Any]] = []

    def start(*children: tuple[str, Restart], **options: Any) -> Ref[Any]:
        specs = [worker(id, Child, id, journal, restart=restart) for id, restart in children]
        options.setdefault("intensity", 10)
        refs.append(Supervisor.start_link(specs, registry=Registry(), name="supervisor", **options))
        return refs[-1]

    yield start
    for ref in refs:
        ref.stop()


def child(ref: Ref[Any], id: str) -> Ref[Any] | None:
    return {info.id: info.child for info in which_children(ref)}.get(id)


def end(supervisor: Ref[Any], id: str, how: str) -> None:
    """End a child and wait until its supervisor has done what it does."""
    victim = child(supervisor, id)
    assert victim is not None
    if how == "killed":
        victim.kill()
    else:
        victim.tell(how)
    victim.wait_down(LIMIT)
    if supervisor.wait_down(0.0) is None:
        try:
            which_children(supervisor)
        except pykka.ActorDeadError:
            supervisor.wait_down(LIMIT)


REASONS = ["normal", "shutdown", "detail", "abnormal", "killed"]


@pytest.mark.parametrize("how", REASONS)
def test_permanent_is_always_restarted(start: Callable[..., Ref[Any]], how: str) -> None:
    ref = start(("a", P))
    before = child(ref, "a")
    end(ref, "a", how)
    after = child(ref, "a")
    assert after is not None
    assert after is not before


@pytest.mark.parametrize("how", ["normal", "shutdown", "detail"])
def test_transient_stays_down_after_an_orderly_end(start: Callable[..., Ref[Any]], how: str) -> None:
    ref = start(("a", T))
    end(ref, "a", how)
    assert child(ref, "a") is None
    assert count_children(ref).specs == 1


@pytest.mark.parametrize("how", ["abnormal", "killed"])
def test_transient_abnormal_is_restarted(start: Callable[..., Ref[Any]], how: str) -> None:
    ref = start(("a", T))
    end(ref, "a", how)
    assert child(ref, "a") is not None


@pytest.mark.parametrize("how", REASONS)
def test_temporary_is_never_restarted_and_forgotten(start: Callable[..., Ref[Any]], how: str) -> None:
    ref = start(("a", TMP))
    end(ref, "a", how)
    assert count_children(ref).specs == 0


def test_one_for_one_restarts_the_one(start: Callable[..., Ref[Any]], journal: Journal) -> None:
    ref = start(("a", P), ("b", P), ("c", P))
    journal.take()
    end(ref, "b", "abnormal")
    assert journal.take() == ["-b", "+b"]


def test_one_for_all_restarts_all(start: Callable[..., Ref[Any]], journal: Journal) -> None:
    ref = start(("a", P), ("b", P), ("c", P), strategy=Strategy.ONE_FOR_ALL)
    journal.take()
    end(ref, "b", "abnormal")
    assert journal.take() == ["-b", "-c", "-a", "+a", "+b", "+c"]


def test_rest_for_one_restarts_the_later_ones(start: Callable[..., Ref[Any]], journal: Journal) -> None:
    ref = start(("a", P), ("b", P), ("c", P), ("d", P), strategy=Strategy.REST_FOR_ONE)
    journal.take()
    end(ref, "b", "killed")
    assert journal.take() == ["-d", "-c", "+b", "+c", "+d"]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_temporary_bystander(start: Callable[..., Ref[Any]], journal: Journal, strategy: Strategy) -> None:
    ref = start(("a", P), ("b", TMP), strategy=strategy)
    journal.take()
    end(ref, "a", "abnormal")
    assert journal.take() == ["-a", "-b", "+a"]
    assert count_children(ref).specs == 1


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_child_that_stays_down_takes_nobody_along(
    start: Callable[..., Ref[Any]], journal: Journal, strategy: Strategy
) -> None:
    ref = start(("a", P), ("b", T), ("c", P), strategy=strategy)
    journal.take()
    end(ref, "b", "normal")
    assert journal.take() == ["-b"]


def test_children_start_in_order_and_stop_in_reverse_also_after_restarts(
    start: Callable[..., Ref[Any]], journal: Journal
) -> None:
    ref = start(("a", P), ("b", P), ("c", P))
    assert journal.take() == ["+a", "+b", "+c"]
    end(ref, "a", "abnormal")
    end(ref, "b", "killed")
    journal.take()
    ref.stop()
    assert journal.take() == ["-c", "-b", "-a"]


def test_a_failing_third_child_stops_the_first_two_in_reverse_order_and_is_named(journal: Journal) -> None:
    specs = [
        worker("a", Child, "a", journal),
        worker("b", Child, "b", journal),
        worker("c", Child, "c", journal, lambda: False),
        worker("d", Child, "d", journal),
    ]
    registry = Registry()
    with pytest.raises(StartFailed, match="the child 'c' failed to start: ValueError") as caught:
        Supervisor.start_link(specs, registry=registry, name="top")
    assert isinstance(caught.value.__cause__, ValueError)
    assert [entry for entry in journal.take() if entry != "-c"] == ["+a", "+b", "-b", "-a"]
    assert registry.living() == []


def test_an_intensity_that_is_exceeded_ends_the_supervisor_and_its_children(
    start: Callable[..., Ref[Any]], journal: Journal
) -> None:
    ref = start(("a", P), ("b", P), intensity=1, period=5.0, host=AtTime(Clock()))
    end(ref, "b", "abnormal")
    journal.take()
    end(ref, "b", "abnormal")
    assert ref.wait_down(LIMIT) == SHUTDOWN
    assert journal.take() == ["-b", "-a"]


def test_restarts_outside_of_the_period_are_forgotten(start: Callable[..., Ref[Any]]) -> None:
    clock = Clock()
    ref = start(("a", P), intensity=1, period=5.0, host=AtTime(clock))
    for _ in range(5):
        end(ref, "a", "abnormal")
        clock.now += 5.1
    assert child(ref, "a") is not None


def test_rest_for_one_escalation(journal: Journal) -> None:
    inner = supervisor("inner", [worker("x", Child, "x", journal)], intensity=0)
    specs = [worker("a", Child, "a", journal), inner, worker("b", Child, "b", journal)]
    ref = Supervisor.start_link(specs, strategy=Strategy.REST_FOR_ONE, intensity=1)
    journal.take()
    inner_ref = child(ref, "inner")
    assert inner_ref is not None
    end(inner_ref, "x", "abnormal")
    inner_ref.wait_down(LIMIT)
    which_children(ref)
    assert journal.take() == ["-x", "-b", "+x", "+b"]
    ref.stop()


def test_a_restart_that_fails_is_tried_again_until_it_succeeds(journal: Journal) -> None:
    attempts = iter([True, False, False, True])
    specs = [worker("a", Child, "a", journal, lambda: next(attempts)), worker("b", Child, "b", journal)]
    ref = Supervisor.start_link(specs, intensity=5)
    victim = child(ref, "a")
    assert victim is not None
    victim.kill()
    victim.wait_down(LIMIT)
    while child(ref, "a") is None:
        gevent.sleep(0)
    assert next(attempts, None) is None
    ref.stop()


def test_a_restart_that_keeps_failing_is_given_up(journal: Journal) -> None:
    attempts = iter([True])
    specs = [worker("b", Child, "b", journal), worker("a", Child, "a", journal, lambda: next(attempts, False))]
    ref = Supervisor.start_link(specs, intensity=3)
    victim = child(ref, "a")
    assert victim is not None
    victim.kill()
    assert ref.wait_down(LIMIT) == SHUTDOWN
    assert journal[-1] == "-b"


def test_a_killed_supervisor_takes_its_children_along(start: Callable[..., Ref[Any]]) -> None:
    ref = start(("a", P), ("b", P))
    children = [child(ref, "a"), child(ref, "b")]
    ref.kill()
    assert ref.wait_down(LIMIT) == KILLED
    assert [each and each.wait_down(LIMIT) for each in children] == [KILLED, KILLED]


def test_an_unknown_message_is_logged_and_changes_nothing(
    start: Callable[..., Ref[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    ref = start(("a", P))
    before = child(ref, "a")
    ref.tell("hello")
    assert child(ref, "a") is before
    assert "got an unknown message: 'hello'" in caplog.text


class Stubborn(Actor):
    """Does not stop when asked."""

    def terminate(self, reason: Any) -> None:
        gevent.sleep(LIMIT)


def test_a_child_that_does_not_stop_in_its_time_is_killed() -> None:
    ref = Supervisor.start_link([worker("a", Stubborn, shutdown=0.01)])
    stubborn = child(ref, "a")
    assert stubborn is not None
    ref.stop()
    assert stubborn.wait_down(0) is not None


def test_brutal_kill_does_not_ask(journal: Journal) -> None:
    ref = Supervisor.start_link([worker("a", Child, "a", journal, shutdown=BRUTAL_KILL)])
    journal.take()
    ref.stop()
    assert journal.take() == []


def test_a_back_off_that_is_under_way_does_not_outlive_its_supervisor(journal: Journal) -> None:
    spec = worker("a", Child, "a", journal, backoff=Backoff(least=1_000.0, most=1_000.0, reset=1_000.0))
    ref = Supervisor.start_link([spec], intensity=10)
    end(ref, "a", "abnormal")  # restarted at once
    end(ref, "a", "abnormal")  # in a thousand seconds
    assert child(ref, "a") is None
    ref.stop()


def test_a_child_whose_start_returns_something_else_is_refused() -> None:
    with pytest.raises(StartFailed, match=r"expected a Ref, \(Ref, info\) or None, got 5"):
        Supervisor.start_link([ChildSpec("a", lambda monitor: 5)])  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("error", [SystemExit, gevent.Timeout, gevent.GreenletExit])
def test_a_base_exception_in_a_child_s_init_does_not_end_its_supervisor(
    journal: Journal, error: type[BaseException]
) -> None:
    attempts: list[int] = []

    def may_start() -> bool:
        attempts.append(1)
        if len(attempts) == 2:
            raise error
        return True

    ref = Supervisor.start_link([worker("a", Child, "a", journal, may_start)], intensity=5)
    victim = child(ref, "a")
    assert victim is not None
    victim.kill()
    victim.wait_down(LIMIT)
    while child(ref, "a") is None:
        gevent.sleep(0)
    assert len(attempts) == 3
    ref.stop()
