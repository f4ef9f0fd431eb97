"""The owner of a loop: no end without a word."""

from __future__ import annotations

import logging
from http.client import BadStatusLine

import gevent
import pytest

from nuphar.transport.client.connectors.owner import owned, reason, said

ERRORS = [ValueError("bad"), UnicodeEncodeError("idna", "x", 0, 1, "label empty"), KeyError("k"), MemoryError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_ends_in_a_word(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    ended: list[tuple[int, str]] = []

    def loop() -> None:
        raise error

    owned(loop, lambda: False, lambda *why: ended.append(why))()
    assert ended == [(1011, said(error))]
    assert type(error).__name__ in said(error)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_kill_is_told_and_goes_on() -> None:
    ended: list[tuple[int, str]] = []
    greenlet = gevent.spawn(owned(lambda: gevent.sleep(60), lambda: False, lambda *why: ended.append(why)))
    gevent.sleep(0)
    greenlet.kill()
    assert ended == [(1011, "GreenletExit")]


def test_what_is_over_is_over() -> None:
    def loop() -> None:
        raise OSError("late")

    ended: list[object] = []
    owned(loop, lambda: True, lambda *why: ended.append(why))()
    owned(lambda: None, lambda: False, lambda *why: ended.append(why))()
    assert ended == []


def test_only_what_is_no_error_of_a_connection_is_logged_as_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    assert reason(ConnectionResetError("reset")) == "reset"
    assert reason(BadStatusLine("x")) == "x"
    assert not caplog.records
    assert reason(ValueError("bad")) == "ValueError: bad"
    assert caplog.records[0].exc_info
