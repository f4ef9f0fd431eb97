"""Idle actors give their greenlets back, and nobody notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.hub import get_hub
from support.serving import eventually

from nuphar.actors import KILLED, Actor, Crashed
from nuphar.actors.runtime.mailbox import Mailbox, _Asleep
from nuphar.actors.runtime.ref import Down, Ref
from nuphar.actors.runtime.timer_every import TimerEvery


class Counter(Actor):
    """Counts what it gets; raises what it is told to raise."""

    def init(self) -> None:
        self.count = 0

    def handle(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.count += 1
        return self.count


class Monitor(Actor):
    """Keeps the Downs that it hears."""

    def init(self) -> None:
        self.downs: list[Down] = []

    def handle(self, message: Any) -> Any:
        if isinstance(message, Down):
            self.downs.append(message)
        return list(self.downs)


def is_asleep(ref: Ref[Any]) -> bool:
    return isinstance(ref.actor_inbox._parked, _Asleep)  # type: ignore[attr-defined]


def turn(condition: Callable[[], Any]) -> None:
    """Let the hub run until ``condition()`` holds."""
    for _ in range(1_000):
        if condition():
            return
        gevent.sleep(0)
    raise AssertionError("this never became true")


def put_to_sleep(ref: Ref[Any]) -> None:
    ref.hibernate()  # remembers how often it has waited
    ref.hibernate()  # and nothing has come since
    turn(lambda: is_asleep(ref))


@pytest.fixture
def counter() -> Any:
    ref = Counter.start_link()
    yield ref
    ref.stop()


def test_an_idle_actor_sleeps_without_a_greenlet_and_is_alive(counter):
    put_to_sleep(counter)
    assert counter.is_alive()


def test_the_next_message_wakes_it_and_its_state_is_there(counter):
    assert counter.ask("one") == 1
    put_to_sleep(counter)
    assert counter.ask("two") == 2


def test_a_busy_actor_stays_awake(counter):
    counter.hibernate()
    counter.ask("one")
    counter.hibernate()
    gevent.sleep(0)
    assert not is_asleep(counter)


def test_a_message_that_comes_just_before_it_sleeps_is_handled(counter):
    counter.hibernate()
    counter.hibernate()
    counter.tell("in between")
    assert counter.ask("after") == 2


def test_a_message_from_a_thread_wakes_it(counter):
    put_to_sleep(counter)
    get_hub().threadpool.apply(counter.tell, ("from a thread",))
    assert counter.ask("after") == 2


def test_it_can_sleep_again_and_again(counter):
    for number in range(1, 5):
        put_to_sleep(counter)
        assert counter.ask("again") == number


def test_a_sleeping_actor_stops_in_order():
    ref = Counter.start_link()
    put_to_sleep(ref)
    assert ref.stop() is True
    assert not ref.is_alive()


def test_a_sleeping_actor_that_is_killed_tells_its_monitor_once():
    monitor = Monitor.start_link()
    ref = Counter.start_link(monitor=monitor)
    put_to_sleep(ref)
    ref.kill()
    assert [down.reason for down in monitor.ask("downs")] == [KILLED]
    assert not ref.is_alive()
    monitor.stop()


def test_an_actor_that_is_killed_while_it_is_being_put_to_sleep_ends():
    monitor = Monitor.start_link()
    ref = Counter.start_link(monitor=monitor)
    ref.hibernate()
    ref.hibernate()
    ref.kill()
    turn(lambda: not ref.is_alive())
    assert [down.reason for down in monitor.ask("downs")] == [KILLED]
    monitor.stop()


def test_an_actor_that_crashes_after_it_woke_tells_its_monitor_once(caplog):
    monitor = Monitor.start_link()
    ref = Counter.start_link(monitor=monitor)
    put_to_sleep(ref)
    ref.tell(ValueError("awake"))
    turn(lambda: not ref.is_alive())
    (down,) = monitor.ask("downs")
    assert isinstance(down.reason, Crashed)
    monitor.stop()


def test_a_successor_takes_the_mailbox_of_a_sleeper_that_was_killed():
    mailbox = Mailbox()
    first = Counter.start_link(mailbox=mailbox)
    put_to_sleep(first)
    first.kill()
    mailbox.put("waits")
    second = Counter.start_link(mailbox=mailbox)
    assert second.ask("behind it") == 2
    second.stop()


def test_with_naps_an_actor_that_has_nothing_to_do_sleeps_at_once():
    ref = Counter.start_link(mailbox=Mailbox(naps=True))
    turn(lambda: is_asleep(ref))
    ref.stop()


def test_with_naps_an_actor_that_is_needed_again_stays_up():
    ref = Counter.start_link(mailbox=Mailbox(naps=True))
    turn(lambda: is_asleep(ref))
    assert ref.ask("one") == 1
    gevent.sleep(0)
    assert not is_asleep(ref)
    ref.stop()


def test_a_reminder_comes_again_and_again_and_ends_with_its_actor():
    ref = Counter.start_link()
    actor = ref._actor_weakref()
    timer = TimerEvery(actor, 0.001, "tick")
    eventually(lambda: actor.count >= 3)
    ref.stop()
    eventually(lambda: timer._timer is None)
