"""OTP's cases of significant children: which ends of theirs end their supervisor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance.otp.nursery import REASONS, Nursery, child, end, end_ref, open_nursery, settle, states, why

from nuphar.actors import Ref
from nuphar.supervision import (
    AutoShutdown,
    ChildSpec,
    ChildType,
    InvalidChildSpec,
    Restart,
    Strategy,
    Supervisor,
    start_child,
    terminate_child,
)

pytestmark = pytest.mark.usefixtures("caplog")

NEVER, ANY, EVERY = AutoShutdown.NEVER, AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT
ORDERLY = ("normal", "shutdown", "detail")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


@pytest.mark.parametrize("how", REASONS)
@pytest.mark.parametrize("auto_shutdown", list(AutoShutdown))
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_C56_C57_the_end_of_one_that_is_not_significant_ends_nobody_else(
    nursery: Nursery, auto_shutdown: AutoShutdown, restart: Restart, how: str
) -> None:
    ref = nursery.start(nursery.spec("a", restart), nursery.spec("b"), auto_shutdown=auto_shutdown)
    b = child(ref, "b")
    end(ref, "a", how)
    assert child(ref, "b") is b


@pytest.mark.parametrize("how", REASONS)
def test_C58_any_end_of_a_temporary_significant_child_by_itself_ends_the_supervisor(nursery: Nursery, how: str) -> None:
    ref = nursery.start(nursery.spec("a"), nursery.spec("b", Restart.TEMPORARY, significant=True), auto_shutdown=ANY)
    end(ref, "b", how)
    assert why(ref) == "shutdown"
    assert nursery.take()[2:] == [f"-b {how}", "-a shutdown"]


@pytest.mark.parametrize("auto_shutdown", [ANY, EVERY])
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_C58_C59_terminating_a_significant_child_ends_nobody_else(
    nursery: Nursery, auto_shutdown: AutoShutdown, restart: Restart
) -> None:
    ref = nursery.start(nursery.spec("a", restart, significant=True), nursery.spec("b"), auto_shutdown=auto_shutdown)
    terminate_child(ref, "a")
    assert states(ref) == ("b" if restart is Restart.TEMPORARY else "a down, b")


@pytest.mark.parametrize("how", REASONS)
def test_C59_only_an_orderly_end_of_a_transient_significant_child_ends_the_supervisor(
    nursery: Nursery, how: str
) -> None:
    ref = nursery.start(nursery.spec("a", Restart.TRANSIENT, significant=True), nursery.spec("b"), auto_shutdown=ANY)
    end(ref, "a", how)
    if how in ORDERLY:
        assert why(ref) == "shutdown"
    else:
        assert states(ref) == "a, b"


@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_C58_C59_with_all_significant_the_last_one_ends_the_supervisor(nursery: Nursery, restart: Restart) -> None:
    ref = nursery.start(
        nursery.spec("a", restart, significant=True),
        nursery.spec("b"),
        nursery.spec("c", restart, significant=True),
        auto_shutdown=EVERY,
    )
    end(ref, "a", "normal")
    assert "b, c" in states(ref)
    end(ref, "c", "normal")
    assert why(ref) == "shutdown"


def test_C59_a_significant_child_that_is_being_restarted_has_not_ended(nursery: Nursery) -> None:
    ref = nursery.start(
        nursery.spec("a", Restart.TRANSIENT, significant=True),
        nursery.spec("b", Restart.TRANSIENT, significant=True),
        auto_shutdown=EVERY,
        intensity=10_000,
    )
    b = child(ref, "b")
    nursery.script("a", *["error"] * 10_000)
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting, b"
    end_ref(b, "normal")
    assert states(ref) == "a restarting, b down"
    nursery.script("a")
    settle(ref)
    assert states(ref) == "a, b down"


def test_C60_dynamic_children_may_be_significant(nursery: Nursery) -> None:
    for auto_shutdown, is_over in ((ANY, True), (EVERY, False)):
        ref = nursery.dynamic(auto_shutdown=auto_shutdown)
        for id in "ab":
            start_child(ref, nursery.spec(id, Restart.TRANSIENT, significant=True))
        end(ref, "a", "normal")
        if is_over:
            assert why(ref) == "shutdown"
        else:
            assert states(ref) == "b"
            end(ref, "b", "normal")
            assert why(ref) == "shutdown"


def test_C60_a_dynamic_supervisor_that_never_shuts_down_refuses_them_later_and_ignores_them_earlier(
    nursery: Nursery,
) -> None:
    ref = nursery.dynamic(nursery.spec("a", Restart.TEMPORARY, significant=True), auto_shutdown=NEVER)
    with pytest.raises(InvalidChildSpec, match="auto_shutdown"):
        start_child(ref, nursery.spec("b", Restart.TEMPORARY, significant=True))
    end(ref, "a", "normal")
    assert states(ref) == ""


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
@pytest.mark.parametrize("auto_shutdown", [ANY, EVERY])
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_C61_a_significant_bystander_that_is_stopped_with_a_group_ends_nobody_else(
    nursery: Nursery, strategy: Strategy, auto_shutdown: AutoShutdown, restart: Restart
) -> None:
    ref = nursery.start(
        nursery.spec("a"),
        nursery.spec("b", restart, significant=True),
        strategy=strategy,
        auto_shutdown=auto_shutdown,
    )
    end(ref, "a", "abnormal")
    assert states(ref) == ("a" if restart is Restart.TEMPORARY else "a, b")


@pytest.mark.parametrize("is_significant", [True, False])
def test_C62_an_auto_shutdown_cascades_only_through_significant_supervisors(
    nursery: Nursery, is_significant: bool
) -> None:
    inner = nursery.spec("leaf", Restart.TRANSIENT, significant=True)

    def start(monitor: Ref[Supervisor]) -> Ref[Supervisor]:
        return Supervisor.start_link([inner], auto_shutdown=ANY, monitor=monitor, name="sub")

    sub = ChildSpec("sub", start, Restart.TRANSIENT, None, ChildType.SUPERVISOR, is_significant)
    ref = nursery.start(sub, nursery.spec("b"), auto_shutdown=ANY)
    sub_ref = child(ref, "sub")
    end(sub_ref, "leaf", "normal")
    assert why(sub_ref) == "shutdown"
    settle(ref)
    if is_significant:
        assert why(ref) == "shutdown"
    else:
        assert states(ref) == "sub down, b"
