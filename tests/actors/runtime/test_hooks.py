"""Hooks: functions of the application, fenced."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from nuphar import Refused
from nuphar.actors.runtime.hooks import HookFailed, HookTimeout, ServerHooks, call, new_trace_id

LIMIT = 10.0  # seconds that any wait here may take


def test_what_a_hook_returns_is_returned() -> None:
    assert call("on_x", lambda a, b: a + b, 1, 2) == 3


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit("secret"), gevent.Timeout(1)])
def test_what_a_hook_raises_is_in_the_log_under_its_trace_id(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def hook() -> None:
        raise error

    with pytest.raises(HookFailed, match="the hook on_x failed") as caught:
        call("on_x", hook)
    assert "secret" not in str(caught.value)
    (record,) = caplog.records
    assert caught.value.trace_id in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_hook_that_takes_too_long_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(HookFailed) as caught:
        call("on_x", gevent.sleep, LIMIT, timeout=0.01)
    assert isinstance(caught.value.__cause__, HookTimeout)


def test_an_application_s_own_timeout_is_its_own(caplog: pytest.LogCaptureFixture) -> None:
    def hook() -> str:
        with gevent.Timeout(0.01, False):
            gevent.sleep(LIMIT)
        return "went on"

    assert call("on_x", hook) == "went on"


def test_an_answer_goes_through_where_it_is_one(caplog: pytest.LogCaptureFixture) -> None:
    def hook() -> None:
        raise Refused("no", "not now")

    with pytest.raises(Refused, match="not now"):
        call("on_x", hook, may_refuse=True)
    assert caplog.text == ""
    with pytest.raises(HookFailed):
        call("on_x", hook)


def test_a_kill_goes_through_a_hook() -> None:
    greenlet = gevent.spawn(call, "on_x", gevent.sleep, LIMIT)
    gevent.sleep(0)
    greenlet.kill()
    assert isinstance(greenlet.value, gevent.GreenletExit)


def test_hooks_are_called_in_order_and_one_that_fails_stops_none(caplog: pytest.LogCaptureFixture) -> None:
    called: list[Any] = []

    def broken(*arguments: Any) -> None:
        raise ValueError

    hooks = ServerHooks(message=[lambda m: called.append(("first", m)), broken, lambda m: called.append(("last", m))])
    hooks.run("message", 5)
    assert called == [("first", 5), ("last", 5)]


def test_spawned_hooks_hold_nobody_up() -> None:
    called: list[str] = []
    hooks = ServerHooks(connect=[called.append])
    hooks.spawn("connect", "c")
    assert called == []
    gevent.sleep(0)
    assert called == ["c"]


def test_trace_ids_are_16_hex_characters_and_differ() -> None:
    one, other = new_trace_id(), new_trace_id()
    assert len(one) == 16
    assert int(one, 16) >= 0
    assert one != other
