"""OTP's cases of restarts: who is restarted with whom, what is counted, and who is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance.otp.nursery import (
    REASONS,
    Nursery,
    child,
    children,
    end,
    end_ref,
    open_nursery,
    refs,
    settle,
    states,
    why,
)

from nuphar.supervision import (
    ChildInfo,
    Restart,
    Strategy,
    count_children,
    start_child,
    supervisor,
    terminate_child,
)
from nuphar.supervision.otp.supervisor import Supervisor

pytestmark = pytest.mark.usefixtures("caplog")

ALL, REST, ONE = Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ONE


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


def test_C29_restarts_that_are_far_enough_apart_never_trip_the_intensity(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), intensity=1, period=1.0)
    for _ in range(4):
        end(ref, "a", "abnormal")
        assert states(ref) == "a"
        nursery.clock.now += 2.1


def test_C30_one_for_one(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"), intensity=2)
    before = refs(ref)
    end(ref, "a", "abnormal")
    after = refs(ref)
    assert after["b"] is before["b"]
    assert after["a"] is not before["a"]
    end(ref, "a", "abnormal")
    end(ref, "a", "abnormal")
    assert why(ref) == "shutdown"
    assert nursery.take()[-2:] == ["-a abnormal", "-b shutdown"]


@pytest.mark.parametrize(("test", "strategy"), [("C31", ONE), ("C41", REST)])
def test_C31_C41_failed_tries_consume_the_intensity(nursery: Nursery, test: str, strategy: Strategy) -> None:
    ref = nursery.start(*nursery.specs("ab"), intensity=4, strategy=strategy)
    nursery.script("b", *["error"] * 100)
    nursery.take()
    end_ref(child(ref, "b"), "abnormal")
    assert why(ref) == "shutdown"
    assert nursery.take() == ["-b abnormal"] + ["!b"] * 4 + ["-a shutdown"]


def test_C32_one_for_all(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("abc"), strategy=ALL, intensity=1)
    before = refs(ref)
    nursery.take()
    end(ref, "b", "abnormal")
    assert nursery.take() == ["-b abnormal", "-c shutdown", "-a shutdown", "+a", "+b", "+c"]
    assert not any(before[id] is after for id, after in refs(ref).items())
    end(ref, "b", "abnormal")
    assert why(ref) == "shutdown"


def test_C33_one_for_all_escalation(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"), strategy=ALL, intensity=4)
    nursery.script("b", *["error"] * 100)
    end_ref(child(ref, "a"), "abnormal")
    assert why(ref) == "shutdown"


def test_C34_when_another_child_fails_the_one_before_it_is_terminated_again(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"), strategy=ALL)
    nursery.script("b", "error")
    nursery.take()
    end(ref, "a", "abnormal")
    assert nursery.take() == ["-a abnormal", "-b shutdown", "+a", "!b", "-a shutdown", "+a", "+b"]


def test_C35_dynamic_children_that_share_an_intensity_share_it_all(nursery: Nursery) -> None:
    ref = nursery.dynamic(intensity=2)
    for id in "abc":
        start_child(ref, nursery.spec(id))
    for id in "abc":
        b = child(ref, "b")
        end(ref, id, "abnormal")
        if id == "a":
            assert child(ref, "b") is b
    assert why(ref) == "shutdown"
    assert nursery.journal.running == set()


def test_C38_a_dynamic_child_that_keeps_failing_to_start_escalates(nursery: Nursery) -> None:
    ref = nursery.dynamic(intensity=4)
    start_child(ref, nursery.spec("a"))
    start_child(ref, nursery.spec("b"))
    nursery.script("b", *["error"] * 100)
    nursery.take()
    end_ref(child(ref, "b"), "abnormal")
    assert why(ref) == "shutdown"
    assert nursery.take() == ["-b abnormal"] + ["!b"] * 4 + ["-a shutdown"]


def test_C40_rest_for_one(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("abc"), strategy=REST, intensity=2)
    before = refs(ref)
    nursery.take()
    end(ref, "b", "abnormal")
    after = refs(ref)
    assert nursery.take() == ["-b abnormal", "-c shutdown", "+b", "+c"]
    assert [after[id] is before[id] for id in "abc"] == [True, False, False]
    end(ref, "b", "abnormal")
    end(ref, "b", "abnormal")
    assert why(ref) == "shutdown"


def test_C42_when_another_child_fails_the_retry_goes_on_from_it(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("abc"), strategy=REST)
    nursery.script("c", "error")
    nursery.take()
    end(ref, "b", "abnormal")
    assert nursery.take() == ["-b abnormal", "-c shutdown", "+b", "!c", "+c"]
    assert states(ref) == "a, b, c"


NAMES = {
    ("normal", Restart.PERMANENT): "a",
    ("normal", Restart.TRANSIENT): "a down",
    ("normal", Restart.TEMPORARY): "",
    ("abnormal", Restart.PERMANENT): "a",
    ("abnormal", Restart.TRANSIENT): "a",
    ("abnormal", Restart.TEMPORARY): "",
}


@pytest.mark.parametrize("restart", list(Restart))
def test_C43_C44_C45_a_normal_end(nursery: Nursery, restart: Restart) -> None:
    ends(nursery, restart, "normal")


@pytest.mark.parametrize("how", ["shutdown", "detail"])
@pytest.mark.parametrize("restart", list(Restart))
def test_C46_C47_C48_an_end_by_shutdown(nursery: Nursery, restart: Restart, how: str) -> None:
    ends(nursery, restart, how)


@pytest.mark.parametrize("how", ["abnormal", "killed"])
@pytest.mark.parametrize("restart", list(Restart))
def test_C50_C51_C52_an_abnormal_end(nursery: Nursery, restart: Restart, how: str) -> None:
    ends(nursery, restart, how)


def ends(nursery: Nursery, restart: Restart, how: str) -> None:
    ref = nursery.start(nursery.spec("a", restart))
    a = child(ref, "a")
    end(ref, "a", how)
    kind = "abnormal" if how in ("abnormal", "killed") else "normal"
    assert states(ref) == NAMES[kind, restart]
    if states(ref) == "a":
        assert child(ref, "a") is not a


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_C53_a_temporary_bystander_is_not_restarted_and_the_supervisor_lives(
    nursery: Nursery, strategy: Strategy
) -> None:
    ref = nursery.start(nursery.spec("a"), nursery.spec("b", Restart.TEMPORARY), strategy=strategy, intensity=1)
    nursery.take()
    end(ref, "a", "abnormal")
    assert nursery.take() == ["-a abnormal", "-b shutdown", "+a"]
    assert states(ref) == "a"


def test_C55_a_crash_of_a_leaf_stays_local(nursery: Nursery) -> None:
    ref, before = plant(nursery)
    sub = child(ref, "sub")
    end(sub, "leaf", "abnormal")
    assert child(ref, "sub") is sub
    assert child(ref, "dynamic") is before["dynamic"]


def test_C55_an_escalation_restarts_the_subtree_and_nothing_else(nursery: Nursery) -> None:
    ref, before = plant(nursery)
    sub = child(ref, "sub")
    nursery.take()
    end(sub, "leaf", "abnormal")
    end(sub, "leaf", "abnormal")
    assert why(sub) == "shutdown"
    settle(ref)
    assert nursery.take() == ["-leaf abnormal", "+leaf", "-leaf abnormal", "-twin shutdown", "+leaf", "+twin"]
    assert states(child(ref, "sub")) == "leaf, twin"
    assert child(ref, "dynamic") is before["dynamic"]


def test_C55_a_dynamic_supervisor_that_is_restarted_has_forgotten_its_children(nursery: Nursery) -> None:
    ref, before = plant(nursery)
    end(ref, "dynamic", "killed")
    assert count_children(child(ref, "dynamic")) == (0, 0, 0, 0)
    assert "-guest killed" in nursery.take()
    assert child(ref, "sub") is before["sub"]


def plant(nursery: Nursery) -> tuple[Supervisor, dict[str, object]]:
    sub = supervisor("sub", [nursery.spec("leaf"), nursery.spec("twin")], intensity=1)
    ref = nursery.start(sub, nursery.dynamic_spec("dynamic"))
    start_child(child(ref, "dynamic"), nursery.spec("guest"))
    return ref, refs(ref)


@pytest.mark.parametrize("how", REASONS)
def test_a_restarted_child_is_told_apart_from_the_one_before(nursery: Nursery, how: str) -> None:
    ref = nursery.start(nursery.spec("a"))
    a = child(ref, "a")
    end(ref, "a", how)
    info: ChildInfo = children(ref)["a"]
    assert info.child is not a
    assert not a.is_alive()


def test_D07_a_group_restart_starts_those_again_that_had_ended_or_were_terminated(nursery: Nursery) -> None:
    ref = nursery.start(
        nursery.spec("a"), nursery.spec("b", Restart.TRANSIENT), nursery.spec("c"), strategy=ALL, intensity=1
    )
    end(ref, "b", "normal")
    terminate_child(ref, "c")
    assert states(ref) == "a, b down, c down"
    end(ref, "a", "abnormal")
    assert states(ref) == "a, b, c"


def test_workers_and_supervisors_are_restarted_alike(nursery: Nursery) -> None:
    ref = nursery.start(supervisor("s", []), nursery.spec("w"), strategy=ALL)
    before = refs(ref)
    end(ref, "w", "killed")
    assert not any(before[id] is after for id, after in refs(ref).items())
