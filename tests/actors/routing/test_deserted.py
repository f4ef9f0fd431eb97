"""Topics of a kind that nobody is subscribed to: they end after a while."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event
from support.kept import Kept

from nuphar import Store, automatic
from nuphar.actors.routing import deserted
from nuphar.actors.routing.deserted import Deserted, Ended
from nuphar.actors.routing.topic import Kind, Topic
from nuphar.actors.routing.topics import Directory
from nuphar.actors.runtime.hook_calls import HookCalls
from nuphar.actors.runtime.hooks import TopicHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.runtime.turns import Bounds
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.actors.targets.messages import Dispatch
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec

LIMIT = 10.0  # seconds that any wait here may take


def add(model: int, message: int) -> int:
    return model + message


class Place:
    """A directory with a kind, whose topics are deserted after ten seconds."""

    def __init__(self, on_end: Any = None, window: float | None = None, bounds: Bounds | None = None) -> None:
        self.directory = Directory(Codec(automatic()), MemoryLog())
        self.calls = HookCalls(bounds or Bounds())
        self.answers: list[Ended] = []
        self.kind = Kind("room:", str, TopicHooks.of(on_end=on_end), window=window)
        self.directory.add_kind(self.kind)
        self.deserted = Deserted(self.directory, self.calls, self.answers.append, 10.0)

    def add(self, topic_id: str = "room:a", store: Store | None = None) -> Topic:
        return self.directory.add(topic_id, self.kind, store)

    def tick(self, now: float) -> list[str]:
        """Let time pass, and return which topics there are then."""
        self.deserted.tick(now)
        with gevent.Timeout(LIMIT):
            while self.calls.running:
                gevent.sleep(0)
        while self.answers:
            self.deserted.settle(self.answers.pop(0))
        return sorted(self.directory.topics)


def somebody() -> Session:
    return Session("c", BARE, Kept([]), Mailbox(), Kinds())


def test_a_topic_ends_when_its_window_is_over_and_its_actor_is_told() -> None:
    place = Place()
    topic = place.add()
    assert place.tick(0.0) == place.tick(9.9) == ["room:a"]
    assert topic.mailbox.empty()
    assert place.tick(10.0) == []
    assert len(topic.mailbox) == 1


def test_a_fixed_topic_never_ends() -> None:
    place = Place()
    place.directory.add_topic("fixed")
    place.tick(0.0)
    assert place.tick(1e9) == ["fixed"]


def test_somebody_who_is_subscribed_keeps_it() -> None:
    place = Place()
    topic, member = place.add(), somebody()
    place.tick(0.0)
    topic.target.attach(member)
    assert place.tick(100.0) == ["room:a"]
    topic.target.leave(member, None)
    assert place.tick(101.0) == place.tick(110.9) == ["room:a"]
    assert place.tick(111.0) == []


def test_what_waits_to_be_handled_keeps_it() -> None:
    place = Place()
    topic = place.add()
    place.tick(0.0)
    topic.mailbox.put(Dispatch(1, b"\x01"))
    assert place.tick(100.0) == ["room:a"]


def test_what_the_program_dispatches_keeps_it_for_another_window() -> None:
    place = Place()
    topic = place.add(store=Store(0, add))
    assert topic.target.order is not None
    place.tick(0.0)
    topic.target.post(None, 0, 1, b"\x01")
    assert place.tick(10.0) == place.tick(19.9) == ["room:a"]
    assert place.tick(20.0) == []


@pytest.mark.parametrize(("window", "now", "there"), [(0.0, 0.0, []), (float("inf"), 1e9, ["room:a"])])
def test_a_kind_may_have_a_window_of_its_own(window: float, now: float, there: list[str]) -> None:
    place = Place(window=window)
    place.add()
    place.tick(0.0)
    assert place.tick(now) == there


def test_its_last_model_goes_to_the_hook_before_it_ends() -> None:
    heard: list[Any] = []
    place = Place(lambda topic_id, model: heard.append((topic_id, model, topic_id in place.directory.topics)))
    topic = place.add(store=Store(5, add))
    assert topic.target.order is not None
    topic.target.post(None, 0, 2, b"\x02")
    place.add("room:ephemeral")
    place.tick(0.0)
    assert place.tick(10.0) == []
    assert sorted(heard) == [("room:a", 7, True), ("room:ephemeral", None, True)]


def test_a_model_that_could_not_be_kept_is_not_thrown_away(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []

    def on_end(topic_id: str, model: int) -> None:
        heard.append(model)
        if len(heard) == 1:
            raise OSError("no database")

    place = Place(on_end)
    place.add(store=Store(5, add))
    place.tick(0.0)
    assert place.tick(10.0) == ["room:a"]
    assert "hook on_end failed" in caplog.text
    assert place.tick(11.0) == place.tick(20.9) == ["room:a"]
    assert place.tick(21.0) == []
    assert heard == [5, 5]


@pytest.mark.parametrize("what", ["somebody comes", "something is dispatched"])
def test_what_happens_while_the_hook_is_called_keeps_the_topic(what: str) -> None:
    gate, calls = Event(), []

    def on_end(topic_id: str, model: int) -> None:
        calls.append(model)
        assert gate.wait(LIMIT)

    place = Place(on_end)
    topic, member = place.add(store=Store(5, add)), somebody()
    assert topic.target.order is not None
    place.tick(0.0)
    place.deserted.tick(10.0)
    gevent.idle()
    place.deserted.tick(20.0)
    gevent.idle()
    assert calls == [5]  # it is called once at a time
    if what == "somebody comes":
        topic.target.attach(member)
    else:
        topic.target.post(None, 0, 1, b"\x01")
    gate.set()
    assert place.tick(21.0) == ["room:a"]
    topic.target.leave(member, None)
    place.tick(22.0)
    assert place.tick(32.0) == []
    assert len(calls) == 2


def test_a_topic_that_is_stopped_while_its_hook_is_called_ends_once() -> None:
    place = Place(lambda topic_id, model: None)
    topic = place.add()
    place.tick(0.0)
    place.deserted.tick(10.0)
    place.directory.remove(topic)
    another = place.add()
    assert place.tick(10.0) == ["room:a"]
    assert topic.mailbox.empty()
    assert another.mailbox.empty()


def test_too_many_ends_at_once_wait_for_another_look() -> None:
    place = Place(lambda topic_id, model: None, bounds=Bounds(1, 1, 1, 1))
    for name in "abcd":
        place.add(f"room:{name}")
    place.tick(0.0)
    assert len(place.tick(10.0)) == 2
    assert place.tick(10.0) == []


def test_many_topics_are_looked_at_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deserted, "TOPICS_AT_ONCE", 2)
    place = Place()
    for name in "abcde":
        place.add(f"room:{name}")
    for _ in range(3):
        place.tick(0.0)
    assert len(place.tick(10.0)) == 3
    assert len(place.tick(10.0)) == 1
    assert place.tick(10.0) == []
