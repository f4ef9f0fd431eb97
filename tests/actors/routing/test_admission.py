"""The hooks of joining and leaving, each in its own greenlet."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from support.kept import Kept

from nuphar import Refused, automatic
from nuphar.actors.routing.admission import Admission
from nuphar.actors.routing.openings import Openings
from nuphar.actors.routing.topics import Directory, Topic
from nuphar.actors.runtime.hook_calls import HookCalls
from nuphar.actors.runtime.hooks import ServerHooks, TopicHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.messages import Request, Verdict
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.actors.targets.messages import Broadcast, Dispatch
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec

LIMIT = 10.0  # seconds that any wait here may take
CODEC = Codec(automatic())


class Asked:
    """An admission, and the verdicts that it gave."""

    def __init__(self, timeout: float = LIMIT) -> None:
        self.verdicts: list[Verdict] = []
        self.begun: list[Topic] = []
        self.directory = Directory(CODEC, MemoryLog())
        openings = Openings(self.directory, self.begun.append, timeout)
        self.admission = Admission(CODEC, HookCalls(), openings, timeout, self.verdicts.append)
        session = Session("c", BARE, Kept([]), Mailbox(), ServerHooks())
        self.request = Request(session, 1, "topic:t", None, None)

    def ask(self, hooks: TopicHooks | None, *, is_new: bool = True, trusted: bool = False) -> Verdict:
        self.admission.ask(self.request._replace(trusted=trusted), "t", hooks, "model", is_new)
        with gevent.Timeout(LIMIT):
            while not self.verdicts:
                gevent.sleep(0)
        return self.verdicts.pop()


def test_without_hooks_everybody_may() -> None:
    assert Asked().ask(TopicHooks())[1:] == (None, "", None, ())


@pytest.mark.parametrize(("answer", "code"), [(True, None), (1, None), (False, "denied"), (None, "denied")])
def test_can_subscribe_decides(answer: Any, code: str | None) -> None:
    heard: list[Any] = []
    hooks = TopicHooks.of(can_subscribe=lambda *arguments: heard.append(arguments) or answer)  # type: ignore[func-returns-value]
    assert Asked().ask(hooks).code == code
    assert heard == [("c", "t", "model")]


def test_a_trusted_request_is_not_asked_about() -> None:
    assert Asked().ask(TopicHooks.of(can_subscribe=lambda *_: False), trusted=True).code is None


def test_what_a_join_causes_comes_with_the_verdict() -> None:
    assert Asked().ask(TopicHooks.of(on_join=lambda client_id: [client_id, 5])).caused == (
        Dispatch("c", b"\x61c"),
        Dispatch(5, b"\x05"),
    )


@pytest.mark.parametrize("name", ["can_subscribe", "on_join"])
def test_a_hook_may_say_no_in_its_own_words(name: str, caplog: pytest.LogCaptureFixture) -> None:
    def hook(*arguments: Any) -> Any:
        raise Refused("sold_out", "no seat is left", {"seats": 40})

    verdict = Asked().ask(TopicHooks.of(**{name: hook}))
    assert verdict[1:4] == ("sold_out", "no seat is left", {"seats": 40})
    assert caplog.text == ""


def test_who_is_denied_does_not_join() -> None:
    joins: list[str] = []
    Asked().ask(TopicHooks.of(can_subscribe=lambda *_: False, on_join=joins.append))
    assert joins == []


def test_who_is_there_already_does_not_join() -> None:
    joins: list[str] = []
    assert Asked().ask(TopicHooks.of(on_join=joins.append), is_new=False).code is None
    assert joins == []


@pytest.mark.parametrize(
    "hooks",
    [
        TopicHooks.of(can_subscribe=lambda *_: 1 / 0),
        TopicHooks.of(on_join=lambda client_id: 1 / 0),
        TopicHooks.of(on_join=lambda client_id: [object()]),
        TopicHooks.of(on_join=lambda client_id: 5),
    ],
)
def test_a_hook_that_fails_is_a_crash_with_a_trace_id(hooks: TopicHooks, caplog: pytest.LogCaptureFixture) -> None:
    verdict = Asked().ask(hooks)
    assert verdict.code == "crashed"
    assert verdict.details["trace_id"] in caplog.text
    assert verdict.details["trace_id"] in verdict.text


def test_a_hook_that_takes_too_long_is_a_crash(caplog: pytest.LogCaptureFixture) -> None:
    assert Asked(0.01).ask(TopicHooks.of(can_subscribe=lambda *_: gevent.sleep(LIMIT))).code == "crashed"


@pytest.mark.parametrize(("is_stored", "kind"), [(True, Dispatch), (False, Broadcast)])
def test_what_a_leave_causes_is_dispatched_or_pushed(is_stored: bool, kind: type) -> None:
    mailbox = Mailbox()
    Asked().admission.say_goodbye(
        "c", "t", TopicHooks.of(on_leave=lambda client_id: [client_id]), mailbox, lambda: is_stored
    )
    gevent.sleep(0)
    (caused,) = mailbox.drain()
    assert type(caused) is kind
    assert caused.payload == b"\x61c"


def test_a_leave_hook_that_fails_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox()
    Asked().admission.say_goodbye("c", "t", TopicHooks.of(on_leave=lambda client_id: 1 / 0), mailbox, lambda: True)
    gevent.sleep(0)
    assert mailbox.empty()
    assert "hook on_leave failed" in caplog.text
