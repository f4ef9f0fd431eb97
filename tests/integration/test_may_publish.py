"""Who may write into a topic: asked of rules before a message enters its order; what is denied is in no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from support.raw import RawClient
from support.scripted import ScriptedClient, settle
from support.serving import eventually

from nuphar import Identity, Live, Member, Refused, Server, Store, UsageError, automatic
from nuphar.transport.server.wsgi_handler import WSGIHandler
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, Rejected, Subscribe

T = "topic:t"
ADA = Identity("ada", ("staff",))


@dataclass(frozen=True)
class Said:
    text: str


@dataclass(frozen=True)
class Closed:
    reason: str


def append(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    return (*model, message)


STORE = Store((), append)


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server(serialiser=automatic(Said, Closed), hook_timeout=5.0)


@pytest.fixture
def port(server: Server) -> Iterator[int]:
    wsgi = WSGIServer(("127.0.0.1", 0), Live(server), handler_class=WSGIHandler, log=None)
    wsgi.init_socket()
    server.listen(wsgi)
    yield int(wsgi.server_port)
    server.gateway.abort_all()


def member(server: Server, target: str = T, **options: Any) -> ScriptedClient:
    """A client that is in."""
    client = ScriptedClient(server, **options)
    client.send(Subscribe(1, target, None, None))
    client.take()
    return client


def answer(client: ScriptedClient, ref: int, message: Any, target: str = T) -> str | None:
    """Send a message, and return the code of its Rejected, or None if it was acknowledged."""
    client.send(ClientMessage(ref, target, message))
    frames = client.take()
    for frame in frames:
        if isinstance(frame, Rejected) and frame.ref == ref:
            return frame.code
    assert [list(frame.refs) for frame in frames if isinstance(frame, Acknowledge)] == [[ref]]
    return None


def refuse(*_: Any) -> bool:
    raise Refused("read_the_rules", "be kind", {"page": 3})


RULES: list[tuple[str, Any, str | None]] = [
    ("True", lambda: True, None),
    ("False", lambda: False, "denied"),
    ("None", lambda: None, "denied"),
    ("raises Refused", refuse, "read_the_rules"),
    ("returns Refused", lambda: Refused("read_the_rules", "be kind"), "read_the_rules"),
    ("raises", lambda: 1 / 0, "crashed"),
    ("ends the process", lambda: exit(1), "crashed"),
    ("a coroutine by mistake", lambda: object(), "crashed"),
    ("1", lambda: 1, "crashed"),
    ("waits, then True", lambda: gevent.sleep(0) or True, None),
    ("waits, then False", lambda: gevent.sleep(0) or False, "denied"),
]


@pytest.mark.parametrize(("rule", "code"), [each[1:] for each in RULES], ids=[each[0] for each in RULES])
@pytest.mark.parametrize("is_kind", [False, True])
@pytest.mark.parametrize("is_stored", [False, True])
def test_the_answer_of_a_rule_is_the_message_s(
    server: Server, rule: Any, code: str | None, is_kind: bool, is_stored: bool, caplog: pytest.LogCaptureFixture
) -> None:
    if is_kind:
        server.topic_kind("room:", store=STORE if is_stored else None, may_publish=rule)
    else:
        topic = server.topic("t", may_publish=rule)
        if is_stored:
            topic.with_store(STORE)
    target = "topic:room:1" if is_kind else T
    other, client = member(server, target), member(server, target)
    assert answer(client, 2, 5, target) == code
    assert bool(other.take()) is (code is None)
    order = server.directory.topics[target[len("topic:") :]].target.order
    assert (order is None) is not is_stored
    assert order is None or order.position.model == ((5,) if code is None else ())
    assert ("hook may_publish failed" in caplog.text) is (code == "crashed")
    assert answer(client, 2, 5, target) == code  # a repeat is answered as the first was


def test_a_rule_that_takes_too_long_denies(make_server: Callable[..., Server]) -> None:
    server = make_server(hook_timeout=0.01)
    topic = server.topic("t", may_publish=lambda: Event().wait(10.0)).with_store(STORE)
    client = member(server)
    client.send(ClientMessage(2, T, 5))
    [rejected] = eventually(client.peek)
    assert (rejected.code, rejected.details.keys()) == ("crashed", {"trace_id"})
    assert topic.model == ()


def test_a_rule_hears_the_member_and_the_message(server: Server) -> None:
    heard: list[Any] = []

    def rule(member: Member, message: Any) -> bool:
        heard.append((member, message))
        return member.user == "ada"

    server.topic_kind("room:", int, store=lambda key: STORE, may_publish=rule)
    ada, guest = (member(server, "topic:room:7", identity=each) for each in (ADA, None))
    assert answer(ada, 2, 5, "topic:room:7") is None
    assert answer(guest, 2, 6, "topic:room:7") == "denied"
    assert heard == [
        (Member(ada.id, None, ADA, "room:7", 7), 5),
        (Member(guest.id, None, None, "room:7", 7), 6),
    ]


def test_all_rules_have_to_agree_in_their_order_also_one_that_comes_while_clients_are_in(server: Server) -> None:
    asked: list[str] = []
    topic = server.topic("t").with_store(STORE)
    client = member(server)
    assert answer(client, 2, 1) is None

    @topic.may_publish
    def first(message: int) -> bool:
        asked.append("first")
        return message < 10

    @topic.may_publish
    def second(message: int) -> bool:
        asked.append("second")
        return message != 5

    assert [answer(client, 3, 10), answer(client, 4, 5), answer(client, 5, 6)] == ["denied", "denied", None]
    assert asked == ["first", "first", "second", "first", "second"]
    assert topic.model == (1, 6)


def test_into_a_topic_of_the_server_no_client_writes(server: Server) -> None:
    topic = server.topic("t", publish="server").with_store(STORE)
    client = member(server)
    assert answer(client, 2, 5) == "denied"
    assert topic.dispatch(6) == 1
    assert topic.model == (6,)


def test_a_type_of_the_server_is_refused_from_clients_before_anything_else(server: Server) -> None:
    asked: list[Any] = []
    topic = server.topic("t", server_only=(Closed,), may_publish=lambda message: asked.append(message) or True)
    topic.with_store(STORE)
    server.on_topic_message(lambda message: asked.append(message))
    client = member(server)
    client.send(ClientMessage(2, T, Closed("bye")))
    text = "Closed is sent by the server, not by clients"
    assert client.take() == [Rejected(2, T, "server_only", text, None)]
    assert asked == []
    assert answer(client, 3, Said("hello")) is None
    topic.dispatch(Closed("over"))
    assert topic.model == (Said("hello"), Closed("over"))


def test_who_is_not_in_is_not_asked_about(server: Server) -> None:
    asked: list[Any] = []
    server.topic("t", may_publish=lambda message: asked.append(message) or True).with_store(STORE)
    client = ScriptedClient(server)
    assert answer(client, 1, 5) == "not_subscribed"
    assert asked == []


def test_what_is_sent_right_behind_a_subscribe_is_asked_about_too(server: Server) -> None:
    heard: list[Any] = []

    def rule(member: Member, message: int) -> bool:
        heard.append((member.key, message))
        return message == 5

    server.topic_kind("room:", int, store=lambda key: STORE, may_publish=rule, can_subscribe=lambda: True)
    client = ScriptedClient(server)
    client.send(Subscribe(1, "topic:room:7", None, None), *(ClientMessage(n, "topic:room:7", n) for n in (4, 5)))
    frames = client.take()
    assert [frame.code for frame in frames if isinstance(frame, Rejected)] == ["denied"]
    assert heard == [(7, 4), (7, 5)]
    assert server.directory.topics["room:7"].target.order.position.model == (5,)  # type: ignore[union-attr]


@pytest.mark.parametrize("make", [RawClient])
def test_a_rule_that_waits_keeps_its_client_s_order_and_holds_up_nobody_else(
    server: Server, port: int, make: Any
) -> None:
    asked, gate = Event(), Event()

    def rule(member: Member, message: str) -> bool:
        if message == "slow":
            asked.set()
            gate.wait(10.0)
        return True

    topic = server.topic("t", may_publish=rule).with_store(STORE)
    server.topic("free").with_store(STORE)
    slow, other = make(port), make(port)
    for client in (slow, other):
        client.subscribe(T)
        client.subscribe("topic:free")
    slow.post(T, "slow", "next")
    [free] = slow.post("topic:free", "free")
    assert asked.wait(10.0)
    [quick] = other.post(T, "quick")
    other.receive_until(lambda frame: frame[0] == 17 and quick in frame[3])
    assert topic.model == ("quick",)
    gate.set()
    slow.receive_until(lambda frame: frame[0] == 17 and free in frame[3])
    assert topic.model == ("quick", "slow", "next")


def test_a_client_without_a_socket_keeps_its_order_as_well(server: Server) -> None:
    asked, gate = Event(), Event()

    def rule(message: str) -> bool:
        if message == "slow":
            asked.set()
            gate.wait(10.0)
        return True

    topic = server.topic("t", may_publish=rule).with_store(STORE)
    client = member(server)
    sending = gevent.spawn(client.send, ClientMessage(2, T, "slow"))
    assert asked.wait(10.0)
    client.send(ClientMessage(3, T, "next"))
    gate.set()
    sending.join(10.0)
    settle(server)
    assert topic.model == ("slow", "next")


def test_who_goes_on_with_another_connection_while_a_rule_waits_says_it_once_more(server: Server, port: int) -> None:
    asked, gate, calls = Event(), Event(), list[str]()

    def rule(message: str) -> bool:
        calls.append(message)
        if len(calls) == 1:
            asked.set()
            gate.wait(10.0)
        return message != "no"

    topic = server.topic("t", may_publish=rule).with_store(STORE)
    client = RawClient(port)
    client.subscribe(T)
    client.send([4, 2, T, "yes"], [4, 3, T, "no"])
    assert asked.wait(10.0)
    back = client.back({T: [topic._topic.target.order.epoch, 0]})  # type: ignore[union-attr]
    back.send([4, 2, T, "yes"], [4, 3, T, "no"])
    back.receive_until(lambda frame: frame[:2] == [18, 3])
    gate.set()
    settle(server)
    assert topic.model == ("yes",)
    assert calls == ["yes", "yes", "no"]


def test_who_is_put_out_while_a_rule_waits_writes_nothing_any_more(server: Server) -> None:
    asked, gate = Event(), Event()
    topic = server.topic("t", may_publish=lambda: asked.set() or gate.wait(10.0)).with_store(STORE)
    client = member(server)
    sending = gevent.spawn(client.send, ClientMessage(2, T, "late"))
    assert asked.wait(10.0)
    topic.unsubscribe(client.id)
    settle(server)
    gate.set()
    sending.join(10.0)
    frames = client.take()
    assert [frame.code for frame in frames if isinstance(frame, Rejected)] == ["not_subscribed"]
    assert topic.model == ()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"publish": "nobody"}, 'publish: expected "subscribers" or "server", got \'nobody\''),
        ({"publish": None}, 'publish: expected "subscribers" or "server", got None'),
        ({"server_only": Closed}, "server_only: expected types of messages"),
        ({"server_only": ("Closed",)}, "server_only: expected types of messages"),
        ({"may_publish": 5}, "may_publish: expected a function, got 5"),
        ({"may_publish": lambda member, topic_id: True}, "there is no 'topic_id'"),
    ],
)
@pytest.mark.parametrize("is_kind", [False, True])
def test_wrong_options_are_errors(server: Server, options: dict[str, Any], text: str, is_kind: bool) -> None:
    with pytest.raises(UsageError, match="expected") as caught:
        (server.topic_kind if is_kind else server.topic)("t", **options)
    assert text in str(caught.value)
    assert server.directory.topics == {}
    assert server.directory.kinds == {}
