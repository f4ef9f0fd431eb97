"""OTP's cases of the calls to a running supervisor."""

from __future__ import annotations

from collections.abc import Iterator

import pykka
import pytest
from conformance.otp.nursery import Nursery, child, children, end, end_ref, open_nursery, states, why

from nuphar.actors import SHUTDOWN
from nuphar.actors.words.errors import SupervisionError
from nuphar.supervision import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildInfo,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    ChildType,
    Restart,
    Strategy,
    count_children,
    delete_child,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from nuphar.supervision.otp.dynamic import TerminateRef

pytestmark = pytest.mark.usefixtures("caplog")

FOREVER = ["error"] * 10_000


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


def test_C23_a_child_is_added_terminated_restarted_and_deleted(nursery: Nursery) -> None:
    ref = nursery.start()
    a = start_child(ref, nursery.spec("a"))
    with pytest.raises(ChildAlreadyStarted) as caught:
        start_child(ref, nursery.spec("a"))
    assert caught.value.ref is a
    with pytest.raises(ChildRunning):
        restart_child(ref, "a")
    with pytest.raises(ChildRunning):
        delete_child(ref, "a")
    terminate_child(ref, "a")
    terminate_child(ref, "a")
    with pytest.raises(ChildAlreadyPresent):
        start_child(ref, nursery.spec("a"))
    again = restart_child(ref, "a")
    assert again is not None
    assert again is not a
    terminate_child(ref, "a")
    delete_child(ref, "a")
    for call in (terminate_child, restart_child, delete_child, get_childspec):
        with pytest.raises(ChildNotFound):
            call(ref, "a")
    assert nursery.take() == ["+a", "-a shutdown", "+a", "-a shutdown"]


def test_C23_a_call_to_a_dead_supervisor_raises(nursery: Nursery) -> None:
    ref = nursery.start()
    ref.shut_down(SHUTDOWN)
    why(ref)
    with pytest.raises(pykka.ActorDeadError):
        which_children(ref)


def test_C23_a_static_child_is_not_terminated_by_its_ref(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    ref = nursery.start(nursery.spec("a"))
    ref.ask(TerminateRef(child(ref, "a")))
    assert "unknown message" in caplog.text
    assert states(ref) == "a"


def test_C24_dynamic_children_are_not_restarted_deleted_or_terminated_by_id(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    start_child(ref, nursery.spec("a"))
    for call in (terminate_child, restart_child, delete_child, get_childspec):
        with pytest.raises(SupervisionError, match="terminate them by ref"):
            call(ref, "a")
    assert states(ref) == "a"


def test_C78_a_hanging_restart_loop_leaves_the_supervisor_responsive(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"), intensity=len(FOREVER))
    nursery.script("a", *FOREVER)
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting, b"
    with pytest.raises(ChildAlreadyPresent):
        start_child(ref, nursery.spec("a"))
    for call in (restart_child, delete_child):
        with pytest.raises(ChildRestarting):
            call(ref, "a")
    terminate_child(ref, "a")
    assert states(ref) == "a down, b"
    nursery.script("a")
    restart_child(ref, "a")
    assert states(ref) == "a, b"


def test_C78_a_hanging_restart_loop_does_not_hang_the_shutdown(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), intensity=len(FOREVER))
    nursery.script("a", *FOREVER)
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting"
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"


def test_C78_a_start_that_fails_without_a_switch_does_not_keep_others_from_running(nursery: Nursery) -> None:
    spec = nursery.spec("a")
    ref = nursery.start(spec, intensity=1_000_000)
    object.__setattr__(spec, "start", fails_at_once)
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting"
    terminate_child(ref, "a")
    assert states(ref) == "a down"


def fails_at_once(monitor: object) -> None:
    raise ValueError


def test_C79_in_a_rest_for_one_the_later_ones_are_down_while_one_is_retried(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("abc"), strategy=Strategy.REST_FOR_ONE, intensity=len(FOREVER))
    a = child(ref, "a")
    nursery.script("b", *FOREVER)
    end_ref(child(ref, "b"), "abnormal")
    assert states(ref) == "a, b restarting, c down"
    assert child(ref, "a") is a
    terminate_child(ref, "b")
    assert states(ref) == "a, b down, c down"


def test_C80_a_hanging_restart_loop_of_a_dynamic_child_leaves_the_others_alone(nursery: Nursery) -> None:
    ref = nursery.dynamic(intensity=len(FOREVER))
    a, b = start_child(ref, nursery.spec("a")), start_child(ref, nursery.spec("b"))
    assert a is not None
    nursery.script("a", *FOREVER)
    end_ref(a, "abnormal")
    assert states(ref) == "a restarting, b"
    assert start_child(ref, nursery.spec("c")) is not None
    assert child(ref, "b") is b
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"


def test_C80_a_dynamic_start_that_fails_without_a_switch_does_not_keep_others_from_running(nursery: Nursery) -> None:
    ref = nursery.dynamic(intensity=1_000_000)
    spec = nursery.spec("a")
    a = start_child(ref, spec)
    assert a is not None
    object.__setattr__(spec, "start", fails_at_once)
    end_ref(a, "abnormal")
    assert states(ref) == "a restarting"
    ref.ask(TerminateRef(a))
    assert states(ref) == ""


def test_D14_the_newest_child_comes_first_with_its_ref_or_whether_it_restarts(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("abc"), intensity=len(FOREVER))
    terminate_child(ref, "a")
    nursery.script("b", *FOREVER)
    end_ref(child(ref, "b"), "abnormal")
    assert which_children(ref) == [
        ChildInfo("c", child(ref, "c"), False, ChildType.WORKER),
        ChildInfo("b", None, True, ChildType.WORKER),
        ChildInfo("a", None, False, ChildType.WORKER),
    ]


def test_E07_a_bad_spec_is_refused_before_anybody_is_asked(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    ref.shut_down(SHUTDOWN)
    why(ref)
    with pytest.raises(SupervisionError, match="restart: expected"):
        start_child(ref, nursery.spec("a", "sometimes"))


def test_C75_terminating_a_temporary_child_deletes_its_spec(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a", Restart.TEMPORARY))
    terminate_child(ref, "a")
    assert children(ref) == {}


def test_C77_names_are_those_of_whoever_runs_now(nursery: Nursery) -> None:
    registry = nursery.journal
    ref = nursery.start(nursery.spec("a"))
    first = child(ref, "a")
    assert registry.whereis("a") is first
    end(ref, "a", "killed")
    second = child(ref, "a")
    assert registry.whereis("a") is second is not first
    end(ref, "a", "normal")
    assert registry.whereis("a") is child(ref, "a") is not second
    terminate_child(ref, "a")
    assert registry.whereis("a") is None
    restart_child(ref, "a")
    assert registry.whereis("a") is child(ref, "a")
    ref.kill()
    why(ref)
    assert registry.whereis("top") is None
    again = nursery.start(nursery.spec("a"))
    assert registry.whereis("top") is again
    assert count_children(again).active == 1
