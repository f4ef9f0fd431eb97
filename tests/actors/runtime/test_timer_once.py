"""An timer: a message from the clock, once."""

from __future__ import annotations

import time

import gevent

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.runtime.timer_once import TimerOnce

LIMIT = 10.0  # seconds that any wait here may take


def rung(mailbox: Mailbox) -> object:
    with gevent.Timeout(LIMIT):
        return mailbox.get()


def test_it_rings_once() -> None:
    mailbox = Mailbox()
    timer = TimerOnce(mailbox, "ring")
    timer.set(time.monotonic() + 0.02)
    assert rung(mailbox) == "ring"
    assert mailbox.empty()


def test_the_earliest_time_counts() -> None:
    mailbox = Mailbox()
    timer = TimerOnce(mailbox, "ring")
    for seconds in (1000.0, 0.0, 2000.0):
        timer.set(time.monotonic() + seconds)
    assert rung(mailbox) == "ring"


def test_a_timer_that_was_stopped_can_be_set_again() -> None:
    mailbox = Mailbox()
    timer = TimerOnce(mailbox, "ring")
    timer.set(time.monotonic())
    timer.stop()
    timer.stop()
    assert mailbox.empty()
    timer.set(time.monotonic())
    assert rung(mailbox) == "ring"
