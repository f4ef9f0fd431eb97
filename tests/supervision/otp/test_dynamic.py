"""A dynamic supervisor: many children alike, strangers to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from nuphar.actors import KILLED, NORMAL, SHUTDOWN, Actor, Ref
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.supervision import (
    Backoff,
    ChildAlreadyStarted,
    ChildSpec,
    DynamicSupervisor,
    Restart,
    StartFailed,
    TooManyChildren,
    count_children,
    start_child,
    which_children,
    worker,
)

LIMIT = 10.0  # seconds that any wait here may take

pytestmark = pytest.mark.usefixtures("caplog")


class Child(Actor):
    """Ends as it is told, and says when it starts."""

    def __init__(self, starts: list[str], **link: Any) -> None:
        super().__init__(**link)
        self._starts = starts

    def init(self) -> None:
        self._starts.append(self.name)

    def handle(self, message: Any) -> Any:
        if message == "normal":
            self.exit(NORMAL)
        elif message == "abnormal":
            raise ValueError(message)


@pytest.fixture
def starts() -> list[str]:
    return []


@pytest.fixture
def start(starts: list[str]) -> Iterator[Callable[..., Ref[Any]]]:
    refs: list[Ref[Any]] = []

    def start(*args: Any, **options: Any) -> Ref[Any]:
        refs.append(DynamicSupervisor.start_link(*args, **options))
        return refs[-1]

    yield start
    for ref in refs:
        ref.stop()


def spec(id: str, starts: list[str], restart: Restart = Restart.TRANSIENT, **options: Any) -> ChildSpec:
    return worker(id, Child, starts, restart=restart, **options)


def end(supervisor: Ref[Any], ref: Ref[Any] | None, how: str) -> None:
    assert ref is not None
    if how == "killed":
        ref.kill()
    else:
        ref.tell(how)
    ref.wait_down(LIMIT)
    count_children(supervisor)


def test_children_are_started_while_it_runs(start: Callable[..., Ref[Any]], starts: list[str]) -> None:
    supervisor = start()
    refs = [start_child(supervisor, spec(id, starts)) for id in "abc"]
    assert starts == ["a", "b", "c"]
    assert [info.child for info in which_children(supervisor)] == refs[::-1]


def test_those_of_a_predecessor_run_from_the_start(start: Callable[..., Ref[Any]], starts: list[str]) -> None:
    supervisor = start(lambda: [spec("a", starts), spec("b", starts)])
    assert starts == ["a", "b"]
    assert count_children(supervisor).active == 2


def test_an_id_runs_once(start: Callable[..., Ref[Any]], starts: list[str]) -> None:
    supervisor = start()
    ref = start_child(supervisor, spec("a", starts))
    with pytest.raises(ChildAlreadyStarted) as caught:
        start_child(supervisor, spec("a", starts))
    assert caught.value.ref is ref


def test_too_many_children_are_refused(start: Callable[..., Ref[Any]], starts: list[str]) -> None:
    supervisor = start(max_children=1)
    start_child(supervisor, spec("a", starts))
    with pytest.raises(TooManyChildren):
        start_child(supervisor, spec("b", starts))


@pytest.mark.parametrize(
    ("restart", "how", "is_restarted"),
    [
        (Restart.PERMANENT, "normal", True),
        (Restart.PERMANENT, "abnormal", True),
        (Restart.TRANSIENT, "normal", False),
        (Restart.TRANSIENT, "abnormal", True),
        (Restart.TRANSIENT, "killed", True),
        (Restart.TEMPORARY, "abnormal", False),
        (Restart.TEMPORARY, "killed", False),
    ],
)
def test_who_is_restarted_after_what(
    start: Callable[..., Ref[Any]], starts: list[str], restart: Restart, how: str, is_restarted: bool
) -> None:
    supervisor = start()
    end(supervisor, start_child(supervisor, spec("a", starts, restart)), how)
    assert starts == ["a", "a"] if is_restarted else ["a"]
    assert count_children(supervisor).specs == int(is_restarted)


def test_a_child_in_a_crash_loop_backs_off_and_takes_nobody_along(
    start: Callable[..., Ref[Any]], starts: list[str]
) -> None:
    supervisor = start()
    backoff = Backoff(least=1_000.0, most=1_000.0, reset=1_000.0)
    bystander = start_child(supervisor, spec("b", starts))
    end(supervisor, start_child(supervisor, spec("a", starts, backoff=backoff)), "abnormal")
    again = {info.id: info.child for info in which_children(supervisor)}["a"]
    end(supervisor, again, "abnormal")
    children = {info.id: info for info in which_children(supervisor)}
    assert (children["a"].child, children["a"].is_restarting) == (None, True)
    assert children["b"].child is bystander
    assert starts == ["b", "a", "a"]


def test_a_successor_does_not_start_a_child_twice_that_was_backing_off(starts: list[str]) -> None:
    mailbox = Mailbox()
    specs = [spec("a", starts, backoff=Backoff(least=0.01, most=0.01, reset=1_000.0))]
    first = DynamicSupervisor.start_link(lambda: specs, mailbox=mailbox)
    for _ in range(2):
        end(first, which_children(first)[0].child, "abnormal")
    first.kill()
    assert first.wait_down(LIMIT) == KILLED
    second = DynamicSupervisor.start_link(lambda: specs, mailbox=mailbox)
    running = which_children(second)[0].child
    gevent.idle()
    waker = gevent.spawn_later(0.02, int)  # the predecessor's back-off is over before this
    waker.join(LIMIT)
    assert which_children(second)[0].child is running
    assert starts == ["a", "a", "a"]
    second.stop()


def test_all_are_asked_to_stop_before_any_is_waited_for(start: Callable[..., Ref[Any]]) -> None:
    asked: list[str] = []
    together = gevent.event.Event()

    class Slow(Actor):
        def terminate(self, reason: Any) -> None:
            asked.append(self.name)
            if len(asked) == 3:
                together.set()
            assert together.wait(LIMIT)

    supervisor = start()
    for id in "abc":
        start_child(supervisor, worker(id, Slow))
    assert supervisor.stop()
    assert len(asked) == 3


def test_who_does_not_stop_in_time_is_killed(start: Callable[..., Ref[Any]]) -> None:
    class Stubborn(Actor):
        def terminate(self, reason: Any) -> None:
            gevent.sleep(LIMIT)

    supervisor = start()
    ref = start_child(supervisor, worker("a", Stubborn, shutdown=0.01))
    assert supervisor.stop()
    assert ref is not None
    assert ref.wait_down(0) is not None


def test_a_child_that_cannot_start_is_not_kept(start: Callable[..., Ref[Any]]) -> None:
    class Stillborn(Actor):
        def init(self) -> None:
            raise ValueError("stillborn")

    supervisor = start()
    with pytest.raises(StartFailed, match="stillborn"):
        start_child(supervisor, worker("a", Stillborn))
    assert count_children(supervisor).specs == 0


def test_children_hear_why_the_supervisor_ends(start: Callable[..., Ref[Any]], starts: list[str]) -> None:
    supervisor = start()
    ref = start_child(supervisor, spec("a", starts))
    assert ref is not None
    supervisor.shut_down(SHUTDOWN)
    assert supervisor.wait_down(LIMIT) == SHUTDOWN
    assert ref.wait_down(0) == SHUTDOWN
