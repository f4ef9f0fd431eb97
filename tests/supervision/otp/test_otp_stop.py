"""OTP's cases of stopping: who is asked, who is killed, and what the supervisor ends with."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from conformance.otp.nursery import (
    LIMIT,
    REASONS,
    TINY,
    Child,
    Nursery,
    child,
    children,
    end,
    end_ref,
    open_nursery,
    refs,
    states,
    why,
)

from nuphar.actors import SHUTDOWN
from nuphar.supervision import (
    BRUTAL_KILL,
    INFINITY,
    ChildAlreadyPresent,
    ChildNotFound,
    ChildRestarting,
    DynamicSupervisor,
    Restart,
    StartFailed,
    Strategy,
    count_children,
    delete_child,
    restart_child,
    start_child,
    supervisor,
    terminate_child,
    which_children,
    worker,
)
from nuphar.supervision.otp.dynamic import TerminateRef

pytestmark = pytest.mark.usefixtures("caplog")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


def test_C16_infinity_is_allowed_for_workers_and_supervisors(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a", shutdown=INFINITY), supervisor("s", [nursery.spec("b", shutdown=INFINITY)]))
    nursery.take()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    assert nursery.take() == ["-b shutdown", "-a shutdown"]


def test_C17_who_ignores_its_shutdown_is_killed_and_its_siblings_are_not(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), nursery.spec("b", answer="never", shutdown=TINY), nursery.spec("c"))
    nursery.take()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    assert nursery.take() == ["-c shutdown", "asked b", "-b killed", "-a shutdown"]


def test_C18_C36_D15_E06_dynamic_children_have_their_time_together(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    for id in "abc":
        start_child(ref, nursery.spec(id, answer="never", shutdown=TINY))
    start_child(ref, nursery.spec("d"))
    nursery.take()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    journal = nursery.take()
    # All were asked before the first was killed, so the slowest counts and not the sum.
    assert set(journal[:4]) == {"asked a", "asked b", "asked c", "-d shutdown"}
    assert set(journal[4:]) == {"-a killed", "-b killed", "-c killed"}


def test_C19_a_brutal_kill_does_not_ask(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a", shutdown=BRUTAL_KILL), nursery.spec("b"))
    a = child(ref, "a")
    nursery.take()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    assert why(a) == "killed"
    assert nursery.take() == ["-b shutdown", "-a killed"]


def test_C20_ten_dynamic_children_are_killed_without_being_asked(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    all = [start_child(ref, nursery.spec(id, shutdown=BRUTAL_KILL)) for id in "abcdefghij"]
    nursery.take()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    assert [why(each) for each in all if each] == ["killed"] * 10


@pytest.mark.parametrize("how", ["normal", "shutdown", "detail", "abnormal"])
@pytest.mark.parametrize("restart", list(Restart))
def test_C21_who_ends_by_itself_during_the_shutdown_keeps_its_reason(
    nursery: Nursery, restart: Restart, how: str
) -> None:
    def takes_a_along(actor: Any) -> None:
        actor.terminate = lambda reason: end_ref(a, how)

    ref = nursery.start(nursery.spec("a", restart), nursery.spec("b"))
    a = child(ref, "a")
    child(ref, "b").ask(takes_a_along)
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    assert why(a) == how
    assert "+a" not in nursery.take()[2:]


@pytest.mark.parametrize("answer", ["normal", "shutdown", "detail", "abnormal"])
@pytest.mark.parametrize("restart", list(Restart))
def test_C22_dynamic_children_may_answer_a_shutdown_with_another_reason(
    nursery: Nursery, restart: Restart, answer: str
) -> None:
    ref = nursery.dynamic()
    for id in "ab":
        start_child(ref, nursery.spec(id, restart, answer=answer))
    nursery.take()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    assert sorted(nursery.take()) == [f"-a {answer}", f"-b {answer}"]


def test_C54_a_child_that_no_longer_tells_its_supervisor_does_not_hang_its_termination(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    a = child(ref, "a")
    a.ask(lambda actor: setattr(actor, "monitor", None))
    terminate_child(ref, "a", timeout=LIMIT)
    assert why(a) == "shutdown"


def test_C54_nor_one_that_has_died_without_a_word(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    a = child(ref, "a")
    a.ask(lambda actor: setattr(actor, "monitor", None))
    end_ref(a, "killed")
    terminate_child(ref, "a", timeout=LIMIT)
    assert states(ref) == "a down"


def test_a_supervisor_that_is_killed_while_it_waits_for_a_child_kills_that_child_too(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), nursery.spec("b", answer="never", shutdown=INFINITY))
    a, b = child(ref, "a"), child(ref, "b")
    ref.shut_down(SHUTDOWN)
    while "asked b" not in nursery.journal.lines:
        gevent.sleep(0)
    ref.kill()
    assert [why(each) for each in (ref, a, b)] == ["killed"] * 3


def test_D13_a_sub_supervisor_that_is_killed_leaves_no_grandchild_behind(nursery: Nursery) -> None:
    grandchild = nursery.spec("a", answer="never", shutdown=INFINITY)
    ref = nursery.start(supervisor("s", [grandchild], restart=Restart.TEMPORARY))
    sub = child(ref, "s")
    a = child(sub, "a")
    sub.kill()
    assert why(a) == "killed"


def test_D13_a_supervisor_s_shutdown_is_infinity_so_that_its_children_have_their_time(nursery: Nursery) -> None:
    assert supervisor("s", []).shutdown is INFINITY
    ref = nursery.start()
    with pytest.raises(StartFailed, match="shutdown"):
        start_child(ref, supervisor("s", [], shutdown=1.0))  # it is no option


def test_C85_children_start_in_order_and_stop_in_the_reverse_also_in_a_rest_for_one(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("dbeac"), strategy=Strategy.REST_FOR_ONE)
    assert nursery.take() == ["+d", "+b", "+e", "+a", "+c"]
    end(ref, "e", "abnormal")
    assert nursery.take() == ["-e abnormal", "-c shutdown", "-a shutdown", "+e", "+a", "+c"]
    ref.shut_down(SHUTDOWN)
    why(ref)
    assert nursery.take() == [f"-{id} shutdown" for id in "caebd"]


# What is kept of children that are gone.


class Heavy:
    """Something that a child was started with."""


class Carrier(Child):
    def __init__(self, heavy: Heavy, *args: Any, **link: Any) -> None:
        super().__init__(*args, **link)


def carrier(nursery: Nursery, id: str, restart: Restart) -> tuple[Any, weakref.ref[Heavy]]:
    heavy = Heavy()
    spec = worker(id, Carrier, heavy, nursery.journal, [], "shutdown", restart=restart)
    return spec, weakref.ref(heavy)


@pytest.mark.parametrize("how", REASONS)
def test_C39_nothing_is_kept_of_what_a_temporary_dynamic_child_was_started_with(nursery: Nursery, how: str) -> None:
    ref = nursery.dynamic()
    spec, heavy = carrier(nursery, "a", Restart.TEMPORARY)
    a = start_child(ref, spec)
    assert a is not None
    end_ref(a, how)
    count_children(ref)
    del spec, a
    gc.collect()
    assert heavy() is None


@pytest.mark.parametrize("how", [*REASONS, "terminate"])
def test_C74_C75_spec_and_arguments_of_a_temporary_child_go_with_it(
    nursery: Nursery, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    ref = nursery.start()
    spec, heavy = carrier(nursery, "a", Restart.TEMPORARY)
    start_child(ref, spec)
    if how == "terminate":
        terminate_child(ref, "a")
    else:
        end(ref, "a", how)
    assert states(ref) == ""
    del spec
    caplog.clear()  # a crash is logged with its traceback
    gc.collect()
    assert heavy() is None


# Terminating one dynamic child.


def test_C80_terminating_a_dynamic_child_ends_its_retry_loop(nursery: Nursery) -> None:
    ref = nursery.dynamic(intensity=10_000)
    a = start_child(ref, nursery.spec("a"))
    assert a is not None
    nursery.script("a", *["error"] * 10_000)
    end_ref(a, "abnormal")
    assert children(ref)["a"].is_restarting
    assert count_children(ref) == (1, 0, 0, 1)
    ref.ask(TerminateRef(a))
    assert which_children(ref) == []
    assert start_child(ref, nursery.spec("b")) is not None


def test_C24_a_dynamic_child_is_terminated_by_its_ref_dead_or_alive(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    a = start_child(ref, nursery.spec("a", Restart.TEMPORARY))
    ref.ask(TerminateRef(a))
    ref.ask(TerminateRef(a))
    assert refs(ref) == {}
    stranger = DynamicSupervisor.start_link()
    with pytest.raises(ChildNotFound):
        ref.ask(TerminateRef(stranger))
    assert stranger.is_alive()
    stranger.stop()


def test_a_restarting_child_cannot_be_deleted_nor_restarted_C78(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), nursery.spec("b"), intensity=10_000)
    nursery.script("a", *["error"] * 10_000)
    b = child(ref, "b")
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting, b"
    for call in (delete_child, restart_child):
        with pytest.raises(ChildRestarting):
            call(ref, "a")
    with pytest.raises(ChildAlreadyPresent):
        start_child(ref, nursery.spec("a"))
    assert count_children(ref) == (2, 1, 0, 2)
    terminate_child(ref, "a")
    assert states(ref) == "a down, b"
    assert child(ref, "b") is b
