"""Hooks: functions of the application, fenced."""

from __future__ import annotations

from typing import Any, NamedTuple

import gevent
import pytest

from nuphar import Identity, Member, Refused
from nuphar.actors.runtime.hooks import HookFailed, HookTimeout, ServerHooks, allows, call, check_hook, new_trace_id

LIMIT = 10.0  # seconds that any wait here may take


class Client(NamedTuple):
    client_id: str = "c"
    key: str | None = "s"
    identity: Identity | None = Identity("ada", ("staff",))


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
    hooks = ServerHooks(connect=[check_hook("on_connect", called.append)])
    hooks.spawn("connect", Client())
    assert called == []
    gevent.sleep(0)
    assert called == ["c"]


def test_a_hook_of_a_client_is_told_who_it_is() -> None:
    told: list[Member] = []
    ServerHooks(connect=[check_hook("on_connect", lambda member: told.append(member))]).spawn("connect", Client())
    gevent.sleep(0)
    assert told == [Member("c", "s", Identity("ada", ("staff",)))]
    assert (told[0].user, told[0].roles) == ("ada", ("staff",))


def test_the_first_hook_that_refuses_is_heard_and_the_others_are_not_called(caplog: pytest.LogCaptureFixture) -> None:
    said: list[Any] = []

    def no(*_: Any) -> None:
        raise Refused("forbidden", "not today")

    hooks = ServerHooks(connect=[check_hook("on_connect", said.append), no, said.append], disconnect=[no])
    hooks.spawn("connect", Client(), lambda error: said.append(error.text))
    gevent.sleep(0)
    assert said == ["c", "not today"]
    assert caplog.text == ""
    hooks.spawn("disconnect", Client())  # to whom nobody can say no any more
    gevent.sleep(0)
    assert "hook on_disconnect failed" in caplog.text


@pytest.mark.parametrize(("answer", "is_allowed"), [(True, True), (False, False), (None, False)])
def test_a_rule_allows_with_true_alone(answer: Any, is_allowed: bool) -> None:
    assert allows("can_subscribe", answer) is is_allowed


def test_a_rule_may_return_what_it_may_raise() -> None:
    with pytest.raises(Refused, match="sold out"):
        allows("can_subscribe", Refused("full", "sold out"))


@pytest.mark.parametrize("answer", [1, "yes", [True], object()])
def test_what_is_no_answer_is_a_fault_of_the_rule_and_allows_nothing(answer: Any) -> None:
    with pytest.raises(TypeError, match=r"can_subscribe: expected True or False, got .*: write bool"):
        allows("can_subscribe", answer)


def test_trace_ids_are_16_hex_characters_and_differ() -> None:
    one, other = new_trace_id(), new_trace_id()
    assert len(one) == 16
    assert int(one, 16) >= 0
    assert one != other
