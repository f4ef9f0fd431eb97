"""What is done once, by whoever comes first."""

from __future__ import annotations

import threading

import gevent
import pykka
import pytest
from gevent.event import Event

from nuphar.actors.runtime.once import Once

LIMIT = 10.0  # seconds that any wait here may take


def test_of_many_greenlets_one_does_it_and_the_others_wait_until_it_is_done() -> None:
    once, may_go, done = Once(), Event(), []

    def deed() -> None:
        assert may_go.wait(LIMIT)
        done.append(1)

    def come() -> tuple[bool, int]:
        return once.do_or_wait(deed, LIMIT), len(done)

    greenlets = [gevent.spawn(come) for _ in range(5)]
    gevent.sleep(0)
    assert once.is_taken
    may_go.set()
    gevent.joinall(greenlets, timeout=LIMIT)
    assert [greenlet.value for greenlet in greenlets] == [(True, 1)] + 4 * [(False, 1)]


def test_of_many_threads_one_does_it() -> None:
    once, together, done = Once(), threading.Barrier(8), []
    results: list[bool] = []

    def come() -> None:
        together.wait(LIMIT)
        results.append(once.do_or_wait(lambda: done.append(1), LIMIT))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert sorted(results) == 7 * [False] + [True]
    assert done == [1]


def test_a_deed_that_raises_is_told_to_who_waits_and_may_be_tried_again() -> None:
    once, may_go = Once(), Event()

    def deed() -> None:
        assert may_go.wait(LIMIT)
        raise ValueError("no")

    first, second = (gevent.spawn(once.do_or_wait, deed, LIMIT) for _ in range(2))
    gevent.sleep(0)
    may_go.set()
    for greenlet in (first, second):
        with pytest.raises(ValueError, match="no"):
            greenlet.get(timeout=LIMIT)
    assert not once.is_taken
    assert once.do(lambda: None)
    assert not once.do(lambda: None)


def test_who_is_killed_over_it_leaves_it_to_the_next() -> None:
    once, done = Once(), []
    first = gevent.spawn(once.do_or_wait, lambda: Event().wait(LIMIT), LIMIT)
    gevent.sleep(0)
    second = gevent.spawn(once.do_or_wait, lambda: done.append(1), LIMIT)
    gevent.sleep(0)
    assert not done
    first.kill()
    assert second.get(timeout=LIMIT)
    assert done == [1]


def test_who_waits_does_not_wait_for_ever() -> None:
    once, may_go = Once(), Event()
    first = gevent.spawn(once.do, lambda: may_go.wait(LIMIT))
    gevent.sleep(0)
    with pytest.raises(pykka.Timeout):
        once.do_or_wait(lambda: None, 0.001)
    assert not once.wait(0.001)
    may_go.set()
    first.get(timeout=LIMIT)
    assert once.wait(0.0)


def test_nobody_waits_for_what_nobody_does() -> None:
    assert not Once().wait(LIMIT)
