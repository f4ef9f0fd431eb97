"""Calls of hooks, so many at once."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from nuphar.actors.runtime.hook_calls import HookCalls
from nuphar.actors.runtime.turns import Bounds
from nuphar.actors.words.errors import Busy

LIMIT = 10.0  # seconds that any wait here may take


def test_what_waits_is_called_when_something_has_ended_whatever_its_end() -> None:
    gate, called = Event(), []

    def hook(number: int) -> None:
        called.append(number)
        gate.wait(LIMIT)
        if number % 2:
            raise gevent.GreenletExit

    calls = HookCalls(Bounds(at_once=3, at_once_each=2, waiting=5, waiting_each=5))
    for number in range(5):
        calls.spawn("a", hook, number)
    calls.spawn("b", hook, 5)
    gevent.idle()
    assert called == [0, 1, 5]
    assert (calls.running, calls.waiting) == (3, 3)
    gate.set()
    with gevent.Timeout(LIMIT):
        while calls.running:
            gevent.sleep(0)
    assert sorted(called) == [0, 1, 2, 3, 4, 5]
    assert calls.waiting == 0


def test_too_many_are_busy_and_not_called() -> None:
    called: list[str] = []
    calls = HookCalls(Bounds(at_once=1, at_once_each=1, waiting=1))
    calls.spawn("a", called.append, "first")
    calls.spawn("b", called.append, "second")
    assert calls.is_full
    with pytest.raises(Busy):
        calls.spawn("c", called.append, "third")
    calls.spawn_anyway("c", called.append, "fourth")
    with gevent.Timeout(LIMIT):
        while calls.running:
            gevent.sleep(0)
    assert called == ["first", "second", "fourth"]
