"""A function in a short greenlet of its own."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.hub import get_hub
from gevent.local import local

from nuphar.actors.runtime.apart import run_apart

LIMIT = 10.0  # seconds that any wait here may take
NAME: ContextVar[str] = ContextVar("name")


def test_it_returns_and_raises_what_the_function_does() -> None:
    assert run_apart(get_hub(), lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        run_apart(get_hub(), lambda: 1 / 0)


@pytest.mark.parametrize("error", [SystemExit("no"), gevent.GreenletExit("no"), gevent.Timeout(1)])
def test_what_is_no_exception_comes_out_too(error: BaseException) -> None:
    def function() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        run_apart(get_hub(), function)
    assert caught.value is error


def test_it_runs_in_another_greenlet_whose_locals_end_with_it() -> None:
    ended: list[str] = []

    class Connection:
        def __del__(self) -> None:
            ended.append("closed")

    kept = local()

    def function() -> object:
        kept.connection = Connection()
        return gevent.getcurrent()

    assert run_apart(get_hub(), function) is not gevent.getcurrent()
    assert ended == ["closed"]
    assert not hasattr(kept, "connection")


def test_it_sees_the_context_of_the_caller_and_changes_nothing_in_it() -> None:
    def function() -> str:
        seen = NAME.get()
        NAME.set("inner")
        return seen

    token = NAME.set("outer")
    try:
        assert run_apart(get_hub(), function) == "outer"
        assert NAME.get() == "outer"
    finally:
        NAME.reset(token)


def test_nobody_else_runs_unless_it_waits() -> None:
    ran: list[str] = []
    other = gevent.spawn(ran.append, "other")
    run_apart(get_hub(), lambda: ran.append("function"))
    assert ran == ["function"]
    run_apart(get_hub(), lambda: gevent.sleep(0))
    other.join(LIMIT)
    assert ran == ["function", "other"]


def test_the_caller_waits_while_the_function_does() -> None:
    gate = Event()
    waiting = gevent.spawn(run_apart, get_hub(), lambda: gate.wait(LIMIT))
    gevent.idle()
    assert not waiting.dead
    gate.set()
    assert waiting.get(timeout=LIMIT) is True


def test_with_its_caller_the_function_is_killed() -> None:
    seen: list[Any] = []

    def function() -> None:
        try:
            gevent.sleep(LIMIT)
        except BaseException as error:
            seen.append(type(error))
            gevent.sleep(0)  # it may wait even then, and hurts nobody
            seen.append("clean")
            raise

    caller = gevent.spawn(run_apart, get_hub(), function)
    gevent.idle()
    caller.kill(timeout=LIMIT)
    with gevent.Timeout(LIMIT):
        while "clean" not in seen:
            gevent.sleep(0)
    assert seen == [gevent.GreenletExit, "clean"]


def test_a_time_limit_of_the_caller_holds() -> None:
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.01):
        run_apart(get_hub(), lambda: gevent.sleep(LIMIT))
    gevent.sleep(0)


def test_in_the_hub_itself_the_function_is_simply_called() -> None:
    seen: list[object] = []
    hub = get_hub()
    hub.loop.run_callback(lambda: seen.append(run_apart(hub, gevent.getcurrent)))
    gevent.sleep(0)
    assert seen == [hub]
