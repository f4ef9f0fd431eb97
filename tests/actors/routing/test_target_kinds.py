"""Kinds of targets: a third one is a registration away, and topics are judged once."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from support.scripted import ScriptedClient, settle
from support.sums import Sums, add

from nuphar import Server, Store, UsageError
from nuphar.actors.sessions.kinds import Kinds, TargetKind
from nuphar.actors.sessions.messages import Reconsider
from nuphar.transport.wire import frames as f

LIMIT = 10.0  # seconds that any wait here may take
T, P = "topic:t", "page:sum"
Connect = Callable[..., ScriptedClient]


@pytest.fixture
def sums(server: Server) -> Sums:
    kind = Sums(server)
    server.books.kinds.register("page:", kind)
    return kind


def test_a_third_kind_has_subscribers_messages_calls_and_an_end(server: Server, client: Connect, sums: Sums) -> None:
    one, two = client(), client()
    for each in (one, two):
        each.send(f.Subscribe(1, P, None, None))
        assert [type(frame) for frame in each.take()] == [f.Snapshot, f.Acknowledge]
    one.send(f.ClientMessage(2, P, 5), f.ClientMessage(2, P, 5))  # a repeat is answered, and applied once
    assert one.take() == [f.Acknowledge(P, 1, [2], False)] * 2
    assert two.take() == [f.ServerMessage(P, 1, 5)]
    two.send(f.Call(3, "page:add", [1, 2, 3]), f.Call(4, "page:add", ["x"]), f.Call(5, "page:mul", []))
    reply, malformed, unknown = two.take()
    assert reply == f.Reply(3, 6)
    assert malformed[:3] == (4, "malformed", "[0]: expected int, got str")
    assert unknown[:2] == (5, "not_found")
    two.send(f.Unsubscribe(6, P))
    assert two.take() == [f.Acknowledge(P, 1, [6], False)]
    server.stop()
    assert one.peek() == [f.Acknowledge(P, 1, [], True)]


def test_a_third_kind_says_no(server: Server, client: Connect, sums: Sums) -> None:
    known = client()
    known.send(f.Subscribe(1, "page:secret", None, None), f.ClientMessage(2, "page:secret", 5))
    assert [frame[:3] for frame in known.take()] == [(2, "page:secret", "not_subscribed"), (1, "page:secret", "denied")]


def test_its_actor_is_restarted_and_goes_on(server: Server, client: Connect, sums: Sums) -> None:
    known = client()
    known.send(f.Subscribe(1, P, None, None), f.ClientMessage(2, P, 5))
    known.take()
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    [ref] = [ref for ref in server.lifecycle.root.registry.living() if ref.name == P]
    ref.kill()
    known.send(f.ClientMessage(3, P, 6))
    with gevent.Timeout(LIMIT):
        while not (frames := known.take()):
            gevent.sleep(0.01)
    assert frames == [f.Acknowledge(P, 2, [3], False)]
    assert list(server.books.hosted) == [P]


def test_a_target_that_is_nobody_s_is_not_found(server: Server, client: Connect) -> None:
    known = client()
    known.send(f.Subscribe(1, P, None, None), f.Call(2, "page:add", []))
    assert [frame[:2] for frame in known.take()] == [(2, "not_found"), (1, P)]


def test_the_longest_beginning_decides_and_the_empty_one_has_the_rest() -> None:
    kinds, topics, rooms, rest = Kinds(), TargetKind(), TargetKind(), TargetKind()
    kinds.register("topic:", topics)
    kinds.register("topic:room:", rooms)
    assert kinds.of("topic:a") is topics
    assert kinds.of("topic:room:a") is rooms
    assert kinds.of("page:a") is None
    kinds.register("", rest)
    assert kinds.of("page:a") is rest
    assert kinds.all() == [topics, rooms, rest]
    with pytest.raises(UsageError, match="there is a kind of targets 'topic:' already"):
        kinds.register("topic:", rest)


def test_an_id_is_parsed_once_for_each_subscribe_also_if_its_topic_ends_meanwhile(
    server: Server, client: Connect
) -> None:
    parsed, joins, stopped = list[str](), list[str](), list[str]()

    def parse(text: str) -> str:
        parsed.append(text)
        return text

    def on_join(client_id: str) -> None:
        joins.append(client_id)
        if not stopped:  # it is between the hooks and the router's decision
            stopped.append(client_id)
            kind.topic("a").stop()

    kind = server.topic_kind("t:", parse, store=Store(0, add), on_join=on_join)
    known = client()
    known.send(f.Subscribe(1, "topic:t:a", None, None), f.ClientMessage(2, "topic:t:a", 5))
    frames = known.take()
    assert [type(frame) for frame in frames] == [f.Snapshot, f.Acknowledge, f.Acknowledge]
    assert parsed == ["a"]
    assert joins == [known.id] * 2, "the second topic has its own join"
    assert kind.topic("a").subscribers == [known.id]
    known.send(f.Unsubscribe(3, "topic:t:a"), f.Subscribe(4, "topic:t:a", None, None))
    known.take()
    assert parsed == ["a"], "it runs"


class Rights:
    """A topic that some may be in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.denied: set[str] = set()
        self.gates: list[gevent.event.Event] = []
        """What the next questions wait for, one each."""
        self.topic = server.topic("t").with_store(Store(0, add))
        self.topic.can_subscribe(self.may)

    def may(self, client_id: str) -> bool:
        is_denied = client_id in self.denied
        if self.gates:
            self.gates.pop(0).wait(LIMIT)
        return not is_denied

    def hold_next(self) -> gevent.event.Event:
        """Have the next question wait."""
        self.gates.append(gevent.event.Event())
        return self.gates[-1]

    def revoke(self, client: ScriptedClient, client_id: str | None = None) -> None:
        """Take a client's right away, and have it asked about (None: have all asked about)."""
        self.denied.add(client.id)
        self.server.books.router.put(Reconsider(client_id))


def test_whose_right_is_gone_is_out_and_others_hear_nothing(server: Server, client: Connect) -> None:
    rights, one, two = Rights(server), client(), client()
    for each in (one, two):
        each.send(f.Subscribe(1, T, None, None))
        each.take()
    rights.revoke(one)
    assert one.take() == [f.Out(T, "denied", "you may not subscribe to 't'", 1)]
    assert two.take() == []
    assert rights.topic.subscribers == [two.id]
    two.send(f.ClientMessage(2, T, 5))
    assert two.take() == [f.Acknowledge(T, 1, [2], False)]
    one.send(f.ClientMessage(2, T, 5))
    assert [frame[:3] for frame in one.take()] == [(2, T, "not_subscribed")]


def test_only_the_session_that_is_named_is_reconsidered(server: Server, client: Connect) -> None:
    rights, one, two = Rights(server), client(), client()
    for each in (one, two):
        each.send(f.Subscribe(1, T, None, None))
        each.take()
    rights.denied.add(two.id)
    rights.revoke(one, one.id)
    settle(server)
    assert rights.topic.subscribers == [two.id]


def test_who_was_asked_about_before_its_right_went_is_refused_and_sees_nothing(server: Server, client: Connect) -> None:
    rights, one = Rights(server), client()
    gate = rights.hold_next()
    one.send(f.Subscribe(1, T, None, None), f.ClientMessage(2, T, 5))
    settle(server)
    rights.revoke(one)
    assert one.take() == []
    rights.topic.dispatch(7)
    gate.set()
    assert sorted(frame[:3] for frame in one.take()) == [(1, T, "denied"), (2, T, "not_subscribed")]
    assert rights.topic.subscribers == []
    assert rights.topic.model == 7
    assert T not in server.sessions.get(one.id).memberships  # type: ignore[union-attr]


def test_who_asks_again_when_it_has_its_right_back_is_in(server: Server, client: Connect) -> None:
    rights, one = Rights(server), client()
    gate = rights.hold_next()
    one.send(f.Subscribe(1, T, None, None))
    settle(server)
    rights.revoke(one)
    settle(server)
    rights.denied.clear()
    one.send(f.Subscribe(2, T, None, None))
    assert [type(frame) for frame in one.take()] == [f.Snapshot, f.Acknowledge]
    assert rights.topic.subscribers == [one.id]
    gate.set()
    assert [frame[:3] for frame in one.take()] == [(1, T, "denied")], (
        "it was asked about before; no Rejected changes anything"
    )
    assert rights.topic.subscribers == [one.id]


def test_who_is_in_and_asks_again_with_an_answer_from_before_stays_out(server: Server, client: Connect) -> None:
    rights, one = Rights(server), client()
    one.send(f.Subscribe(1, T, None, None))
    one.take()
    gate = rights.hold_next()
    one.send(f.Subscribe(2, T, None, None))
    settle(server)
    rights.revoke(one)
    assert [type(frame) for frame in one.take()] == [f.Out]
    gate.set()
    assert [frame[:3] for frame in one.take()] == [(2, T, "denied")]
    assert rights.topic.subscribers == []


@pytest.mark.parametrize("is_second", [False, True])
def test_whose_right_goes_while_it_is_greeted_is_refused_and_has_left(
    server: Server, client: Connect, is_second: bool
) -> None:
    rights, one, said = Rights(server), client(), list[str]()
    gate = gevent.event.Event()

    def on_join() -> None:
        gate.wait(LIMIT)
        said.append("join")

    rights.topic.on_join(on_join)
    rights.topic.on_leave(lambda: said.append("leave"))
    one.send(f.Subscribe(1, T, None, None))
    if is_second:
        one.send(f.Subscribe(2, T, None, None))
    settle(server)
    rights.revoke(one)
    assert one.take() == []
    gate.set()
    refs = [1, 2] if is_second else [1]
    assert [frame[:3] for frame in one.take()] == [(ref, T, "denied") for ref in refs]
    assert said == ["join", "leave"]
    assert rights.topic.subscribers == []


def test_what_the_server_wants_is_not_refused_for_a_right_that_is_gone(server: Server, client: Connect) -> None:
    rights, one, gate = Rights(server), client(), gevent.event.Event()
    rights.topic.on_join(lambda: gate.wait(LIMIT) and None)
    one.send(f.Subscribe(1, T, None, None))
    settle(server)
    check = rights.hold_next()
    rights.revoke(one)
    settle(server)
    check.set()
    settle(server)
    rights.topic.subscribe(one.id)
    settle(server)
    gate.set()
    assert ("denied", 1) in [(frame.code, frame.ref) for frame in one.take() if isinstance(frame, f.Rejected)]
    assert rights.topic.subscribers == [one.id]


def test_whom_the_server_put_in_is_not_reconsidered(server: Server, client: Connect) -> None:
    rights, one = Rights(server), client()
    rights.topic.subscribe(one.id)
    one.take()
    rights.revoke(one)
    assert one.take() == []
    assert rights.topic.subscribers == [one.id]


def test_who_is_reconsidered_while_it_leaves_is_gone_and_answered(server: Server, client: Connect) -> None:
    rights, one = Rights(server), client()
    one.send(f.Subscribe(1, T, None, None))
    one.take()
    gate = rights.hold_next()
    rights.revoke(one)
    settle(server)
    one.send(f.Unsubscribe(2, T))
    gate.set()
    assert one.take() == [f.Acknowledge(T, 0, [2], False)]
    assert rights.topic.subscribers == []


def test_a_question_about_rights_alone_greets_nobody(server: Server, client: Connect) -> None:
    rights, one, joins = Rights(server), client(), list[str]()
    rights.topic.on_join(joins.append)
    one.send(f.Subscribe(1, T, None, None))
    one.take()
    gate = rights.hold_next()
    one.send(f.Subscribe(2, T, None, None))
    settle(server)
    rights.topic.unsubscribe(one.id)  # it still asks, and is in no more
    server.books.router.put(Reconsider(one.id))
    settle(server)
    assert joins == [one.id]
    gate.set()
    settle(server)
    assert rights.topic.subscribers == [one.id]


def test_a_third_kind_is_reconsidered_too(server: Server, client: Connect, sums: Sums) -> None:
    one = client()
    one.send(f.Subscribe(1, P, None, None))
    one.take()
    sums.secrets.add(P)
    server.books.router.put(Reconsider(None))
    assert one.take() == [f.Out(P, "denied", "it is a secret", 1)]
