"""The future: set once, awaited by greenlets and threads, and a stand-in for Pykka's."""

from __future__ import annotations

import gevent
import pykka
import pytest
from gevent._hub_local import get_hub_if_exists
from gevent.monkey import get_original

from nuphar import UsageError
from nuphar.actors.runtime.future import Future

LIMIT = 10.0  # seconds that any wait here may take

start_new_thread = get_original("_thread", "start_new_thread")


def test_a_value_is_there_for_everybody_and_again() -> None:
    future = Future()
    waiting = [gevent.spawn(future.get, timeout=LIMIT) for _ in range(3)]
    gevent.sleep(0)
    future.set(5)
    assert [greenlet.get(timeout=LIMIT) for greenlet in waiting] == [5, 5, 5]
    assert future.get() == 5


def test_nothing_set_is_a_timeout() -> None:
    with pytest.raises(pykka.Timeout, match="no answer within 0 seconds"):
        Future().get(timeout=0)


def test_an_exception_is_raised_with_its_traceback() -> None:
    future = Future()
    try:
        raise ValueError("bad")
    except ValueError:
        future.set_exception()
    with pytest.raises(ValueError, match="bad") as caught:
        future.get()
    assert any(entry.name == "test_an_exception_is_raised_with_its_traceback" for entry in caught.traceback)


def test_an_exception_may_be_given_as_its_type() -> None:
    future = Future()
    future.set_exception((KeyError, None, None))
    with pytest.raises(KeyError):
        future.get()


@pytest.mark.parametrize("again", [lambda f: f.set(1), lambda f: f.set_exception((KeyError, None, None))])
def test_an_answer_is_given_once(again: object) -> None:
    assert callable(again)
    future = Future()
    future.set(0)
    with pytest.raises(UsageError):
        again(future)
    hooked = Future()
    hooked.set_get_hook(lambda timeout: 1)
    with pytest.raises(UsageError):
        again(hooked)


def test_a_get_hook_gives_the_answer() -> None:
    future = Future()
    future.set_get_hook(lambda timeout: timeout)
    assert future.get(timeout=3) == 3


def test_pykka_s_own_combinators_work() -> None:
    one, two = Future(), Future()
    one.set(2)
    two.set(3)
    assert one.map(lambda value: value + 1).get(timeout=LIMIT) == 3
    assert one.join(two).get(timeout=LIMIT) == [2, 3]


def test_a_thread_s_answer_wakes_a_greenlet() -> None:
    future = Future()
    start_new_thread(future.set, (5,))
    assert future.get(timeout=LIMIT) == 5


def test_a_greenlet_s_answer_wakes_a_thread_and_gives_it_no_hub() -> None:
    question, answer = Future(), Future()

    def wait() -> None:
        value = question.get(timeout=LIMIT)
        answer.set((value, get_hub_if_exists()))

    start_new_thread(wait, ())
    gevent.sleep(0)
    question.set(5)
    assert answer.get(timeout=LIMIT) == (5, None)


def test_a_thread_that_waits_in_vain_gets_a_timeout() -> None:
    outcome = Future()

    def wait() -> None:
        try:
            Future().get(timeout=0.01)
        except pykka.Timeout:
            outcome.set("timeout")

    start_new_thread(wait, ())
    assert outcome.get(timeout=LIMIT) == "timeout"
