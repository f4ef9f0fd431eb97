"""The hooks of joining and leaving, each in its own greenlet."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from support.kept import Kept

from nuphar import Busy, Member, Refused, automatic
from nuphar.actors.routing.admission import Admission, Question
from nuphar.actors.routing.openings import Openings
from nuphar.actors.routing.topic import Topic
from nuphar.actors.routing.topics import Directory
from nuphar.actors.runtime.hook_calls import HookCalls
from nuphar.actors.runtime.hooks import TopicHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.runtime.turns import Bounds
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.messages import Request, Verdict
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.actors.targets.messages import Dispatch
from nuphar.actors.words.member import NOTHING
from nuphar.actors.words.member import Asked as Said
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec

LIMIT = 10.0  # seconds that any wait here may take
CODEC = Codec(automatic())


class Asked:
    """An admission, and the verdicts that it gave."""

    def __init__(self, timeout: float = LIMIT, calls: HookCalls | None = None) -> None:
        self.verdicts: list[Verdict] = []
        self.begun: list[Topic] = []
        self.directory = Directory(CODEC, MemoryLog())
        openings = Openings(self.directory, self.begun.append, timeout)
        self.admission = Admission(CODEC, calls or HookCalls(), openings, timeout, self.verdicts.append)
        session = Session("c", BARE, Kept([]), Mailbox(), Kinds())
        self.request = Request(session, 1, "topic:t", None, None)

    def topic(self, hooks: TopicHooks | None = None, **named: Any) -> Topic:
        topic = self.directory.topics.get("t") or self.directory.add_topic("t")
        topic.hooks, topic.key = hooks or TopicHooks.of(**named), 7
        return topic

    def ask(self, hooks: TopicHooks, *, trusted: bool = False) -> Verdict:
        self.admission.ask(Question(self.request._replace(trusted=trusted), "t", self.topic(hooks), "model"))
        return self._answer()

    def greet(self, *on_join: Any) -> Verdict:
        hooks = TopicHooks()
        for hook in on_join:
            hooks.add("on_join", hook)
        self.admission.greet(Verdict(self.request, hint="known"), self.topic(hooks))
        verdict = self._answer()
        assert verdict.greeted
        assert verdict.hint == "known"
        return verdict

    def _answer(self) -> Verdict:
        with gevent.Timeout(LIMIT):
            while not self.verdicts:
                gevent.sleep(0)
        return self.verdicts.pop()


def test_without_hooks_everybody_may() -> None:
    assert Asked().ask(TopicHooks())[1:] == (None, "", None, (), None, False)


@pytest.mark.parametrize(("answer", "code"), [(True, None), (False, "denied"), (None, "denied"), (1, "crashed")])
def test_can_subscribe_decides(answer: Any, code: str | None) -> None:
    heard: list[Any] = []
    hooks = TopicHooks.of(can_subscribe=lambda *arguments: heard.append(arguments) or answer)  # type: ignore[func-returns-value]
    assert Asked().ask(hooks).code == code
    assert heard == [("c", "t", "model", Member("c", None, None, "t", 7))]


@pytest.mark.parametrize("name", ["can_subscribe", "on_join", "on_leave"])
def test_a_hook_is_told_which_member_it_is_about(name: str) -> None:
    asked, told = Asked(), list[Member]()
    said = Said({"delivery": "latest"}, ("epoch", 5))
    asked.request = asked.request._replace(asked=said)

    def hook(member: Member) -> Any:
        told.append(member)
        return name == "can_subscribe" or None

    if name == "can_subscribe":
        assert asked.ask(TopicHooks.of(can_subscribe=hook)).code is None
    elif name == "on_join":
        assert asked.greet(hook).code is None
    else:
        asked.admission.say_goodbye(asked.request.session, asked.topic(on_leave=hook), said)
        gevent.sleep(0)
    assert told == [Member("c", None, None, "t", 7, {"delivery": "latest"}, ("epoch", 5))]


@pytest.mark.parametrize(
    ("answers", "code", "heard"),
    [([True, True], None, 2), ([True, False], "denied", 2), ([False, True], "denied", 1)],
)
def test_all_of_several_have_to_agree_in_order(answers: list[bool], code: str | None, heard: int) -> None:
    hooks, asked = TopicHooks(), list[bool]()
    for answer in answers:
        hooks.add("can_subscribe", lambda answer=answer: asked.append(answer) or answer)  # type: ignore[misc]
    assert Asked().ask(hooks).code == code
    assert asked == answers[:heard]


def test_what_several_hooks_cause_comes_in_their_order() -> None:
    verdict = Asked().greet(lambda: ["one"], lambda: None, lambda: ["two", "three"])
    assert [dispatch.message for dispatch in verdict.caused] == ["one", "two", "three"]


def test_a_join_hook_that_refuses_stops_those_behind_it() -> None:
    called: list[str] = []

    def no() -> None:
        raise Refused("full", "no seat is left")

    verdict = Asked().greet(lambda: called.append("first"), no, lambda: called.append("last"))
    assert (verdict.code, verdict.caused) == ("full", ())
    assert called == ["first"]


def test_a_trusted_request_is_not_asked_about() -> None:
    assert Asked().ask(TopicHooks.of(can_subscribe=lambda *_: False), trusted=True).code is None


def test_what_a_join_causes_comes_with_the_verdict() -> None:
    assert Asked().greet(lambda client_id: [client_id, 5]).caused == (
        Dispatch("c", b"\x61c"),
        Dispatch(5, b"\x05"),
    )


@pytest.mark.parametrize("name", ["can_subscribe", "on_join"])
def test_a_hook_may_say_no_in_its_own_words(name: str, caplog: pytest.LogCaptureFixture) -> None:
    def hook(*arguments: Any) -> Any:
        raise Refused("sold_out", "no seat is left", {"seats": 40})

    verdict = Asked().greet(hook) if name == "on_join" else Asked().ask(TopicHooks.of(can_subscribe=hook))
    assert verdict[1:4] == ("sold_out", "no seat is left", {"seats": 40})
    assert caplog.text == ""


def test_who_asks_for_its_right_is_not_greeted_yet() -> None:
    joins: list[str] = []
    assert Asked().ask(TopicHooks.of(can_subscribe=lambda *_: True, on_join=joins.append)).code is None
    assert joins == []


def test_who_is_gone_before_its_turn_is_not_greeted() -> None:
    asked, joins = Asked(), list[str]()
    asked.request.session.closed = True  # type: ignore[misc]
    asked.admission.greet(Verdict(asked.request), asked.topic(on_join=joins.append))
    assert not asked._answer().greeted
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
    verdict = Asked().greet(*hooks.on_join) if hooks.on_join else Asked().ask(hooks)
    assert verdict.code == "crashed"
    assert verdict.details["trace_id"] in caplog.text
    assert verdict.details["trace_id"] in verdict.text


def test_a_hook_that_takes_too_long_is_a_crash(caplog: pytest.LogCaptureFixture) -> None:
    assert Asked(0.01).ask(TopicHooks.of(can_subscribe=lambda *_: gevent.sleep(LIMIT))).code == "crashed"


def test_what_a_leave_causes_goes_where_it_shall() -> None:
    caused: list[Dispatch] = []
    asked = Asked()
    topic = asked.topic(on_leave=lambda client_id: [client_id])
    asked.admission.say_goodbye(asked.request.session, topic, NOTHING, caused.append)
    gevent.sleep(0)
    assert caused == [Dispatch("c", b"\x61c")]


def test_a_leave_hook_that_fails_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caused: list[Dispatch] = []
    asked, topic = Asked(), TopicHooks.of(on_leave=lambda client_id: 1 / 0)
    topic.add("on_leave", lambda client_id: [client_id])
    asked.admission.say_goodbye(asked.request.session, asked.topic(topic), NOTHING, caused.append)
    gevent.sleep(0)
    assert [dispatch.message for dispatch in caused] == ["c"]
    assert "hook on_leave failed" in caplog.text


def test_a_right_is_asked_about_even_if_too_many_calls_wait() -> None:
    asked = Asked(calls=HookCalls(Bounds(at_once=1, at_once_each=1, waiting=1, waiting_each=1)))
    question = Question(asked.request, "t", asked.topic(can_subscribe=lambda *_: False), "model")
    asked.admission.ask(question)
    asked.admission.ask(question)
    with pytest.raises(Busy):
        asked.admission.ask(question)
    asked.admission.ask(question._replace(request=asked.request._replace(is_check=True)))
    with gevent.Timeout(LIMIT):
        while len(asked.verdicts) < 3:
            gevent.sleep(0)
    assert {verdict.code for verdict in asked.verdicts} == {"denied"}
