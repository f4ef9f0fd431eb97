"""The log throttle: a flood of one kind is one line a second, with the number of those that were left out."""

from __future__ import annotations

import logging

import pytest

from nuphar.actors.runtime.log_throttle import LineKind, Throttle, ThrottledLogger, tell_left_out

KIND = LineKind("nuphar.test", logging.WARNING, "%s is refused")
OTHER = LineKind("nuphar.test", logging.WARNING, "%s is closed")


class Clock:
    """Time that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle() -> Throttle:
    return Throttle()


@pytest.fixture
def log(clock: Clock, throttle: Throttle) -> ThrottledLogger:
    return ThrottledLogger("nuphar.test", throttle, clock)


def raise_here(text: str) -> None:
    raise ValueError(text)


def raise_there(text: str) -> None:
    raise ValueError(text)


def test_one_line_of_a_kind_is_written_each_second_with_the_number_of_the_others() -> None:
    throttle = Throttle(interval=1.0)
    assert [throttle.admit(10.0 + n / 10, KIND) for n in range(10)] == [0] + [None] * 9
    assert throttle.admit(11.0, KIND) == 9
    assert throttle.admit(12.5, KIND) == 0


def test_a_flood_of_one_kind_hides_no_other() -> None:
    throttle = Throttle()
    assert throttle.admit(10.0, KIND) == 0
    assert throttle.admit(10.0, KIND) is None
    assert throttle.admit(10.0, OTHER) == 0


def test_what_was_left_out_last_is_told_once_when_its_second_is_over() -> None:
    throttle = Throttle()
    for _ in range(5):
        throttle.admit(10.0, KIND)
    assert throttle.take_left_out(10.5) == []
    assert throttle.take_left_out(11.0) == [(KIND, 4)]
    assert throttle.take_left_out(20.0) == []


def test_kinds_without_end_do_not_fill_the_memory() -> None:
    throttle = Throttle(kinds=3)
    for n in range(10):
        assert throttle.admit(10.0, KIND._replace(text=str(n))) == 0
    assert len(throttle._written_at) <= 3


def test_a_throttled_logger_writes_the_first_line_and_then_the_count(
    log: ThrottledLogger, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(1_000):
        log.warning("%s is refused: %s", f"client {n}", "its frame is too long")
    clock.now += 1.0
    log.warning("%s is refused: %s", "the last client", "its frame is too long")
    assert [record.getMessage() for record in caplog.records] == [
        "client 0 is refused: its frame is too long",
        "the last client is refused: its frame is too long (and 999 more like it before)",
    ]
    assert caplog.records[0].filename == "test_log_throttle.py"
    assert caplog.records[0].funcName.startswith("test_a_throttled_logger")


def test_the_end_of_a_flood_is_told_by_the_next_tick(
    log: ThrottledLogger, clock: Clock, throttle: Throttle, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        log.warning("%s is refused", "a client")
    tell_left_out(clock.now + 1.0, throttle)
    assert [record.getMessage() for record in caplog.records] == [
        "a client is refused",
        "2 more lines like this were left out: %s is refused",
    ]


def test_errors_of_different_places_are_different_kinds(log: ThrottledLogger, caplog: pytest.LogCaptureFixture) -> None:
    for raiser in (raise_here, raise_here, raise_there):
        try:
            raiser("no")
        except ValueError as error:
            log.error("it crashed", exc_info=error)
    assert [record.exc_info and record.exc_info[2].tb_next.tb_frame.f_code.co_name for record in caplog.records] == [
        "raise_here",
        "raise_there",
    ]


def test_the_error_in_hand_is_the_one_that_is_logged(log: ThrottledLogger, caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise_here("a certain reason")
    except ValueError:
        log.exception("it crashed")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "a certain reason" in caplog.text


def test_the_traceback_in_the_log_has_at_most_twenty_frames(
    log: ThrottledLogger, caplog: pytest.LogCaptureFixture
) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise_here("at the bottom")

    try:
        deep(200)
    except ValueError as error:
        log.error("it crashed", exc_info=error)
    text = logging.Formatter().format(caplog.records[0])
    assert "at the bottom" in text
    assert 1 < text.count('  File "') <= 20


def test_a_level_that_is_off_costs_no_line_of_another(log: ThrottledLogger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "nuphar.test")
    log.debug("it is so")
    assert caplog.records == []
    caplog.set_level(logging.DEBUG, "nuphar.test")
    log.debug("it is so")
    log.log(logging.INFO, "it is so")
    assert [record.levelno for record in caplog.records] == [logging.DEBUG, logging.INFO]
