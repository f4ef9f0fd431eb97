"""One live connection, on a socket in memory: the handshake before the session, and the ends that it can take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from support.hosts import InTurns
from support.memory_socket import MemorySocket
from support.scripted import settle

from nuphar import Identity, Server, Store
from nuphar.actors.runtime import fair_turns
from nuphar.actors.sessions.unnamed import PATIENCE
from nuphar.transport import decode, encode
from nuphar.transport.server.connection import Connection
from nuphar.transport.wire.frames import (
    Acknowledge,
    Bye,
    ClientMessage,
    Frame,
    Hello,
    Ping,
    Pong,
    Push,
    Rejected,
    Resync,
    ServerMessage,
    Snapshot,
    Subscribe,
    Unsubscribe,
    Welcome,
)
from nuphar.transport.wire.websocket_reader import FrameReader

LIMIT = 10.0  # seconds that any wait here may take
HELLO = Hello(1, None, None, {}, {})


class Peer:
    """The client's end of a connection to ``server``."""

    def __init__(self, server: Server, identity: Identity | None = None, **options: Any) -> None:
        self.server = server
        self.socket = MemorySocket(**options)
        self.connection = Connection(self.socket, server.gateway, identity)
        self.greenlet = gevent.spawn(self.connection.run)
        self._codec = server.codec.serialiser
        self._reader = FrameReader(1 << 20, client=True)

    def send(self, *frames: Frame | bytes | str) -> None:
        self.socket.arrive(*(each if isinstance(each, bytes | str) else encode(each, self._codec) for each in frames))

    def take(self) -> list[Frame]:
        settle(self.server)
        written, self.socket.written = self.socket.written, []
        events = [event for data in written for event in self._reader.feed(data)]
        return [decode(event, self._codec) for event in events if isinstance(event, bytes | str)]

    def greet(self, hello: Hello = HELLO) -> Welcome:
        self.send(hello)
        welcome = self.take()[0]
        assert isinstance(welcome, Welcome)
        return welcome


@pytest.fixture
def peer(server: Server) -> Iterator[Peer]:
    peer = Peer(server)
    yield peer
    peer.socket.close()
    peer.greenlet.join(LIMIT)


def test_hello_is_answered_with_a_welcome_of_a_new_session(peer: Peer) -> None:
    welcome = peer.greet()
    assert len(welcome.client_id) == 32
    assert welcome.resumed is False
    assert welcome.heartbeat == peer.server.gateway.limits.heartbeat
    assert welcome.limits["message"] == peer.server.gateway.limits.message
    assert peer.server.sessions.get(welcome.client_id) is peer.connection.session


def test_two_connections_get_different_ids_and_tokens(server: Server) -> None:
    one, other = Peer(server), Peer(server)
    first, second = one.greet(), other.greet()
    assert first.client_id != second.client_id
    assert first.token != second.token
    one.socket.vanish()
    other.socket.vanish()
    gevent.joinall([one.greenlet, other.greenlet], LIMIT)


def test_nothing_is_taken_before_hello(server: Server, peer: Peer) -> None:
    server.topic("t")
    peer.send(Subscribe(1, "topic:t", None, None), Ping(1))
    assert [frame.code for frame in peer.take()] == ["malformed", "malformed"]  # type: ignore[union-attr]
    assert len(server.sessions) == 0
    peer.greet()


def test_several_bad_frames_before_hello_close_the_connection(peer: Peer) -> None:
    peer.send(b"", b"", b"", b"")
    settle(peer.server)
    assert peer.socket.close_code == 4400


def test_another_version_is_refused_at_once(peer: Peer) -> None:
    peer.send(Hello(2, None, None, {}, {}))
    (rejected,) = peer.take()
    assert isinstance(rejected, Rejected)
    assert rejected.code == "version"
    assert peer.socket.close_code == 4406


def test_what_came_with_hello_in_one_read_is_taken_after_it(server: Server, peer: Peer) -> None:
    server.topic("t").with_store(Store(5, lambda model, message: model + message))
    peer.send(HELLO, Subscribe(1, "topic:t", None, None), Ping(3))
    welcome, pong, snapshot, acknowledge = peer.take()
    assert isinstance(welcome, Welcome)
    assert pong == Pong(3)
    assert isinstance(snapshot, Snapshot)
    assert acknowledge == Acknowledge("topic:t", 0, [1], False)


def test_the_cursors_of_hello_bring_what_was_missed(server: Server, peer: Peer) -> None:
    topic = server.topic("t").with_store(Store(0, lambda model, message: model + message))
    topic.dispatch(1)
    topic.dispatch(2)
    settle(server)
    epoch = topic._topic.target.order.epoch  # type: ignore[union-attr]
    peer.send(Hello(1, None, None, {"topic:t": (epoch, 1)}, {}))
    welcome, missed = peer.take()
    assert isinstance(welcome, Welcome)
    assert missed == ServerMessage("topic:t", 2, 2)


def test_a_cursor_of_the_future_brings_a_snapshot(server: Server, peer: Peer) -> None:
    topic = server.topic("t").with_store(Store(7, lambda model, message: model + message))
    settle(server)
    epoch = topic._topic.target.order.epoch  # type: ignore[union-attr]
    peer.greet()
    peer.send(Subscribe(1, "topic:t", (epoch, 3), None))
    assert peer.take()[0] == Snapshot("topic:t", epoch, 0, 7, "behind")


def test_a_cursor_that_is_null_is_for_resync_and_not_for_hello(server: Server, peer: Peer) -> None:
    server.topic("t").with_store(Store(7, lambda model, message: model + message))
    peer.send('[1,1,null,null,{"topic:t":null},{}]')
    (refused,) = peer.take()
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.text) == ("malformed", "Hello: expected [epoch, seq], got None")
    peer.greet()
    peer.send(Resync({"topic:t": None}))
    (snapshot,) = peer.take()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.reason == "subscribed"


def test_cbor_is_read_of_who_is_answered_in_json(server: Server) -> None:
    peer = Peer(server, subprotocol="nuphar.v1.json")
    peer.send(HELLO)
    settle(server)
    assert b'[16,"' in peer.socket.written[0]
    assert isinstance(peer.take()[0], Welcome)
    peer.socket.vanish()
    peer.greenlet.join(LIMIT)


def test_json_is_spoken_to_who_asked_for_it(server: Server) -> None:
    peer = Peer(server, subprotocol="nuphar.v1.json")
    server.topic("t").with_store(Store(5, lambda model, message: model + message))
    peer.send("[1,1,null,null,{},{}]", '[2,1,"topic:t",null,null]')
    assert [type(frame) for frame in peer.take()] == [Welcome, Snapshot, Acknowledge]
    peer.socket.vanish()
    peer.greenlet.join(LIMIT)


def test_a_client_that_says_it_is_done_leaves_everything(server: Server, peer: Peer) -> None:
    topic = server.topic("t")
    gone: list[str] = []
    server.on_disconnect(gone.append)
    welcome = peer.greet()
    peer.send(Subscribe(1, "topic:t", None, None))
    peer.take()
    assert server.gateway.connections == {peer.connection}
    peer.socket.close(1000)
    peer.greenlet.join(LIMIT)
    settle(server)
    assert gone == [welcome.client_id]
    assert topic.subscribers == []
    assert server.gateway.connections == set()


def test_what_comes_behind_the_frame_that_closed_is_for_nobody(server: Server, peer: Peer) -> None:
    heard: list[Any] = []
    server.on_topic_message(lambda *arguments: heard.append(arguments))
    peer.greet()
    peer.send(b"", b"", b"", b"", '[4,1,"topic:t",1]')
    settle(server)
    assert peer.socket.close_code == 4400
    assert heard == []


def test_many_messages_of_one_read_are_taken_in_turns(server: Server, peer: Peer) -> None:
    turns: list[int] = []
    heard: list[Any] = []
    server.on_topic_message(lambda message: heard.append(message))
    peer.greet()
    server.gateway.host = InTurns(fair_turns.BUDGET, lambda: turns.append(len(heard)))
    peer.send(*(f'[4,{ref},"topic:t",{ref}]' for ref in range(1, 6)))
    settle(server)
    assert heard == [1, 2, 3, 4, 5]
    assert turns == [2, 4]


def test_a_connection_that_ends_while_others_run_takes_nothing_more(server: Server, peer: Peer) -> None:
    heard: list[Any] = []
    server.on_topic_message(lambda message: heard.append(message))
    peer.greet()
    server.gateway.host = InTurns(fair_turns.BUDGET, lambda: peer.socket.close(4409))
    peer.send(*(f'[4,{ref},"topic:t",{ref}]' for ref in range(1, 6)))
    settle(server)
    assert heard == [1, 2]


def test_a_client_that_is_too_slow_is_closed_and_nobody_waits_for_it(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t")
    other = Peer(server)
    for each in (peer, other):
        each.greet()
        each.send(Subscribe(1, "topic:t", None, None))
        each.take()
    peer.socket.pending = 1
    topic.broadcast(1)
    assert other.take() == [Push("topic:t", 1)]
    assert peer.socket.close_code == 4513
    assert "is too slow" in caplog.text
    other.socket.vanish()
    other.greenlet.join(LIMIT)


def test_what_does_not_fit_of_an_order_becomes_a_snapshot_when_the_outbox_is_empty(server: Server, peer: Peer) -> None:
    topic = server.topic("t").with_store(Store(0, lambda model, message: model + message))
    other = Peer(server)
    for each in (peer, other):
        each.greet()
        each.send(Subscribe(1, "topic:t", None, None))
        each.take()
    peer.socket.pending = 1
    topic.dispatch(1)
    topic.dispatch(2)
    other.take()
    topic.dispatch(3)
    assert peer.take() == []
    assert other.take() == [ServerMessage("topic:t", 3, 3)]
    peer.socket.drain()
    (snapshot,) = peer.take()
    assert isinstance(snapshot, Snapshot)
    assert snapshot[2:] == (3, 6, "slow")
    topic.dispatch(4)
    assert peer.take() == other.take() == [ServerMessage("topic:t", 4, 4)]
    other.socket.vanish()
    other.greenlet.join(LIMIT)


def test_own_messages_of_a_slow_client_are_answered_behind_the_snapshot(server: Server, peer: Peer) -> None:
    topic = server.topic("t").with_store(Store(0, lambda model, message: model + message))
    peer.greet()
    peer.send(Subscribe(1, "topic:t", None, None))
    peer.take()
    peer.socket.pending = 1
    topic.dispatch(1)
    peer.take()
    peer.send(ClientMessage(2, "topic:t", 10), ClientMessage(3, "topic:t", 100))
    assert peer.take() == []
    peer.socket.drain()
    snapshot, answer = peer.take()
    assert isinstance(snapshot, Snapshot)
    assert snapshot[2:] == (3, 111, "slow")
    assert answer == Acknowledge("topic:t", 3, [2, 3], False)


def test_an_answer_that_does_not_fit_closes_4513(server: Server, peer: Peer) -> None:
    server.topic("t").with_store(Store(0, lambda model, message: model + message))
    peer.greet()
    peer.send(Subscribe(1, "topic:t", None, None))
    peer.take()
    peer.socket.pending = 1
    peer.send(ClientMessage(2, "topic:t", 10))
    settle(server)
    assert peer.socket.close_code == 4513


def test_a_client_whose_outbox_is_too_old_is_closed_by_the_clock(peer: Peer) -> None:
    peer.greet()
    peer.socket.pending, peer.socket.too_slow = 100, True
    peer.connection.tick(0.0)
    assert peer.socket.close_code == 4513


def test_a_silent_client_gets_pings_and_then_the_end(peer: Peer) -> None:
    peer.greet()
    heartbeat = peer.server.gateway.limits.heartbeat
    peer.connection.tick(heartbeat)
    peer.connection.tick(2 * heartbeat)
    assert peer.take() == [Ping(1), Ping(2)]
    peer.connection.tick(3 * heartbeat)
    assert peer.socket.close_code == 4508


def test_a_client_that_takes_bytes_lives_however_long_it_says_nothing(peer: Peer) -> None:
    peer.greet()
    heartbeat = peer.server.gateway.limits.heartbeat
    now = 0.0
    for _ in range(10):
        now += 1.5 * heartbeat
        peer.socket.takes = True
        peer.connection.tick(now)
        assert peer.take() == []
        assert peer.socket.close_code is None
    for _ in range(3):
        now += heartbeat
        peer.connection.tick(now)
    assert peer.take() == [Ping(1), Ping(2)]
    assert peer.socket.close_code == 4508


def test_what_a_client_does_not_name_in_time_gets_its_snapshot(server: Server, peer: Peer) -> None:
    for name in "abc":
        server.topic(name).with_store(Store(0, lambda model, message: model + message))
    welcome = peer.greet()
    peer.send(*(Subscribe(at, f"topic:{name}", None, None) for at, name in enumerate("abc", 1)))
    cursors = {frame.target: (frame.epoch, frame.seq) for frame in peer.take() if isinstance(frame, Snapshot)}
    back = Peer(server)
    named = {"topic:b": cursors["topic:b"]}
    assert back.greet(Hello(1, welcome.session, welcome.token, named, {"more": True})).resumed
    then = server.gateway.clock()
    back.socket.last_received = then + PATIENCE
    back.connection.tick(then + PATIENCE - 1.0)
    assert back.take() == []
    back.send(Resync({"topic:c": cursors["topic:c"]}))
    assert back.take() == []
    back.connection.tick(then + PATIENCE)
    back.connection.tick(then + PATIENCE + 1.0)
    assert back.take() == [Snapshot("topic:a", cursors["topic:a"][0], 0, 0, "subscribed")]
    back.socket.close()
    back.greenlet.join(LIMIT)


def test_a_stranger_who_says_nothing_is_closed(server: Server, peer: Peer) -> None:
    peer.connection.tick(server.gateway.clock() + server.gateway.limits.hello)
    assert peer.socket.close_code == 4400


def test_a_planned_end_says_bye_before_it_closes(peer: Peer) -> None:
    peer.greet()
    peer.connection.say_bye("the server stops", 2.5)
    assert peer.take() == [Bye("the server stops", 2.5)]
    assert peer.socket.close_code == 1001


def test_a_stranger_gets_no_bye(peer: Peer) -> None:
    peer.connection.say_bye("the server stops", 2.5)
    assert peer.take() == []
    assert peer.socket.close_code == 1001


def test_an_unsubscribe_is_answered_after_what_came_before_it(server: Server, peer: Peer) -> None:
    topic = server.topic("t").with_store(Store(0, lambda model, message: model + message))
    peer.greet()
    peer.send(Subscribe(1, "topic:t", None, None))
    peer.take()
    topic.dispatch(1)
    peer.send(Unsubscribe(2, "topic:t"))
    assert peer.take() == [ServerMessage("topic:t", 1, 1), Acknowledge("topic:t", 1, [2], False)]


@pytest.mark.parametrize("greets", [True, False])
def test_a_client_whose_identity_has_expired_is_closed_with_4401_and_keeps_its_session(
    server: Server, greets: bool
) -> None:
    soon = time.time() + LIMIT
    peer = Peer(server, Identity("ada", expires=soon))
    if greets:
        peer.greet()
    peer.connection.tick(server.gateway.clock())
    assert not peer.socket.closed
    peer.connection._identity = Identity("ada", expires=soon - 2 * LIMIT)
    peer.connection.tick(server.gateway.clock())
    peer.greenlet.join(LIMIT)
    assert (peer.socket.close_code, peer.socket.close_reason) == (4401, "expired")
    assert len(server.sessions) == server.sessions.book.detached == (1 if greets else 0)
