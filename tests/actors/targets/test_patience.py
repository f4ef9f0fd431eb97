"""How long a target waits for its log, pure."""

from __future__ import annotations

import pytest

from nuphar.actors.runtime.ref import Stop
from nuphar.actors.targets.patience import STOP, STOP_ALL, Patience
from nuphar.actors.words.exit_reasons import NORMAL, SHUTDOWN, Shutdown


def test_a_question_is_overdue_at_its_limit_and_not_before() -> None:
    patience = Patience()
    assert patience.wakes_at is None
    assert patience.ask(100.0, 5.0) == 1
    assert patience.wakes_at == 105.0
    assert not patience.is_overdue(104.9)
    assert patience.is_overdue(105.0)


def test_a_newer_question_has_a_limit_of_its_own() -> None:
    patience = Patience()
    patience.ask(100.0, 5.0)
    assert patience.ask(103.0, 5.0) == patience.asking == 2
    assert not patience.is_overdue(107.9)
    assert patience.is_overdue(108.0)


def test_nothing_is_overdue_while_nothing_is_asked() -> None:
    patience = Patience()
    for end in (patience.rest, patience.end):
        patience.ask(100.0, 5.0)
        end()
        assert patience.wakes_at is None
        assert not patience.is_overdue(1_000.0)


@pytest.mark.parametrize(
    ("reason", "wait"),
    [
        (NORMAL, STOP),
        (SHUTDOWN, STOP),
        (Shutdown(deadline=105.0), STOP_ALL),
        (Shutdown(deadline=100.5), 0.25),
        (Shutdown(deadline=99.0), 0.0),
        (Shutdown(deadline=float("inf")), STOP_ALL),
    ],
)
def test_a_stop_waits_for_less_than_who_stops_it(reason: Shutdown, wait: float) -> None:
    patience = Patience()
    stop = Stop(reason)
    patience.hold_stop(stop, reason, 100.0)
    assert patience.stop is stop
    assert patience.wakes_at == 100.0 + wait
    assert patience.has_to_stop(100.0 + wait)
    assert not patience.has_to_stop(100.0 + wait - 0.01)


def test_a_stop_that_has_to_wait_again_has_not_more_time_for_that() -> None:
    patience = Patience()
    first, again = Stop(SHUTDOWN), Stop(SHUTDOWN)
    patience.hold_stop(first, SHUTDOWN, 100.0)
    patience.hold_stop(again, SHUTDOWN, 103.0)
    assert patience.stop is first
    assert patience.wakes_at == 104.0
    patience.ask(103.0, 0.5)
    assert patience.wakes_at == 103.5


def test_of_several_who_stop_the_most_impatient_counts() -> None:
    patience = Patience()
    of_topic, of_server = Stop(SHUTDOWN), Stop(Shutdown(deadline=107.0))
    patience.hold_stop(of_topic, of_topic.reason, 100.0)
    patience.hold_stop(of_server, of_server.reason, 102.0)
    assert patience.stop is of_server
    assert patience.wakes_at == 102.0 + STOP_ALL
