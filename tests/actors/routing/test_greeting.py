"""Who is in has been greeted: the join hook is called for each coming in, the leave hook for each going out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gevent.event import Event
from support.scripted import ScriptedClient, settle

from nuphar import Refused, Server, Store
from nuphar.actors.routing.topic_handle import TopicHandle
from nuphar.actors.sessions.messages import Reconsider
from nuphar.actors.sessions.standing import UNGREETED
from nuphar.transport.wire import frames as f

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]
T = "topic:t"


def add(model: int, message: int) -> int:
    return model + message


class Door:
    """A topic whose hooks wait until a test lets them go on, each call by itself, and then say what it says."""

    def __init__(self, server: Server) -> None:
        self.topic: TopicHandle[int, int] = server.topic("t").with_store(Store(0, add))
        self.topic.can_subscribe(self._may)
        self.topic.on_join(self._joins)
        self.topic.on_leave(self._leaves)
        self.said: list[str] = []
        """What has been called, and has returned."""
        self.asked: list[tuple[str, Event, list[Any]]] = []
        """What is being called: the hook's name, and how to let it go on."""
        self.waits = True

    def go_on(self, which: int, answer: Any = None) -> None:
        """Let a call return ``answer``, or raise it."""
        _, event, answers = self.asked.pop(which)
        answers.append(answer)
        event.set()

    @property
    def calls(self) -> list[str]:
        """The names of the hooks that are being called."""
        return [name for name, _, _ in self.asked]

    def _ask(self, name: str, answer: Any) -> Any:
        if self.waits:
            event, answers = Event(), list[Any]()
            self.asked.append((name, event, answers))
            event.wait(LIMIT)
            answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.said.append(name)
        return answer

    def _may(self) -> Any:
        return self._ask("may", True)

    def _joins(self) -> Any:
        return self._ask("join", None)

    def _leaves(self) -> list[int]:
        self.said.append("leave")
        return [1000]


@pytest.fixture
def door(server: Server) -> Door:
    return Door(server)


def subscribe(ref: int) -> f.Subscribe:
    return f.Subscribe(ref, T, None, None)


def answers(client: ScriptedClient) -> list[tuple[str, int]]:
    """Return what every ref was answered with, by ref."""
    found: list[tuple[int, str]] = []
    for frame in client.take():
        if isinstance(frame, f.Acknowledge):
            found += [(ref, "ok") for ref in frame.refs]
        elif isinstance(frame, f.Rejected):
            found.append((frame.ref, frame.code))
    return [(code, ref) for ref, code in sorted(found)]


def test_of_two_that_ask_at_once_the_second_is_greeted_if_the_first_is_refused(
    server: Server, client: Connect, door: Door
) -> None:
    known = client()
    known.send(subscribe(1), subscribe(2))
    settle(server)
    assert door.calls == ["may", "may"]
    door.go_on(0, False)
    door.go_on(0, True)
    settle(server)
    assert door.calls == ["join"]
    assert door.topic.subscribers == []
    door.go_on(0)
    assert answers(known) == [("denied", 1), ("ok", 2)]
    known.send(f.Unsubscribe(3, T))
    assert answers(known) == [("ok", 3)]
    assert door.said == ["may", "may", "join", "leave"]


@pytest.mark.parametrize("fault", [Refused("sold_out", "no seat is left"), ValueError("it crashes")])
def test_of_two_that_ask_at_once_the_second_is_greeted_if_that_fails_for_the_first(
    server: Server, client: Connect, door: Door, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    known = client()
    known.send(subscribe(1), subscribe(2))
    settle(server)
    door.go_on(0, True)
    door.go_on(0, True)
    settle(server)
    assert door.calls == ["join"], "one at a time"
    door.go_on(0, fault)
    settle(server)
    assert door.calls == ["join"]
    assert door.topic.subscribers == []
    door.go_on(0)
    code = fault.code if isinstance(fault, Refused) else "crashed"
    assert answers(known) == [(code, 1), ("ok", 2)]
    assert door.topic.subscribers == [known.id]


def test_who_asks_twice_is_greeted_once_and_nobody_is_in_before(server: Server, client: Connect, door: Door) -> None:
    known = client()
    known.send(subscribe(1), f.ClientMessage(2, T, 5), subscribe(3))
    settle(server)
    door.go_on(1, True)
    settle(server)
    assert door.calls == ["may", "join"]
    door.go_on(0, True)
    settle(server)
    assert door.calls == ["join"]
    assert answers(known) == []
    door.go_on(0)
    assert answers(known) == [("ok", 1), ("ok", 2), ("ok", 3)]
    known.send(f.Unsubscribe(4, T))
    assert answers(known) == [("ok", 4)]
    assert door.said.count("join") == door.said.count("leave") == 1


@pytest.mark.parametrize("order", [(0, 0), (1, 0)])
def test_who_leaves_while_it_joins_and_comes_again_is_greeted_for_each(
    server: Server, client: Connect, door: Door, order: tuple[int, int]
) -> None:
    known = client()
    known.send(subscribe(1), f.ClientMessage(2, T, 5), f.Unsubscribe(3, T), subscribe(4), f.ClientMessage(5, T, 7))
    settle(server)
    for which in order:
        door.go_on(which, True)
        settle(server)
    while door.asked:
        assert "may" not in door.calls
        door.go_on(0)
        settle(server)
    assert answers(known) == [("ok", ref) for ref in range(1, 6)]
    assert door.topic.subscribers == [known.id]
    assert door.said.count("join") == 1 + door.said.count("leave")
    known.send(f.Unsubscribe(6, T))
    assert answers(known) == [("ok", 6)]
    assert door.said.count("join") == door.said.count("leave")
    assert door.topic.model % 1000 == 12


def test_who_is_put_out_while_it_asks_again_is_greeted_again(server: Server, client: Connect, door: Door) -> None:
    door.waits = False
    known = client()
    known.send(subscribe(1))
    assert answers(known) == [("ok", 1)]
    door.waits = True
    known.send(subscribe(2))
    settle(server)
    door.topic.unsubscribe(known.id)
    settle(server)
    door.go_on(0, True)
    settle(server)
    assert door.calls == ["join"]
    door.go_on(0)
    assert answers(known) == [("ok", 2)]
    assert door.said.count("join") == 2
    assert door.said.count("leave") == 1


def test_who_is_resumed_and_leaves_and_comes_again_is_greeted_for_that(
    server: Server, client: Connect, door: Door
) -> None:
    door.waits = False
    known = client()
    known.send(subscribe(1))
    assert answers(known) == [("ok", 1)]
    door.waits = True
    older = server.sessions.get(known.id)
    assert older is not None
    newer = server.sessions.resume(older, older.encoding, older.sink)
    newer.connect(older.sink)
    server.sessions.restore(newer, {}, True)
    newer.unsubscribe(2, T)
    newer.subscribe(3, T, None)
    settle(server)
    assert door.calls == ["may", "may"]
    door.go_on(1, True)
    settle(server)
    assert door.calls == ["may", "join"]
    door.go_on(1)
    settle(server)
    door.go_on(0, True)
    settle(server)
    assert door.asked == []
    assert door.topic.subscribers == [known.id]
    assert door.said.count("join") == 2
    assert door.said.count("leave") == 1


def test_who_is_gone_while_it_is_greeted_has_left(server: Server, client: Connect, door: Door) -> None:
    known = client()
    known.send(subscribe(1))
    settle(server)
    door.go_on(0, True)
    settle(server)
    server.disconnect(known.id)
    settle(server)
    assert door.said == ["may"]
    door.go_on(0, [5])
    settle(server)
    assert door.said == ["may", "join", "leave"]
    assert door.topic.model == 0, "nobody has seen it come, so nobody sees it go"


def test_who_is_gone_while_it_is_asked_about_is_not_greeted(server: Server, client: Connect, door: Door) -> None:
    known = client()
    known.send(subscribe(1))
    settle(server)
    server.disconnect(known.id)
    door.go_on(0, True)
    settle(server)
    assert door.asked == []
    assert door.said == ["may"]


def test_only_so_many_wait_for_a_greeting(server: Server, client: Connect, door: Door) -> None:
    known = client()
    known.send(subscribe(1))
    settle(server)
    door.go_on(0, True)
    settle(server)
    assert door.calls == ["join"]
    for ref in range(2, UNGREETED + 4):
        known.send(subscribe(ref))
        settle(server)
        door.go_on(1, True)
        settle(server)
    assert answers(known) == [("busy", UNGREETED + 2), ("busy", UNGREETED + 3)]
    door.go_on(0)
    assert answers(known) == [("ok", ref) for ref in range(1, UNGREETED + 2)]


def test_whom_the_server_puts_in_while_its_right_is_asked_again_stays(
    server: Server, client: Connect, door: Door
) -> None:
    door.waits = False
    known = client()
    known.send(subscribe(1))
    assert answers(known) == [("ok", 1)]
    door.waits = True
    server.router.put(Reconsider(known.id))
    settle(server)
    assert door.calls == ["may"]
    door.topic.subscribe(known.id)
    settle(server)
    door.go_on(0, False)
    settle(server)
    assert door.topic.subscribers == [known.id]
    assert not [frame for frame in known.take() if isinstance(frame, f.Out)]


@pytest.mark.parametrize("is_stored", [True, False])
def test_what_a_leave_causes_is_dispatched_or_pushed(server: Server, client: Connect, is_stored: bool) -> None:
    topic = server.topic("t")
    if is_stored:
        topic.with_store(Store(0, add))
    topic.on_leave(lambda: [7])
    known, other = client(), client()
    for each in (known, other):
        each.send(subscribe(1))
        each.take()
    known.send(f.Unsubscribe(2, T))
    assert other.take() == [f.ServerMessage(T, 1, 7) if is_stored else f.Push(T, 7)]
