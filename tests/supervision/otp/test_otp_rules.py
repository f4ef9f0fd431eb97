"""What OTP's documentation and source say besides its own cases."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from conformance.otp.nursery import Nursery, child, end, end_ref, open_nursery, refs, settle, states, why
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors import Ref
from nuphar.supervision import (
    ChildAlreadyStarted,
    ChildSpec,
    ChildType,
    Restart,
    Strategy,
    Supervisor,
    count_children,
    start_child,
    supervisor,
    terminate_child,
)
from nuphar.supervision.otp.administration import CountChildren
from nuphar.supervision.otp.policy import Intensity

pytestmark = pytest.mark.usefixtures("caplog")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


def test_D02_an_id_that_is_taken_says_by_whom(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    with pytest.raises(ChildAlreadyStarted) as caught:
        start_child(ref, nursery.spec("a"))
    assert caught.value.ref is child(ref, "a")


def test_D03_the_defaults_are_one_restart_in_five_seconds() -> None:
    parameters = inspect.signature(Supervisor.__init__).parameters
    assert (parameters["intensity"].default, parameters["period"].default) == (1, 5.0)
    assert (Intensity().intensity, Intensity().period) == (1, 5.0)


def test_D03_it_ends_when_there_are_more_restarts_than_that(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), intensity=3)
    for _ in range(3):
        end(ref, "a", "abnormal")
        assert states(ref) == "a"
    end(ref, "a", "abnormal")
    assert why(ref) == "shutdown"


def test_D04_a_restart_exactly_one_period_ago_counts_still(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), intensity=1, period=5.0)
    end(ref, "a", "abnormal")
    nursery.clock.now = 5.0
    end(ref, "a", "abnormal")
    assert why(ref) == "shutdown"


def test_D04_and_one_that_is_just_older_does_not(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), intensity=1, period=5.0)
    end(ref, "a", "abnormal")
    nursery.clock.now = 5.001
    end(ref, "a", "abnormal")
    assert states(ref) == "a"


def test_D04_the_count_belongs_to_the_supervisor_and_not_to_a_child(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"), intensity=1)
    end(ref, "a", "abnormal")
    end(ref, "b", "abnormal")
    assert why(ref) == "shutdown"


@given(
    intensity=st.integers(0, 4),
    period=st.integers(1, 10),
    waits=st.lists(st.integers(0, 12), max_size=30),
)
def test_D04_a_window_is_what_otp_computes(intensity: int, period: int, waits: list[int]) -> None:
    ours, kept, now = Intensity(intensity, float(period)), [], 0
    for wait in waits:
        now += wait
        kept = [then for then in [now, *kept] if then >= now - period]
        assert ours.allow(float(now)) is (len(kept) <= intensity)


def test_D06_with_an_intensity_of_0_the_first_crash_ends_it(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"), intensity=0)
    end(ref, "a", "abnormal")
    assert why(ref) == "shutdown"


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_D07_a_group_restart_starts_finished_and_terminated_ones_again_and_drops_temporary_ones(
    nursery: Nursery, strategy: Strategy
) -> None:
    ref = nursery.start(
        nursery.spec("a"),
        nursery.spec("b", Restart.TRANSIENT),
        nursery.spec("c"),
        nursery.spec("d", Restart.TEMPORARY),
        strategy=strategy,
    )
    end(ref, "b", "normal")
    terminate_child(ref, "c")
    end(ref, "a", "abnormal")
    assert states(ref) == "a, b, c"


def test_D08_a_failed_restart_waits_behind_the_calls_that_are_there_already(nursery: Nursery) -> None:
    ref: Ref[Supervisor]
    answers: list[Any] = []

    def ask_meanwhile() -> str:
        answers.append(ref.ask(CountChildren(), block=False))
        return "error"

    ref = nursery.start(*nursery.specs("ab"))
    nursery.script("a", ask_meanwhile, lambda: answers.append(answers.pop().get(timeout=0)) or "ok")
    end(ref, "a", "abnormal")
    assert answers == [(2, 1, 0, 2)]  # given before the second try
    assert states(ref) == "a, b"


def test_D08_there_is_no_back_off_unless_a_spec_asks_for_one(nursery: Nursery) -> None:
    spec = nursery.spec("a")
    assert spec.backoff is None
    ref = nursery.start(spec)
    nursery.script("a", "error", "error")
    end(ref, "a", "abnormal")  # the clock stands still, so a delay would never end
    assert states(ref) == "a"


def test_D12_an_unknown_message_is_logged_and_nothing_else(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    ref = nursery.start(nursery.spec("a"))
    before = refs(ref)
    ref.tell({"what": "is this"})
    assert refs(ref) == before
    assert "unknown message: {'what': 'is this'}" in caplog.text


def test_D12_the_end_of_a_stranger_is_nothing_to_a_supervisor(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    stranger = nursery.spec("b").start(ref)
    assert stranger is not None
    end_ref(stranger, "abnormal")
    assert states(ref) == "a"


def test_D13_a_spec_may_give_a_supervisor_less_time_as_in_otp_and_its_children_are_killed_with_it(
    nursery: Nursery,
) -> None:
    inner = nursery.spec("a", answer="never", shutdown=None)

    def start(monitor: Ref[Supervisor]) -> Ref[Supervisor]:
        return Supervisor.start_link([inner], monitor=monitor, name="sub")

    ref = nursery.start(ChildSpec("sub", start, shutdown=0.01, type=ChildType.SUPERVISOR))
    a = child(child(ref, "sub"), "a")
    terminate_child(ref, "sub")
    assert why(a) == "killed"


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.PERMANENT])
def test_D18_a_transient_supervisor_that_gives_up_stays_down(nursery: Nursery, restart: Restart) -> None:
    ref = nursery.start(supervisor("sub", [nursery.spec("a")], restart=restart, intensity=0))
    sub = child(ref, "sub")
    end(sub, "a", "abnormal")
    assert why(sub) == "shutdown"
    settle(ref)
    assert states(ref) == ("sub" if restart is Restart.PERMANENT else "sub down")


def test_D03_siblings_of_a_supervisor_that_gives_up_are_left_alone(nursery: Nursery) -> None:
    ref = nursery.start(supervisor("sub", [nursery.spec("a")], intensity=0), nursery.spec("b"))
    b = child(ref, "b")
    end(child(ref, "sub"), "a", "abnormal")
    settle(ref)
    assert child(ref, "b") is b
    assert count_children(ref).active == 2


def test_D18_a_transient_supervisor_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    supervisor("sub", [], restart=Restart.TRANSIENT)
    assert "the supervisor 'sub' is transient" in caplog.text
