"""OTP's cases of counting, of scale, and of what is reported."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from conformance.otp.nursery import (
    REASONS,
    TINY,
    Nursery,
    child,
    end,
    end_ref,
    open_nursery,
    reports,
    settle,
    states,
    why,
)

from nuphar.actors import SHUTDOWN, Actor, Crashed, Ref
from nuphar.actors.words.exit_reasons import Killed
from nuphar.supervision import (
    Restart,
    StartFailed,
    Strategy,
    Supervisor,
    count_children,
    start_child,
    supervisor,
    terminate_child,
    worker,
)
from nuphar.supervision.otp.dynamic import TerminateRef
from nuphar.supervision.otp.reports import LONGEST_REPORT, report


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


def idle(id: str, restart: Restart = Restart.TEMPORARY, **options: Any) -> Any:
    return worker(id, Actor, restart=restart, **options)


def test_C70_a_thousand_children_and_a_thousand_more_are_counted_exactly(nursery: Nursery) -> None:
    ref = nursery.dynamic()
    all = [start_child(ref, idle(str(n))) for n in range(1_000)]
    assert count_children(ref) == (1_000, 1_000, 0, 1_000)
    all += [start_child(ref, idle(str(n))) for n in range(1_000, 2_000)]
    assert count_children(ref) == (2_000, 2_000, 0, 2_000)
    for each in all:
        assert each is not None
        each.kill()
    for each in all:
        assert each is not None
        why(each)
    assert count_children(ref) == (0, 0, 0, 0)


def test_C71_supervisors_are_counted_apart(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), *[supervisor(f"s{n}", []) for n in range(20)])
    assert count_children(ref) == (21, 21, 20, 1)
    terminate_child(ref, "s3")
    assert count_children(ref) == (21, 20, 20, 1)


@pytest.mark.parametrize("is_dynamic", [False, True])
def test_C72_a_child_in_its_retry_loop_is_counted_but_not_as_active(nursery: Nursery, is_dynamic: bool) -> None:
    specs = nursery.specs("ab")
    ref = nursery.dynamic(*specs, intensity=10_000) if is_dynamic else nursery.start(*specs, intensity=10_000)
    nursery.script("a", *["error"] * 10_000)
    end_ref(child(ref, "a"), "abnormal")
    assert count_children(ref) == (2, 1, 0, 2)


def seconds_to_terminate(nursery: Nursery, count: int) -> float:
    ref = nursery.dynamic()
    all = [start_child(ref, idle(f"{count}.{n}")) for n in range(count)]
    began = time.perf_counter()
    for each in all:
        ref.ask(TerminateRef(each))
    assert count_children(ref) == (0, 0, 0, 0)
    return time.perf_counter() - began


def test_C76_ten_times_the_temporary_children_take_no_fifty_times_as_long_to_terminate(nursery: Nursery) -> None:
    few = seconds_to_terminate(nursery, 300)
    assert seconds_to_terminate(nursery, 3_000) < 50 * few + 1.0


def test_C86_static_children_start_and_stop_in_linear_time(nursery: Nursery) -> None:
    def seconds(count: int) -> float:
        specs = [idle(str(n), Restart.PERMANENT) for n in range(count)]
        began = time.perf_counter()
        ref = nursery.start(*specs, timeout=30.0)
        ref.shut_down(SHUTDOWN)
        assert why(ref) == "shutdown"
        return time.perf_counter() - began

    few = seconds(300)
    assert seconds(3_000) < 10 * 10 * few + 1.0


# Reports.


def test_C87_D11_a_report_has_otp_s_fields(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    ref = nursery.start(nursery.spec("a", shutdown=2.0))
    a = child(ref, "a")
    end(ref, "a", "killed")
    (record,) = [each for each in caplog.records if each.name == "nuphar.supervision"]
    assert record.__dict__["report"] == {
        "supervisor": "top",
        "context": "child_terminated",
        "reason": Killed(),
        "offender": {"id": "a", "ref": a, "restart": "permanent", "shutdown": 2.0, "type": "worker"},
    }


def test_C87_C88_a_report_is_one_line_of_bounded_length_with_the_traceback_beside_it(
    nursery: Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("x" * 10_000)
    report("child_terminated", "top", Crashed(error), nursery.spec("a"))
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith("supervisor top: child_terminated of a (permanent): Crashed(error=ValueError('xxx")
    assert len(text) <= LONGEST_REPORT + 100
    assert "\n" not in text
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_D11_each_context_is_reported(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    ref = nursery.start(nursery.spec("a", answer="abnormal"), nursery.spec("b"), intensity=1)
    nursery.script("b", "error")
    end_ref(child(ref, "b"), "abnormal")
    assert why(ref) == "shutdown"
    assert reports(caplog) == [
        ("child_terminated", "b", "abnormal"),
        ("start_error", "b", "broken"),
        ("shutdown", "b", "reached_max_restart_intensity"),
        ("shutdown_error", "a", "abnormal"),
    ]


def test_D11_a_failed_start_of_the_supervisor_is_reported(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    nursery.script("b", "error")
    with pytest.raises(StartFailed):
        nursery.start(*nursery.specs("ab"))
    assert reports(caplog) == [("start_error", "b", "broken")]


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
@pytest.mark.parametrize("how", REASONS)
def test_D11_an_orderly_end_of_a_child_that_may_end_is_no_report(
    nursery: Nursery, restart: Restart, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    ref = nursery.start(nursery.spec("a", restart))
    end(ref, "a", how)
    expected = [] if how in ("normal", "shutdown", "detail") else [("child_terminated", "a", how)]
    assert reports(caplog) == expected


@pytest.mark.parametrize("is_dynamic", [False, True])
@pytest.mark.parametrize("restart", list(Restart))
@pytest.mark.parametrize("answer", ["normal", "shutdown", "detail", "abnormal", "never"])
def test_D09_D10_an_answer_to_a_shutdown_that_was_not_asked_for_is_reported(
    nursery: Nursery, is_dynamic: bool, restart: Restart, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    spec = nursery.spec("a", restart, answer=answer, shutdown=TINY if answer == "never" else 5.0)
    ref = nursery.dynamic(spec) if is_dynamic else nursery.start(spec)
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
    reason = "killed" if answer == "never" else answer
    is_fault = answer in ("abnormal", "never") or (restart is Restart.PERMANENT and answer in ("normal", "detail"))
    assert reports(caplog) == ([("shutdown_error", "a", reason)] if is_fault else [])


def test_D11_a_start_is_told_as_progress(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="nuphar.supervision"):
        nursery.start(nursery.spec("a"))
    assert "supervisor top: started a" in caplog.text


def test_D05_a_group_restart_counts_once_and_each_failed_try_once_more(nursery: Nursery) -> None:
    ref = nursery.start(*nursery.specs("abc"), strategy=Strategy.ONE_FOR_ALL, intensity=3)
    nursery.script("c", "error", "error")
    end(ref, "a", "abnormal")
    settle(ref)
    assert states(ref) == "a, b, c"
    end(ref, "a", "abnormal")
    assert why(ref) == "shutdown"


def test_D02_children_end_with_a_supervisor_that_is_killed(nursery: Nursery) -> None:
    ref: Ref[Supervisor] = nursery.start(nursery.spec("a"), supervisor("s", [nursery.spec("b")]))
    a, b = child(ref, "a"), child(child(ref, "s"), "b")
    ref.kill()
    assert [why(each) for each in (ref, a, b)] == ["killed"] * 3
