"""Every hook hears which client it is about, who it is and where; and may say no, where that means something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer
from support.raw import Closed, RawClient
from support.scripted import ScriptedClient
from support.serving import eventually

from nuphar import Identity, Live, Member, Refused, Server, Slice, Store, Wiring
from nuphar.transport.server.wsgi_handler import WSGIHandler
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, Rejected, Resync, Snapshot, Subscribe

ADA = Identity("ada", ("staff",))
SAYS = {"delivery": "latest"}


def add(model: int, message: int) -> int:
    return model + message


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server(0, Wiring(session=Slice(update=add)))


@pytest.fixture
def told(server: Server) -> list[tuple[str, Member]]:
    """What each hook of a kind of topics, and of the server, is told."""
    told: list[tuple[str, Member]] = []

    def hear(name: str, answer: Any = None) -> Callable[..., Any]:
        def hook(member: Member) -> Any:
            told.append((name, member))
            return answer

        return hook

    server.topic_kind(
        "room:",
        int,
        store=lambda key: Store(0, add),
        can_subscribe=hear("can_subscribe", True),
        on_join=hear("on_join"),
        on_leave=hear("on_leave"),
    )
    server.on_connect(hear("on_connect"))
    server.on_disconnect(hear("on_disconnect"))
    server.on_message(hear("on_message"))
    server.on_topic_message(hear("on_topic_message"))
    return told


def test_each_hook_hears_who_it_is_and_where(server: Server, told: list[tuple[str, Member]]) -> None:
    client = ScriptedClient(server, "c", identity=ADA)
    client.take()
    client.send(Subscribe(1, "topic:room:7", None, SAYS))
    client.take()
    client.send(ClientMessage(2, "topic:room:7", 5), ClientMessage(3, "session", 5))
    client.take()
    client.send(Resync({"topic:room:7": ("e", 1)}))
    client.take()
    server.disconnect("c")
    client.take()
    nowhere = Member("c", None, ADA)
    there = Member("c", None, ADA, "room:7", 7, SAYS)
    assert [each for each in told if each[0] not in ("on_leave", "on_disconnect")] == [
        ("on_connect", nowhere),
        ("can_subscribe", there),
        ("on_join", there),
        ("on_topic_message", there),
        ("on_message", nowhere),
        ("can_subscribe", there),
    ]
    assert ("on_leave", there) in told
    assert ("on_disconnect", nowhere) in told


def test_a_session_of_ours_has_an_id_which_hooks_are_told(
    server: Server, told: list[tuple[str, Member]], port: int
) -> None:
    client = RawClient(port)
    client.subscribe("topic:room:7")
    ids = {member.session_id for _, member in told}
    assert len(told) == 3
    assert ids == {client.welcome[2]} == {server.sessions.get(client.client_id).key}  # type: ignore[union-attr]
    assert {member.client_id for _, member in told} == {client.client_id}
    before = len(told)
    back = client.back({"topic:room:7": ["another", 1]})
    back.barrier()
    asked = [member for name, member in told[before:] if name == "can_subscribe"]
    assert [member.session_id for member in asked] == list(ids)


@pytest.fixture
def port(server: Server) -> Iterator[int]:
    wsgi = WSGIServer(("127.0.0.1", 0), Live(server), handler_class=WSGIHandler, log=None)
    wsgi.init_socket()
    server.listen(wsgi)
    yield int(wsgi.server_port)
    server.gateway.abort_all()


@pytest.mark.parametrize(("code", "close"), [("unauthorised", 4401), ("forbidden", 4403), ("full", 4403)])
def test_who_is_refused_by_the_hook_of_connecting_hears_why_and_is_out(
    server: Server, port: int, code: str, close: int
) -> None:
    gone: list[str] = []

    @server.on_connect
    def no(member: Member) -> None:
        raise Refused(code, "not today", {"again": "tomorrow"})

    server.on_disconnect(gone.append)
    client = RawClient(port)
    frames = client.receive_all()
    assert [18, 0, None, code, "not today", {"again": "tomorrow"}] in frames
    assert frames[-1] == Closed(close, "not today")
    eventually(lambda: gone == [client.client_id])
    assert server.sessions.get(client.client_id) is None
    assert not client.back().welcome[4]


def test_a_message_that_the_hook_of_messages_refuses_is_not_applied(server: Server) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    heard: list[int] = []

    @server.on_topic_message
    def no(message: int) -> None:
        if message < 0:
            raise Refused("negative", "only up", {"least": 0})

    server.on_topic_message(lambda message: heard.append(message))
    client = ScriptedClient(server)
    client.send(Subscribe(1, "topic:t", None, None))
    client.take()
    client.send(ClientMessage(2, "topic:t", 5), ClientMessage(3, "topic:t", -1), ClientMessage(4, "topic:t", 1))
    frames = client.take()
    assert Rejected(3, "topic:t", "negative", "only up", {"least": 0}) in frames
    assert [ref for frame in frames if isinstance(frame, Acknowledge) for ref in frame.refs] == [2, 4]
    assert (topic.model, heard) == (6, [5, 1])
    client.send(ClientMessage(3, "topic:t", -1))  # as it was answered before, and no hook hears it
    assert client.take() == [Rejected(3, "topic:t", "negative", "only up", {"least": 0})]


def test_a_hook_of_messages_that_fails_lets_them_through(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    topic = server.topic("t").with_store(Store(0, add))
    server.on_topic_message(lambda message: 1 / 0)
    client = ScriptedClient(server)
    client.send(Subscribe(1, "topic:t", None, None), ClientMessage(2, "topic:t", 5))
    client.take()
    assert topic.model == 5
    assert "hook on_topic_message failed" in caplog.text


def test_all_rules_of_a_topic_have_to_agree(server: Server) -> None:
    asked: list[str] = []
    topic = server.topic("t").with_store(Store(0, add))

    @topic.can_subscribe
    def first(member: Member) -> bool:
        asked.append("first")
        return True

    @topic.can_subscribe
    def second(member: Member) -> bool:
        asked.append("second")
        return member.user == "ada"

    ada, guest = ScriptedClient(server, identity=ADA), ScriptedClient(server)
    ada.send(Subscribe(1, "topic:t", None, None))
    assert isinstance(ada.take()[0], Snapshot | Acknowledge)
    guest.send(Subscribe(1, "topic:t", None, None))
    assert [frame[2] for frame in guest.take() if isinstance(frame, Rejected)] == ["denied"]
    assert asked == ["first", "second"] * 2
