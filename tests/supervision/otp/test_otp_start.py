"""OTP's cases of starting: what a start returns, and what is left of one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conformance.otp.nursery import Broken, Child, Nursery, child, children, end, open_nursery, settle, states, why

from nuphar.actors import NORMAL, SHUTDOWN, Actor, Ignore, Ref
from nuphar.supervision import (
    AutoShutdown,
    ChildNotFound,
    ChildSpec,
    ChildType,
    DynamicSupervisor,
    InvalidChildSpec,
    Restart,
    StartFailed,
    Supervisor,
    count_children,
    get_childspec,
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


def test_C01_start_returns_when_all_children_run_and_a_shutdown_ends_it(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"))
    assert nursery.take() == ["+a", "+b"]
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"


def test_C02_a_supervisor_that_is_ignored_is_not_restarted(nursery: Nursery) -> None:
    class Idle(Supervisor):
        def init(self) -> None:
            raise Ignore

    def start(monitor: Ref[Any]) -> Ref[Any] | None:
        try:
            return Idle.start_link([], monitor=monitor)
        except Ignore:
            return None

    ref = nursery.start(ChildSpec("idle", start, shutdown=None, type=ChildType.SUPERVISOR), nursery.spec("a"))
    assert states(ref) == "idle down, a"


def test_C03_an_ignored_child_keeps_its_spec_and_is_not_active(nursery: Nursery) -> None:
    nursery.script("a", "ignore")
    ref = nursery.start(nursery.spec("a"), nursery.spec("b"))
    assert states(ref) == "a down, b"
    assert count_children(ref) == (2, 1, 0, 2)


def test_C04_an_ignored_temporary_child_is_not_kept(nursery: Nursery) -> None:
    nursery.script("a", "ignore")
    ref = nursery.start(nursery.spec("a", Restart.TEMPORARY), nursery.spec("b"))
    assert states(ref) == "b"


def test_C05_an_ignored_temporary_child_that_is_added_is_not_kept(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("b"))
    nursery.script("a", "ignore")
    assert start_child(ref, nursery.spec("a", Restart.TEMPORARY)) is None
    assert states(ref) == "b"


@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.PERMANENT])
def test_C06_C07_an_ignored_dynamic_child_is_not_kept(nursery: Nursery, restart: Restart) -> None:
    ref = nursery.dynamic()
    nursery.script("a", "ignore")
    assert start_child(ref, nursery.spec("a", restart)) is None
    assert count_children(ref) == (0, 0, 0, 0)
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"


def test_C08_options_that_cannot_be_used_are_the_error_of_the_start() -> None:
    with pytest.raises(InvalidChildSpec, match="expected a ChildSpec, got 'garbage'"):
        Supervisor.start_link(["garbage"])


def test_C09_what_init_raises_is_the_error_of_the_start() -> None:
    class Raises(Supervisor):
        def init(self) -> None:
            raise Broken("in init")

    with pytest.raises(Broken, match="in init"):
        Raises.start_link([])


@pytest.mark.parametrize("returned", ["garbage", 17, Child])
def test_C10_a_start_that_returns_something_else_fails_and_its_spec_is_dropped(
    nursery: Nursery, returned: object
) -> None:
    ref = nursery.start()
    with pytest.raises(StartFailed, match=r"expected a Ref, \(Ref, info\) or None"):
        start_child(ref, ChildSpec("a", lambda monitor: returned))
    assert states(ref) == ""


def test_C10_a_start_that_raises_fails_and_its_spec_is_dropped(nursery: Nursery) -> None:
    ref = nursery.start()
    nursery.script("a", "error")
    with pytest.raises(StartFailed, match="Broken") as caught:
        start_child(ref, nursery.spec("a"))
    assert isinstance(caught.value.__cause__, Broken)
    assert states(ref) == ""


def test_C11_a_failed_restart_by_hand_keeps_the_spec(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    terminate_child(ref, "a")
    nursery.script("a", "error")
    with pytest.raises(StartFailed, match="Broken"):
        restart_child(ref, "a")
    assert states(ref) == "a down"
    assert restart_child(ref, "a") is children(ref)["a"].child


def test_C12_a_dynamic_child_that_fails_to_start_says_why_and_is_not_kept(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    nursery.script("a", "error")
    with pytest.raises(StartFailed) as caught:
        start_child(ref, nursery.spec("a"))
    assert isinstance(caught.value.__cause__, Broken)
    assert which_children(ref) == []


def test_C13_the_defaults_of_a_spec_are_otp_s(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), supervisor("s", []))
    spec, sub = get_childspec(ref, "a"), get_childspec(ref, "s")
    assert (spec.restart, spec.shutdown, spec.type) == (Restart.PERMANENT, 5.0, ChildType.WORKER)
    assert (sub.restart, sub.shutdown, sub.type) == (Restart.PERMANENT, None, ChildType.SUPERVISOR)
    with pytest.raises(ChildNotFound, match="no child 'c'"):
        get_childspec(ref, "c")


def test_C14_a_stranger_is_no_child_of_a_dynamic_supervisor(nursery: Nursery) -> None:
    ref, stranger = nursery.dynamic(), Actor.start_link()
    assert nursery.spec("a").significant is False
    with pytest.raises(ChildNotFound):
        ref.ask(TerminateRef(stranger))
    assert stranger.is_alive()
    stranger.stop()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChildSpec("", lambda monitor: None),
        lambda: ChildSpec("b", None),  # type: ignore[arg-type]
        lambda: {"id": "b"},
    ],
    ids=["no id", "no start", "no spec"],
)
def test_C15_a_faulty_spec_is_refused_before_anything_is_started(nursery: Nursery, make: Any) -> None:
    with pytest.raises(InvalidChildSpec):
        nursery.start(nursery.spec("a"), make())
    assert nursery.take() == []


def test_C15_an_unknown_field_is_refused_unlike_otp() -> None:
    with pytest.raises(TypeError, match="colour"):
        worker("a", Actor, colour="red")


def test_D01_a_child_that_fails_stops_those_before_it_and_names_itself(nursery: Nursery) -> None:
    nursery.script("c", "error")
    with pytest.raises(StartFailed, match="'c'") as caught:
        nursery.start(*nursery.specs("abcd"))
    assert caught.value.child == "c"
    assert nursery.take() == ["+a", "+b", "!c", "-b shutdown", "-a shutdown"]


def test_C49_an_error_deep_in_the_tree_is_told_with_the_path_to_it(nursery: Nursery) -> None:
    nursery.script("leaf", "error")
    with pytest.raises(StartFailed) as caught:
        nursery.start(supervisor("outer", [supervisor("inner", [nursery.spec("leaf")])]))
    path, error = [], caught.value
    while isinstance(error, StartFailed):
        path.append(error.child)
        error = error.__cause__
    assert path == ["outer", "inner", "leaf"]
    assert isinstance(error, Broken)


def test_C26_each_field_that_cannot_be_used_is_named() -> None:
    def start(monitor: Any) -> None:
        return None

    faults: dict[str, Any] = {"start": 1, "restart": "sometimes", "shutdown": -10, "type": "thing", "significant": 1}
    for field, value in faults.items():
        with pytest.raises(InvalidChildSpec, match=f"a: {field}: expected"):
            ChildSpec(**{"id": "a", "start": start, field: value})
    with pytest.raises(InvalidChildSpec, match="id: expected"):
        ChildSpec(None, start)  # type: ignore[arg-type]
    legal = [
        ChildSpec("a", start, restart, shutdown, type)
        for restart in Restart
        for shutdown in (0.0, 0.5, 5.0, None)
        for type in ChildType
    ]
    assert len(legal) == 24


def test_C26_the_same_id_twice_is_refused(nursery: Nursery) -> None:
    with pytest.raises(InvalidChildSpec, match=r"\['a'\] several times"):
        nursery.start(*nursery.specs("aba"))
    assert nursery.take() == []


def test_C27_D16_only_a_significance_without_use_is_refused(nursery: Nursery) -> None:
    refused = set()
    for auto_shutdown in AutoShutdown:
        for restart in Restart:
            for significant in (True, False):
                for shutdown in (0.0, 0.5, None):
                    for type in ChildType:
                        options = {"shutdown": shutdown, "type": type, "significant": significant}
                        try:
                            ref = nursery.start(nursery.spec("a", restart, **options), auto_shutdown=auto_shutdown)
                            ref.shut_down(SHUTDOWN)
                        except InvalidChildSpec:
                            refused.add((auto_shutdown, restart, significant))
    assert refused == {
        (auto_shutdown, restart, True)
        for auto_shutdown in AutoShutdown
        for restart in Restart
        if auto_shutdown is AutoShutdown.NEVER or restart is Restart.PERMANENT
    }


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize(
    "options",
    [
        {"intensity": -1},
        {"intensity": float("inf")},
        {"intensity": True},
        {"intensity": 1, "period": 0},
        {"intensity": 1, "period": float("inf")},
        {"auto_shutdown": "sometimes"},
    ],
    ids=str,
)
def test_C28_each_option_that_cannot_be_used_is_refused(kind: Any, options: dict[str, Any]) -> None:
    first: Any = [] if kind is Supervisor else tuple
    with pytest.raises(InvalidChildSpec, match=f"{list(options)[-1]}: expected"):
        kind.start_link(first, **options)


def test_C28_a_strategy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidChildSpec, match="strategy: expected a Strategy, got 'two_for_one'"):
        Supervisor.start_link([], strategy="two_for_one")


def test_C28_an_unknown_option_is_refused_unlike_otp() -> None:
    with pytest.raises(TypeError, match="colour"):
        Supervisor.start_link([], colour="red")


def test_a_child_whose_restart_is_ignored_stays_down(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    nursery.script("a", "ignore")
    end(ref, "a", "abnormal")
    settle(ref)
    assert states(ref) == "a down"


def test_a_parent_that_ends_normally_shuts_its_children_down(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("ab"))
    ref.shut_down(NORMAL)
    assert why(ref) == "normal"
    assert nursery.take() == ["+a", "+b", "-b shutdown", "-a shutdown"]


def talkative(nursery: Nursery, info: object) -> ChildSpec:
    """Return the spec of a child whose start says more than its ref."""
    spec = nursery.spec("a")

    def start(monitor: Ref[Any]) -> Any:
        return spec.start(monitor), info

    return ChildSpec("a", start)


def test_C25_what_a_start_says_beside_its_ref_is_returned_and_the_child_is_restarted(nursery: Nursery) -> None:
    ref = nursery.start()
    a, info = start_child(ref, talkative(nursery, {"port": 17}))
    assert info == {"port": 17}
    assert child(ref, "a") is a
    terminate_child(ref, "a")
    again, info = restart_child(ref, "a")
    assert info == {"port": 17}
    assert again is not a
    end(ref, "a", "abnormal")
    assert child(ref, "a") not in (None, a, again)


def test_C37_a_dynamic_child_may_say_more_than_its_ref_and_is_restarted_too(nursery: Nursery) -> None:
    ref = nursery.dynamic(intensity=5)
    a, info = start_child(ref, talkative(nursery, "info"))
    assert info == "info"
    end(ref, "a", "abnormal")
    assert child(ref, "a") not in (None, a)
