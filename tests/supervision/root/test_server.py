"""The server as a program holds it, spoken to in frames: what each call and each frame does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.monkey import get_original
from support.scripted import ScriptedClient, settle

import nuphar
from nuphar import (
    AlreadyStarted,
    NotRunning,
    OriginRefused,
    Origins,
    Refused,
    Server,
    Slice,
    Store,
    TopicExists,
    UnknownOption,
    UnregisteredType,
    UsageError,
    Wiring,
)
from nuphar.actors.runtime.future import Future
from nuphar.transport.wire.frames import (
    Acknowledge,
    Call,
    ClientMessage,
    Failure,
    Hello,
    Out,
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

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]

start_new_thread = get_original("_thread", "start_new_thread")


def add(model: int, message: int) -> int:
    return model + message


def append(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    return (*model, message)


COUNTER = Store(0, add)
LIST = Store((), append)


class Plain:
    """Of a type that no serialiser knows."""


def subscribed(client: ScriptedClient, *targets: str) -> None:
    """Subscribe ``client`` and forget what came."""
    for at, target in enumerate(targets):
        client.send(Subscribe(at + 1, target, None, None))
    client.take()


def codes(client: ScriptedClient) -> list[tuple[int, str | None, str]]:
    """Return ref, target and code of everything that arrived, which are rejections."""
    rejections = client.take()
    assert all(isinstance(each, Rejected) for each in rejections), rejections
    return [each[:3] for each in rejections]  # type: ignore[misc]


def outs(client: ScriptedClient) -> list[Out]:
    """Return everything that arrived, which says of what the client is out."""
    frames = client.take()
    assert all(isinstance(each, Out) for each in frames), frames
    return frames  # type: ignore[return-value]


def in_a_thread(function: Callable[[], Any]) -> Any:
    """Call ``function`` on a real OS thread, while the hub goes on."""
    over = Future()

    def run() -> None:
        try:
            over.set(function())
        except BaseException as error:
            over.set_exception((type(error), error, error.__traceback__))

    start_new_thread(run, ())
    return over.get(timeout=LIMIT)


# Life.


def test_a_server_runs_from_its_start_to_its_stop() -> None:
    server = Server()
    assert not server.is_running
    assert server.start() is server
    assert server.is_running
    server.stop()
    assert not server.is_running


def test_a_server_is_a_context_manager() -> None:
    with Server() as server:
        assert server.is_running
    assert not server.is_running


def test_a_server_is_started_once(server: Server) -> None:
    with pytest.raises(AlreadyStarted):
        server.start()


def test_a_server_that_was_stopped_stays_so(server: Server) -> None:
    server.stop()
    with pytest.raises(NotRunning):
        server.start()


def test_a_server_may_be_stopped_twice_and_before_its_start() -> None:
    server = Server()
    server.stop()
    server.stop()
    with pytest.raises(NotRunning):
        server.start()


@pytest.mark.parametrize(
    "call",
    [
        lambda server: server.connect("c", print),
        lambda server: server.disconnect("c"),
        lambda server: server.incoming("c", b""),
        lambda server: server.dispatch_to("c", 1),
        lambda server: server.dispatch_to_all(1),
    ],
)
def test_calls_before_the_start_and_after_the_stop_say_so(call: Callable[[Server], Any]) -> None:
    server = Server()
    with pytest.raises(NotRunning, match="call start"):
        call(server)
    server.start()
    server.stop()
    with pytest.raises(NotRunning, match="has stopped"):
        call(server)


def test_no_topic_is_added_to_a_server_that_was_stopped(server: Server) -> None:
    server.stop()
    with pytest.raises(NotRunning):
        server.topic("t")
    with pytest.raises(NotRunning):
        server.topic_kind("k:")


def test_the_tree_s_end_is_told_once(server: Server) -> None:
    told: list[str] = []
    server.on_end(lambda: told.append("end"))
    server.stop()
    server.stop()
    gevent.sleep(0)
    assert told == ["end"]


def test_topics_may_be_added_before_the_start(make_server: Callable[..., Server]) -> None:
    server = Server()
    topic = server.topic("t").with_store(COUNTER)
    server.start()
    topic.dispatch(2)
    assert topic.model == 2
    server.stop()


# Clients.


def test_a_client_id_is_32_lowercase_hex_characters_and_new_each_time() -> None:
    first, second = nuphar.generate_client_id(), nuphar.generate_client_id()
    assert len(first) == 32
    assert set(first) <= set("0123456789abcdef")
    assert first != second


def test_a_client_that_connects_gets_no_frame(client: Connect) -> None:
    assert client().take() == []


def test_connecting_again_with_the_same_id_replaces_the_older_one(server: Server, client: Connect) -> None:
    server.topic("t").with_store(COUNTER)
    gone: list[str] = []
    server.on_disconnect(gone.append)
    older = client("c")
    subscribed(older, "topic:t")
    newer = client("c")
    settle(server)
    newer.send(ClientMessage(1, "topic:t", 1))
    assert codes(newer) == [(1, "topic:t", "not_subscribed")]
    subscribed(newer, "topic:t")
    server.topic("u").with_store(COUNTER)
    newer.send(ClientMessage(2, "topic:t", 1))
    assert newer.take() == [Acknowledge("topic:t", 1, [2], False)]
    assert older.take() == []
    assert gone == ["c"]


def test_a_new_session_begins_anew_under_an_old_id(make_server: Callable[..., Server]) -> None:
    server = make_server(0, Wiring(session=Slice(add)))
    older = ScriptedClient(server, "c")
    older.send(ClientMessage(1, "session", 5))
    older.take()
    newer = ScriptedClient(server, "c")
    newer.send(ClientMessage(1, "session", 2), Resync({"session": None}))
    acknowledge, snapshot = newer.take()
    assert acknowledge == Acknowledge("session", 1, [1], False)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.state, snapshot.seq) == (2, 1)


def test_disconnecting_an_unknown_client_does_nothing(server: Server, client: Connect) -> None:
    gone: list[str] = []
    server.on_disconnect(gone.append)
    server.disconnect("nobody")
    settle(server)
    assert gone == []


def test_disconnecting_twice_is_told_once(server: Server, client: Connect) -> None:
    gone: list[str] = []
    server.on_disconnect(gone.append)
    known = client()
    server.disconnect(known.id)
    server.disconnect(known.id)
    settle(server)
    assert gone == [known.id]


def test_a_disconnected_client_gets_nothing_more(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known = client()
    subscribed(known, "topic:t")
    server.disconnect(known.id)
    topic.dispatch(1)
    assert known.take() == []
    assert topic.subscribers == []


def test_frames_of_an_unknown_client_are_dropped(server: Server) -> None:
    server.incoming("nobody", b"\x82\x07\x01")
    assert server.stats()["sessions"] == 0


def test_on_connect_and_on_disconnect_name_the_client(server: Server, client: Connect) -> None:
    told: list[tuple[str, str]] = []
    server.on_connect(lambda client_id: told.append(("connect", client_id)))
    server.on_disconnect(lambda client_id: told.append(("disconnect", client_id)))
    known = client()
    settle(server)
    server.disconnect(known.id)
    settle(server)
    assert told == [("connect", known.id), ("disconnect", known.id)]


def test_a_watched_client_is_disconnected_when_its_greenlet_ends(server: Server, client: Connect) -> None:
    gone: list[str] = []
    server.on_disconnect(gone.append)
    known = client()
    greenlet = gevent.spawn(gevent.sleep, LIMIT)
    server.watch(known.id, greenlet)
    settle(server)
    assert gone == []
    greenlet.kill()
    settle(server)
    assert gone == [known.id]


def test_a_send_that_raises_hurts_nobody_else_and_later_frames_are_sent(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t").with_store(COUNTER)
    sent: list[bytes] = []

    def send(frame: bytes) -> None:
        sent.append(frame)
        if len(sent) == 1:
            raise OSError("broken")

    known = client()
    subscribed(known, "topic:t")
    server.connect("broken", send)
    topic.subscribe("broken")
    settle(server)
    topic.dispatch(1)
    assert known.take() == [ServerMessage("topic:t", 1, 1)]
    assert len(sent) == 2
    assert "send to client broken failed" in caplog.text


def test_a_failed_send_does_not_hold_back_the_frames_behind_it(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.topic("t").with_store(COUNTER)
    sent: list[bytes] = []

    def send(frame: bytes) -> None:
        sent.append(frame)
        if len(sent) == 1:
            raise OSError("broken")

    server.connect("c", send)
    server.incoming("c", nuphar.transport.encode(Subscribe(1, "topic:t", None, None), server.codec.serialiser))
    settle(server)
    assert len(sent) == 2  # the Snapshot and the Acknowledge


def test_a_send_that_lets_others_run_keeps_the_order(server: Server) -> None:
    topic = server.topic("t").with_store(COUNTER)
    sent: list[bytes] = []

    def send(frame: bytes) -> None:
        gevent.sleep(0)
        sent.append(frame)

    server.connect("c", send)
    topic.subscribe("c")
    for n in range(5):
        topic.dispatch(n)
        gevent.sleep(0)
    settle(server)
    frames = [nuphar.transport.decode(frame, server.codec.serialiser) for frame in sent]
    assert [frame.seq for frame in frames] == list(range(frames[0].seq, 6))  # type: ignore[union-attr]


@pytest.mark.parametrize("client_id", ["", None, 7])
def test_a_client_id_is_text(server: Server, client_id: Any) -> None:
    with pytest.raises(UsageError, match="client id"):
        server.connect(client_id, print)


def test_send_is_callable(server: Server) -> None:
    with pytest.raises(UsageError, match="send"):
        server.connect("c", None)  # type: ignore[arg-type]


def test_a_refused_origin_leaves_no_trace(make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture) -> None:
    server = make_server(origins=Origins.allow(["https://a.example"]))
    told: list[str] = []
    server.on_connect(told.append)
    with pytest.raises(OriginRefused):
        server.connect("c", print, origin="https://b.example")
    settle(server)
    assert told == []
    assert len(server.sessions) == 0
    server.connect("c", print, origin="https://A.example/")
    settle(server)
    assert told == ["c"]


def test_check_origin_says_the_same_before_an_upgrade(make_server: Callable[..., Server]) -> None:
    server = make_server(origins=Origins.allow(["https://a.example"]))
    server.check_origin("https://a.example")
    with pytest.raises(OriginRefused):
        server.check_origin("https://b.example")


# The session's own store.


@pytest.fixture
def own(make_server: Callable[..., Server]) -> Server:
    return make_server({"draft": (), "shared": 1}, Wiring(session=Slice(append, field="draft")))


def test_a_session_message_is_applied_and_acknowledged(own: Server) -> None:
    client = ScriptedClient(own)
    client.send(ClientMessage(1, "session", "a"), ClientMessage(2, "session", "b"))
    frames = client.take()
    assert [ref for frame in frames for ref in frame.refs] == [1, 2]  # type: ignore[union-attr]
    assert frames[-1].seq == 2  # type: ignore[union-attr]


def test_a_session_message_is_never_broadcast(own: Server) -> None:
    one, other = ScriptedClient(own), ScriptedClient(own)
    other.send(ClientMessage(1, "session", "mine"))
    other.take()
    one.send(ClientMessage(1, "session", "a"))
    one.take()
    assert other.take() == []


def test_on_message_hears_the_message_the_updated_model_and_the_client(own: Server) -> None:
    heard: list[Any] = []
    own.on_message(lambda message, model, client_id: heard.append((message, model, client_id)))
    client = ScriptedClient(own)
    client.send(ClientMessage(1, "session", "a"), ClientMessage(2, "session", "b"))
    settle(own)
    assert heard == [("a", ("a",), client.id), ("b", ("a", "b"), client.id)]


def test_a_hook_that_raises_hurts_nobody(own: Server, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []

    @own.on_message
    def broken(message: Any, model: Any, client_id: str) -> None:
        raise ValueError("in the hook")

    own.on_message(lambda *arguments: heard.append(arguments))
    client = ScriptedClient(own)
    client.send(ClientMessage(1, "session", "a"))
    assert client.take() == [Acknowledge("session", 1, [1], False)]
    assert len(heard) == 1
    assert "the hook on_message failed" not in caplog.text  # what failed, and not the wrapping
    assert "hook on_message failed; trace id" in caplog.text


@pytest.mark.parametrize("error", [SystemExit, gevent.Timeout])
def test_a_base_exception_in_a_hook_hurts_nobody_either(
    own: Server, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    @own.on_message
    def broken(message: Any, model: Any, client_id: str) -> None:
        raise error

    client = ScriptedClient(own)
    client.send(ClientMessage(1, "session", "a"), ClientMessage(2, "session", "b"))
    frames = client.take()
    assert [ref for frame in frames for ref in frame.refs] == [1, 2]  # type: ignore[union-attr]


def test_a_session_message_that_crashes_is_rejected_and_takes_no_seq(
    make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(1, Wiring(session=Slice(lambda model, message: model // message)))
    heard: list[Any] = []
    server.on_message(lambda *arguments: heard.append(arguments))
    client = ScriptedClient(server)
    client.send(ClientMessage(1, "session", 0))
    (rejected,) = client.take()
    assert isinstance(rejected, Rejected)
    assert rejected[:3] == (1, "session", "crashed")
    assert "ZeroDivisionError" not in repr(rejected)
    assert rejected.details["trace_id"] in caplog.text
    client.send(ClientMessage(2, "session", 1))
    assert client.take() == [Acknowledge("session", 1, [2], False)]
    assert len(heard) == 1


def test_without_a_session_slice_the_model_stays_and_the_seq_rises(make_server: Callable[..., Server]) -> None:
    server = make_server(5)
    client = ScriptedClient(server)
    client.send(ClientMessage(1, "session", "x"), Resync({"session": None}))
    acknowledge, snapshot = client.take()
    assert acknowledge == Acknowledge("session", 1, [1], False)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.state, snapshot.seq) == (5, 1)


def test_the_seeds_of_a_connection_are_applied_before_anything_it_sends(own: Server) -> None:
    client = ScriptedClient(own, session=["seed 1", "seed 2"])
    client.send(ClientMessage(1, "session", "mine"), Resync({"session": None}))
    frames = client.take()
    assert frames[:3] == [
        ServerMessage("session", 1, "seed 1"),
        ServerMessage("session", 2, "seed 2"),
        Acknowledge("session", 3, [1], False),
    ]
    snapshot = frames[3]
    assert isinstance(snapshot, Snapshot)
    assert snapshot.state == ("seed 1", "seed 2", "mine")


def test_dispatch_to_reaches_one_client_and_fires_no_hook(own: Server) -> None:
    heard: list[Any] = []
    own.on_message(lambda *arguments: heard.append(arguments))
    one, other = ScriptedClient(own), ScriptedClient(own)
    own.dispatch_to(one.id, "hello")
    assert one.take() == [ServerMessage("session", 1, "hello")]
    assert other.take() == []
    assert heard == []


def test_dispatch_to_an_unknown_client_does_nothing(own: Server) -> None:
    own.dispatch_to("nobody", "hello")
    settle(own)
    assert own.own_stores.running() == []


def test_dispatch_to_all_reaches_everybody(own: Server) -> None:
    clients = [ScriptedClient(own) for _ in range(3)]
    own.dispatch_to_all("hello")
    for client in clients:
        assert client.take() == [ServerMessage("session", 1, "hello")]


def test_what_cannot_be_encoded_is_refused_at_once(own: Server) -> None:
    with pytest.raises(UnregisteredType):
        own.dispatch_to("c", Plain())
    with pytest.raises(UnregisteredType):
        own.dispatch_to_all(Plain())
    with pytest.raises(UnregisteredType):
        own.connect("c", print, session=[Plain()])
    assert len(own.sessions) == 0


# Topics.


def test_a_stored_topic_s_subscriber_gets_the_snapshot_then_the_acknowledge(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(Store(7, add))
    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    snapshot, acknowledge = known.take()
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.target, snapshot.seq, snapshot.state, snapshot.reason) == ("topic:t", 0, 7, "subscribed")
    assert acknowledge == Acknowledge("topic:t", 0, [1], False)
    assert topic.subscribers == [known.id]


def test_a_message_is_acknowledged_to_its_author_and_goes_to_the_others(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    a, b = client(), client()
    subscribed(a, "topic:t")
    subscribed(b, "topic:t")
    a.send(ClientMessage(2, "topic:t", 5))
    assert a.take() == [Acknowledge("topic:t", 1, [2], False)]
    assert b.take() == [ServerMessage("topic:t", 1, 5)]
    assert (topic.model, topic.seq) == (5, 1)


def test_dispatch_goes_to_everybody_and_fires_no_hook(server: Server, client: Connect) -> None:
    heard: list[Any] = []
    server.on_topic_message(lambda message, topic_id, client_id: heard.append((message, topic_id, client_id)))
    topic = server.topic("t").with_store(COUNTER)
    a, b = client(), client()
    subscribed(a, "topic:t")
    subscribed(b, "topic:t")
    topic.dispatch(5)
    assert a.take() == b.take() == [ServerMessage("topic:t", 1, 5)]
    topic.broadcast("hi")
    settle(server)
    assert heard == []


def test_broadcast_pushes_to_everybody_but_the_excluded(server: Server, client: Connect) -> None:
    topic = server.topic("t")
    a, b = client(), client()
    subscribed(a, "topic:t")
    subscribed(b, "topic:t")
    topic.broadcast("hi", exclude=a.id)
    assert a.take() == []
    assert b.take() == [Push("topic:t", "hi")]
    topic.broadcast("all", exclude="nobody")
    assert a.take() == b.take() == [Push("topic:t", "all")]


def test_an_ephemeral_topic_relays_a_message_to_the_others(server: Server, client: Connect) -> None:
    server.topic("t")
    a, b = client(), client()
    subscribed(a, "topic:t")
    subscribed(b, "topic:t")
    a.send(ClientMessage(2, "topic:t", "hi"), ClientMessage(0, "topic:t", "ho"))
    assert a.take() == [Acknowledge("topic:t", 0, [2], False)]
    assert b.take() == [Push("topic:t", "hi"), Push("topic:t", "ho")]


def test_an_ephemeral_topic_gives_an_acknowledge_and_no_snapshot(server: Server, client: Connect) -> None:
    server.topic("t")
    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    assert known.take() == [Acknowledge("topic:t", 0, [1], False)]


def test_on_topic_message_hears_stored_ephemeral_and_unknown_topics(server: Server, client: Connect) -> None:
    heard: list[Any] = []
    server.on_topic_message(lambda message, topic_id, client_id: heard.append((message, topic_id, client_id)))
    server.topic("stored").with_store(COUNTER)
    server.topic("ephemeral")
    known = client()
    subscribed(known, "topic:stored", "topic:ephemeral")
    for ref, topic in enumerate(("stored", "ephemeral", "unknown"), 9):
        known.send(ClientMessage(ref, f"topic:{topic}", 1))
    settle(server)
    assert heard == [(1, "stored", known.id), (1, "ephemeral", known.id), (1, "unknown", known.id)]


def test_on_topic_message_comes_before_the_topic_applies_it(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    seqs: list[int] = []
    server.on_topic_message(lambda message, topic_id, client_id: seqs.append(topic.seq))
    known = client()
    subscribed(known, "topic:t")
    known.send(ClientMessage(2, "topic:t", 1))
    settle(server)
    assert seqs == [0]
    assert topic.seq == 1


def test_a_topic_hook_that_raises_does_not_keep_the_message_away(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.topic("t").with_store(COUNTER)

    @server.on_topic_message
    def broken(message: Any, topic_id: str, client_id: str) -> None:
        raise ValueError

    known = client()
    subscribed(known, "topic:t")
    known.send(ClientMessage(2, "topic:t", 1))
    assert known.take() == [Acknowledge("topic:t", 1, [2], False)]


def test_who_is_not_subscribed_cannot_write(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known = client()
    known.send(ClientMessage(3, "topic:t", 1), ClientMessage(4, "topic:unknown", 1))
    assert codes(known) == [(3, "topic:t", "not_subscribed"), (4, "topic:unknown", "not_subscribed")]
    assert topic.seq == 0


def test_a_message_that_crashes_is_rejected_and_nobody_else_notices(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t").with_store(Store(10, lambda model, message: model // message))
    a, b = client(), client()
    subscribed(a, "topic:t")
    subscribed(b, "topic:t")
    a.send(ClientMessage(2, "topic:t", 0))
    assert codes(a) == [(2, "topic:t", "crashed")]
    assert b.take() == []
    assert (topic.model, topic.seq) == (10, 0)


def test_a_server_s_message_that_crashes_is_dropped_and_logged_and_raises_where_it_was_sent(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t").with_store(Store(10, lambda model, message: model // message))
    known = client()
    subscribed(known, "topic:t")
    with pytest.raises(Refused, match="crashed: topic:t: it crashed on a message; trace id") as caught:
        topic.dispatch(0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    topic.dispatch(0, wait=False)
    assert known.take() == []
    assert (topic.model, topic.seq) == (10, 0)
    assert "ZeroDivisionError" in caplog.text


def test_messages_sent_with_their_subscribe_wait_for_it(server: Server, client: Connect) -> None:
    server.topic("t").with_store(COUNTER)
    known = client()
    known.send(Subscribe(1, "topic:t", None, None), ClientMessage(2, "topic:t", 5), ClientMessage(3, "topic:t", 6))
    snapshot, subscribe, *acknowledges = known.take()
    assert isinstance(snapshot, Snapshot)
    assert subscribe == Acknowledge("topic:t", 0, [1], False)
    assert [ref for each in acknowledges for ref in each.refs] == [2, 3]  # type: ignore[union-attr]


def test_subscribing_twice_gives_the_snapshot_again_and_the_join_hook_not(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(LIST)
    joins: list[str] = []
    topic.on_join(lambda client_id: joins.append(client_id))
    known = client()
    subscribed(known, "topic:t")
    known.send(Subscribe(2, "topic:t", None, None))
    snapshot, acknowledge = known.take()
    assert isinstance(snapshot, Snapshot)
    assert acknowledge == Acknowledge("topic:t", 0, [2], False)
    assert joins == [known.id]
    topic.dispatch("once")
    assert known.take() == [ServerMessage("topic:t", 1, "once")]


def test_unsubscribing_is_acknowledged_and_ends_the_messages(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known = client()
    subscribed(known, "topic:t")
    known.send(Unsubscribe(2, "topic:t"))
    assert known.take() == [Acknowledge("topic:t", 0, [2], False)]
    topic.dispatch(1)
    assert known.take() == []
    known.send(ClientMessage(3, "topic:t", 1))
    assert codes(known) == [(3, "topic:t", "not_subscribed")]


def test_unsubscribing_from_what_one_is_not_in_is_acknowledged_and_fires_no_hook(
    server: Server, client: Connect
) -> None:
    leaves: list[str] = []
    server.topic("t").on_leave(leaves.append)
    known = client()
    known.send(Unsubscribe(1, "topic:t"), Unsubscribe(2, "topic:unknown"))
    assert known.take() == [
        Acknowledge("topic:t", 0, [1], False),
        Acknowledge("topic:unknown", 0, [2], False),
    ]
    assert leaves == []


def test_subscribing_and_unsubscribing_at_once_leaves_nobody_there(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known = client()
    known.send(Subscribe(1, "topic:t", None, None), Unsubscribe(2, "topic:t"), ClientMessage(3, "topic:t", 1))
    frames = known.take()
    assert [frame.refs for frame in frames if isinstance(frame, Acknowledge)] == [[1], [2]]
    assert [frame.ref for frame in frames if isinstance(frame, Rejected)] == [3]
    assert topic.subscribers == []


# Who may.


def test_unknown_topics_pages_and_the_tree_are_not_found(server: Server, client: Connect) -> None:
    known = client()
    for ref, target in enumerate(["topic:unknown", "page:home", "tree"], 1):
        known.send(Subscribe(ref, target, None, None))
    assert codes(known) == [
        (1, "topic:unknown", "not_found"),
        (2, "page:home", "not_found"),
        (3, "tree", "not_found"),
    ]


def test_who_may_not_is_denied_and_not_subscribed(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    topic.can_subscribe(lambda client_id, topic_id, session_model: False)
    known = client()
    known.send(Subscribe(1, "topic:t", None, None), ClientMessage(2, "topic:t", 1))
    assert codes(known) == [(2, "topic:t", "not_subscribed"), (1, "topic:t", "denied")]
    known.send(ClientMessage(3, "topic:t", 1))
    assert codes(known) == [(3, "topic:t", "not_subscribed")]
    assert topic.subscribers == []
    assert topic.seq == 0


def test_can_subscribe_hears_the_client_the_topic_and_the_session_s_model(own: Server) -> None:
    heard: list[Any] = []
    topic = own.topic("t")

    @topic.can_subscribe
    def may(client_id: str, topic_id: str, session_model: Any) -> bool:
        heard.append((client_id, topic_id, session_model))
        return True

    client = ScriptedClient(own)
    subscribed(client, "topic:t")
    client.send(ClientMessage(5, "session", "draft"))
    settle(own)
    client.send(Unsubscribe(6, "topic:t"), Subscribe(7, "topic:t", None, None))
    settle(own)
    assert heard == [(client.id, "t", ()), (client.id, "t", ("draft",))]


def test_a_resync_is_asked_about_too_and_a_denied_one_ends_the_subscription(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    allowed = [True]
    topic.can_subscribe(lambda client_id, topic_id, session_model: allowed[0])
    known, stranger = client(), client()
    subscribed(known, "topic:t")
    allowed[0] = False
    for each, join in ((known, 1), (stranger, 0)):
        each.send(Resync({"topic:t": None}))
        assert [frame[::3] for frame in outs(each)] == [("topic:t", join)]
    topic.dispatch(1)
    assert known.take() == []
    assert topic.subscribers == []


def test_a_can_subscribe_that_raises_lets_nobody_in_and_tells_nothing(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t")

    @topic.can_subscribe
    def broken(client_id: str, topic_id: str, session_model: Any) -> bool:
        raise ValueError("secret")

    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    (rejected,) = known.take()
    assert isinstance(rejected, Rejected)
    assert rejected[:3] == (1, "topic:t", "crashed")
    assert "secret" not in repr(rejected)
    assert rejected.details["trace_id"] in caplog.text
    assert topic.subscribers == []


@pytest.mark.parametrize("error", [SystemExit, gevent.Timeout])
def test_a_base_exception_in_can_subscribe_is_answered_too(
    server: Server, client: Connect, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t")

    @topic.can_subscribe
    def broken(client_id: str, topic_id: str, session_model: Any) -> bool:
        raise error

    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    assert codes(known) == [(1, "topic:t", "crashed")]


def test_a_can_subscribe_that_waits_delays_its_own_client_alone(server: Server, client: Connect) -> None:
    topic, other = server.topic("slow"), server.topic("quick")
    gate = gevent.event.Event()
    topic.can_subscribe(lambda client_id, topic_id, session_model: gate.wait(LIMIT))
    slow, quick = client(), client()
    slow.send(Subscribe(1, "topic:slow", None, None))
    quick.send(Subscribe(1, "topic:quick", None, None))
    assert quick.take() == [Acknowledge("topic:quick", 0, [1], False)]
    assert slow.take() == []
    gate.set()
    assert slow.take() == [Acknowledge("topic:slow", 0, [1], False)]
    assert other.subscribers == [quick.id]


def test_a_can_subscribe_that_takes_too_long_lets_nobody_in(
    make_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(hook_timeout=0.01)
    answered = gevent.event.Event()
    server.topic("t").can_subscribe(lambda client_id, topic_id, session_model: gevent.sleep(LIMIT))
    server.connect("c", lambda frame: answered.set())
    server.incoming("c", nuphar.transport.encode(Subscribe(1, "topic:t", None, None), server.codec.serialiser))
    assert answered.wait(LIMIT)
    assert "took longer than 0.01 s" in caplog.text


# Joining and leaving.


def test_what_a_join_causes_comes_after_its_acknowledge_and_to_everybody(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(LIST)
    topic.on_join(lambda client_id: ["joined"])
    a, b = client(), client()
    subscribed(a, "topic:t")
    b.send(Subscribe(1, "topic:t", None, None))
    snapshot, acknowledge, caused = b.take()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.seq == 1
    assert acknowledge == Acknowledge("topic:t", 1, [1], False)
    assert caused == ServerMessage("topic:t", 2, "joined")
    assert a.take() == [ServerMessage("topic:t", 2, "joined")]


def test_what_a_join_causes_in_an_ephemeral_topic_is_pushed(server: Server, client: Connect) -> None:
    topic = server.topic("t")
    topic.on_join(lambda client_id: ["joined"])
    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    assert known.take() == [Acknowledge("topic:t", 0, [1], False), Push("topic:t", "joined")]


@pytest.mark.parametrize("stored", [True, False])
def test_what_a_leave_causes_goes_to_those_who_stay(server: Server, client: Connect, stored: bool) -> None:
    topic = server.topic("t")
    if stored:
        topic.with_store(LIST)
    topic.on_leave(lambda client_id: ["left"])
    a, b = client(), client()
    subscribed(a, "topic:t")
    subscribed(b, "topic:t")
    b.send(Unsubscribe(2, "topic:t"))
    expected = ServerMessage("topic:t", 1, "left") if stored else Push("topic:t", "left")
    assert a.take() == [expected]
    assert [type(frame) for frame in b.take()] == [Acknowledge]


def test_a_disconnect_leaves_every_topic_once(server: Server, client: Connect) -> None:
    leaves: list[tuple[str, str]] = []
    for id in ("t", "u", "v"):
        server.topic(id).on_leave(lambda client_id, topic_id=id: leaves.append((topic_id, client_id)))
    known = client()
    subscribed(known, "topic:t", "topic:u")
    server.disconnect(known.id)
    settle(server)
    assert sorted(leaves) == [("t", known.id), ("u", known.id)]


def test_an_unsubscribe_by_the_server_is_a_leave_once(server: Server, client: Connect) -> None:
    leaves: list[str] = []
    topic = server.topic("t").with_store(COUNTER)
    topic.on_leave(lambda client_id: leaves.append(client_id))
    known = client()
    subscribed(known, "topic:t")
    topic.unsubscribe(known.id)
    topic.unsubscribe(known.id)
    settle(server)
    server.disconnect(known.id)
    settle(server)
    assert leaves == [known.id]
    assert [frame[:2] for frame in outs(known)] == [("topic:t", "denied")]


def test_the_server_subscribes_without_asking(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    topic.can_subscribe(lambda client_id, topic_id, session_model: False)
    joins: list[str] = []
    topic.on_join(lambda client_id: joins.append(client_id))
    known = client()
    topic.subscribe(known.id)
    topic.subscribe("nobody")
    (snapshot,) = known.take()
    assert isinstance(snapshot, Snapshot)
    assert joins == [known.id]
    known.send(ClientMessage(1, "topic:t", 1))
    assert known.take() == [Acknowledge("topic:t", 1, [1], False)]


def test_a_join_hook_that_returns_something_else_is_a_crash_that_names_it(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.topic("t").on_join(lambda client_id: "not a list")
    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    assert codes(known) == [(1, "topic:t", "crashed")]
    assert "on_join must return a list of messages or None, got 'not a list'" in caplog.text


# Resync.


def test_a_resync_subscribes_again_and_brings_what_was_missed(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    first = client()
    first.send(Subscribe(1, "topic:t", None, None))
    epoch = first.take()[0].epoch  # type: ignore[union-attr]
    topic.dispatch(1)
    topic.dispatch(2)
    second = client()
    second.send(Resync({"topic:t": (epoch, 1)}))
    assert second.take() == [ServerMessage("topic:t", 2, 2)]
    topic.dispatch(3)
    assert second.take() == [ServerMessage("topic:t", 3, 3)]


def test_a_resync_without_a_cursor_brings_a_snapshot(server: Server, client: Connect) -> None:
    server.topic("t").with_store(COUNTER)
    known = client()
    known.send(Resync({"topic:t": None, "topic:unknown": ("e", 4)}))
    frames = sorted(known.take(), key=lambda frame: type(frame).__name__)
    assert [type(frame) for frame in frames] == [Out, Snapshot]
    assert frames[0][:2] == ("topic:unknown", "not_found")


def test_a_resync_subscribes_to_an_ephemeral_topic_again(server: Server, client: Connect) -> None:
    topic = server.topic("t")
    known = client()
    known.send(Resync({"topic:t": None}))
    assert known.take() == []
    topic.broadcast("hi")
    assert known.take() == [Push("topic:t", "hi")]


# Frames that are none.


def test_what_cannot_be_understood_is_answered(server: Server, client: Connect) -> None:
    known = client()
    known.send(b"")
    known.send(Ping(1))
    known.send(b"\x82\x18\x63\x01")
    known.send(Ping(2))
    known.send(Welcome("c", "s", "t", False, {}, 1.0, ""))
    known.send(Ping(3))
    known.send(Hello(1, None, None, {}, {}))
    frames = known.take()
    assert [frame.code for frame in frames if isinstance(frame, Rejected)] == [
        "malformed",
        "unknown_type",
        "wrong_direction",
        "malformed",
    ]
    assert [frame for frame in frames if isinstance(frame, Pong)] == [Pong(1), Pong(2), Pong(3)]


def test_several_bad_frames_in_a_row_end_the_session(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    gone: list[str] = []
    server.on_disconnect(gone.append)
    known = client()
    known.send(b"", b"", b"", b"")
    assert [frame.code for frame in known.take()] == ["malformed"] * 4  # type: ignore[union-attr]
    assert gone == [known.id]
    known.send(Ping(1))
    assert known.take() == []


def test_a_payload_that_is_none_is_answered_with_its_ref(make_server: Callable[..., Server]) -> None:
    serialiser = nuphar.custom(encode_message=str, decode_message=int, encode_model=str, decode_model=int)
    server = make_server(0, serialiser=serialiser)
    client = ScriptedClient(server)
    client.send(ClientMessage(3, "topic:t", "no number"))
    assert codes(client) == [(3, "topic:t", "malformed")]


def test_a_call_is_answered_with_a_failure(server: Server, client: Connect) -> None:
    known = client()
    known.send(Call(4, "add", [1, 2]))
    (failure,) = known.take()
    assert isinstance(failure, Failure)
    assert failure[:2] == (4, "not_found")


# Ids and kinds.


@pytest.mark.parametrize("id", ["", "a\x00b", "e\u0301", "x" * 256, "\ud800"])
def test_an_ill_formed_topic_id_is_refused(server: Server, id: str) -> None:
    with pytest.raises(UsageError, match="ill-formed"):
        server.topic(id)


def test_a_topic_id_is_taken_once(server: Server) -> None:
    server.topic("t")
    with pytest.raises(TopicExists):
        server.topic("t")


def test_topics_and_kinds_collide_in_both_directions(make_server: Callable[..., Server]) -> None:
    one = make_server()
    one.topic_kind("room:")
    with pytest.raises(TopicExists):
        one.topic("room:1")
    other = make_server()
    other.topic("room:1")
    with pytest.raises(TopicExists):
        other.topic_kind("room:")


def test_a_topic_may_be_called_as_a_kind_is_without_its_colon(make_server: Callable[..., Server]) -> None:
    server = make_server()
    rooms, all_rooms = server.topic_kind("room:").with_store(Store(1, add)), server.topic("room").with_store(COUNTER)
    assert all_rooms.dispatch(5) == rooms.topic("a").dispatch(6) == 1
    assert (all_rooms.model, rooms.topic("a").model) == (5, 7)


def test_a_prefix_is_taken_once(server: Server) -> None:
    server.topic_kind("room:")
    with pytest.raises(TopicExists):
        server.topic_kind("room:")


def test_a_kind_s_topic_starts_with_its_first_subscribe(server: Server, client: Connect) -> None:
    rooms = server.topic_kind("room:", int, store=lambda key: Store(key, add))
    known = client()
    assert rooms.topics() == []
    known.send(Subscribe(1, "topic:room:7", None, None))
    snapshot, _ = known.take()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.state == 7
    assert [topic.id for topic in rooms.topics()] == ["room:7"]


def test_an_id_that_does_not_parse_is_not_found(server: Server, client: Connect) -> None:
    server.topic_kind("room:", int)
    known = client()
    known.send(Subscribe(1, "topic:room:seven", None, None), Subscribe(2, "topic:room:", None, None))
    assert sorted(codes(known)) == [(1, "topic:room:seven", "not_found"), (2, "topic:room:", "not_found")]


def test_a_kind_is_wired_by_its_prefix(make_server: Callable[..., Server]) -> None:
    wiring = Wiring(kinds={"room:": Slice(add, initial=lambda key: key * 10)})
    server = make_server(None, wiring)
    rooms = server.topic_kind("room:", int)
    assert rooms.topic(4).model == 40


def test_a_denied_subscribe_starts_no_topic(server: Server, client: Connect) -> None:
    rooms = server.topic_kind("room:", int, can_subscribe=lambda client_id, topic_id, session_model: False)
    known = client()
    known.send(Subscribe(1, "topic:room:7", None, None))
    assert codes(known) == [(1, "topic:room:7", "denied")]
    assert rooms.topics() == []


def test_too_many_topics_are_busy(make_server: Callable[..., Server]) -> None:
    server = make_server(max_topics=2)
    rooms = server.topic_kind("room:")
    client = ScriptedClient(server)
    for n in (1, 2, 3):
        client.send(Subscribe(n, f"topic:room:{n}", None, None))
    frames = client.take()
    assert [frame.refs for frame in frames if isinstance(frame, Acknowledge)] == [[1], [2]]
    assert [frame[:3] for frame in frames if isinstance(frame, Rejected)] == [(3, "topic:room:3", "busy")]
    with pytest.raises(Refused, match="busy"):
        rooms.topic(4)
    client.send(Subscribe(4, "topic:room:1", None, None))  # one that runs is still found
    assert client.take() == [Acknowledge("topic:room:1", 0, [4], False)]


def test_too_many_subscriptions_are_busy(make_server: Callable[..., Server]) -> None:
    server = make_server(max_subscriptions=1)
    server.topic("t")
    server.topic("u")
    client = ScriptedClient(server)
    subscribed(client, "topic:t")
    client.send(Subscribe(5, "topic:u", None, None))
    assert codes(client) == [(5, "topic:u", "busy")]


def test_a_full_mailbox_is_busy(make_server: Callable[..., Server]) -> None:
    server = make_server(mailbox=3)
    server.topic("t").with_store(COUNTER)
    client = ScriptedClient(server)
    subscribed(client, "topic:t")
    client.send(*(ClientMessage(ref, "topic:t", 1) for ref in range(2, 7)))
    frames = client.take()
    assert [frame[:3] for frame in frames if isinstance(frame, Rejected)] == [
        (5, "topic:t", "busy"),
        (6, "topic:t", "busy"),
    ]
    assert [ref for frame in frames if isinstance(frame, Acknowledge) for ref in frame.refs] == [2, 3, 4]


# Stores.


def test_a_topic_takes_its_store_from_the_wiring(make_server: Callable[..., Server]) -> None:
    server = make_server({"chat": (), "n": 3}, Wiring(topics={"n": Slice(add, field="n")}))
    topic = server.topic("n").with_store()
    topic.dispatch(4)
    assert (topic.model, topic.seq) == (7, 1)


def test_a_topic_that_is_not_wired_says_what_is(make_server: Callable[..., Server]) -> None:
    server = make_server({"n": 3}, Wiring(topics={"n": Slice(add, field="n")}))
    with pytest.raises(UsageError, match=r"nothing is wired for topic 'm'; wired are \['n'\]"):
        server.topic("m").with_store()


def test_a_topic_has_one_store(server: Server) -> None:
    topic = server.topic("t").with_store(COUNTER)
    with pytest.raises(UsageError, match="has a store already"):
        topic.with_store(COUNTER)


@pytest.mark.parametrize("store", [5, (0, add, 1), Store(0, None)])  # type: ignore[arg-type]
def test_a_store_is_a_store(server: Server, store: Any) -> None:
    with pytest.raises(UsageError):
        server.topic("t").with_store(store)


def test_a_model_that_cannot_be_written_is_refused_at_once(server: Server) -> None:
    with pytest.raises(UnregisteredType):
        server.topic("t").with_store(Store(Plain(), add))


def test_an_ephemeral_topic_has_no_model_and_nothing_to_dispatch_to(server: Server) -> None:
    topic = server.topic("t")
    with pytest.raises(UsageError, match="has no store"):
        topic.dispatch(1)
    with pytest.raises(UsageError, match="has no model"):
        _ = topic.model
    with pytest.raises(UsageError, match="has no model"):
        _ = topic.seq


def test_a_topic_that_gets_a_store_late_tells_its_subscribers(server: Server, client: Connect) -> None:
    topic = server.topic("t")
    known = client()
    subscribed(known, "topic:t")
    topic.with_store(Store(5, add))
    (snapshot,) = known.take()
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.state, snapshot.seq) == (5, 0)
    topic.dispatch(1)
    assert known.take() == [ServerMessage("topic:t", 1, 1)]


def test_the_model_includes_what_was_dispatched_before(server: Server) -> None:
    topic = server.topic("t").with_store(COUNTER)
    settle(server)
    for n in range(10):
        topic.dispatch(1)
        assert topic.snapshot == (n + 1, n + 1)


def test_reading_the_model_holds_nobody_s_frames_back(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known = client()
    subscribed(known, "topic:t")
    known.send(ClientMessage(2, "topic:t", 1))
    assert topic.model == 1
    assert known.take() == [Acknowledge("topic:t", 1, [2], False)]


def test_a_value_of_an_unknown_type_is_refused_at_once(server: Server) -> None:
    topic = server.topic("t").with_store(COUNTER)
    with pytest.raises(UnregisteredType):
        topic.dispatch(Plain())
    with pytest.raises(UnregisteredType):
        topic.broadcast(Plain())
    assert topic.seq == 0


def test_a_model_that_cannot_be_written_is_not_taken_and_its_message_is_in_the_log(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    topic = server.topic("t").with_store(Store(0, lambda model, message: Plain()))
    with pytest.raises(Refused, match="cannot write what a message made"):
        topic.dispatch(1)
    known = client()
    known.send(Subscribe(1, "topic:t", None, None))
    assert [type(frame) for frame in known.take()] == [Snapshot, Acknowledge]
    assert topic.snapshot == (0, 0)
    assert "Plain cannot be sent" in caplog.text


# Stopping.


def test_a_topic_that_stops_says_one_final_acknowledge(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known = client()
    subscribed(known, "topic:t")
    topic.dispatch(1)
    topic.stop()
    assert known.take() == [ServerMessage("topic:t", 1, 1), Acknowledge("topic:t", 1, [], True)]
    known.send(Subscribe(5, "topic:t", None, None), ClientMessage(6, "topic:t", 1))
    assert sorted(codes(known)) == [(5, "topic:t", "not_found"), (6, "topic:t", "not_subscribed")]


def test_an_ephemeral_topic_stops_with_a_final_acknowledge_at_seq_zero(server: Server, client: Connect) -> None:
    topic = server.topic("t")
    known = client()
    subscribed(known, "topic:t")
    topic.stop()
    assert known.take() == [Acknowledge("topic:t", 0, [], True)]


def test_a_topic_that_has_stopped_says_so_and_its_id_is_free(server: Server) -> None:
    topic = server.topic("t").with_store(COUNTER)
    topic.stop()
    for call in (topic.stop, lambda: topic.dispatch(1), lambda: topic.broadcast(1), lambda: topic.subscribe("c")):
        with pytest.raises(NotRunning, match="has stopped"):
            call()
    again = server.topic("t").with_store(COUNTER)
    again.dispatch(5)
    assert (again.model, again.seq) == (5, 1)


def test_a_kind_s_topic_begins_anew_after_its_stop(server: Server, client: Connect) -> None:
    rooms = server.topic_kind("room:", store=COUNTER)
    known = client()
    known.send(Subscribe(1, "topic:room:a", None, None), ClientMessage(2, "topic:room:a", 5))
    first = known.take()[0]
    rooms.topic("a").stop()
    assert known.take() == [Acknowledge("topic:room:a", 1, [], True)]
    known.send(Subscribe(3, "topic:room:a", (first.epoch, 1), None))  # type: ignore[union-attr]
    snapshot, acknowledge = known.take()
    assert isinstance(first, Snapshot)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.seq, snapshot.state, snapshot.reason) == (0, 0, "restarted")
    assert snapshot.epoch != first.epoch
    assert acknowledge == Acknowledge("topic:room:a", 0, [3], False)


def test_what_waits_in_a_topic_that_stops_is_answered(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(COUNTER)
    known, late = client(), client()
    subscribed(known, "topic:t")
    greenlet = gevent.spawn(topic.stop)
    gevent.sleep(0)  # the Stop is in the mailbox
    known.send(ClientMessage(2, "topic:t", 1), Unsubscribe(3, "topic:t"))
    frames = known.take()
    greenlet.get(timeout=LIMIT)
    assert Acknowledge("topic:t", 0, [], True) in frames
    assert [frame[:3] for frame in frames if isinstance(frame, Rejected)] in (
        [(2, "topic:t", "gone")],
        [(2, "topic:t", "not_subscribed")],
    )
    assert [frame.refs for frame in frames if isinstance(frame, Acknowledge) and frame.refs] == [[3]]
    assert late.take() == []


def test_a_server_that_stops_gives_one_final_acknowledge_for_each_topic(server: Server, client: Connect) -> None:
    for id in ("t", "u"):
        server.topic(id).with_store(COUNTER)
    server.topic("ephemeral")
    one, other, bystander = client(), client(), client()
    subscribed(one, "topic:t", "topic:u")
    subscribed(other, "topic:t", "topic:ephemeral")
    bystander.send(ClientMessage(1, "session", 1))
    bystander.take()
    server.stop()
    assert sorted(one.peek()) == [Acknowledge("topic:t", 0, [], True), Acknowledge("topic:u", 0, [], True)]
    assert sorted(other.peek()) == [Acknowledge("topic:ephemeral", 0, [], True), Acknowledge("topic:t", 0, [], True)]
    assert bystander.peek() == []


def test_everything_sent_before_a_stop_is_answered_before_its_end(server: Server, client: Connect) -> None:
    server.topic("t").with_store(COUNTER)
    known = client()
    subscribed(known, "topic:t")
    known.send(*(ClientMessage(ref, "topic:t", 1) for ref in range(2, 102)))
    server.stop()
    frames = known.peek()
    assert [ref for frame in frames if isinstance(frame, Acknowledge) for ref in frame.refs] == list(range(2, 102))
    assert frames[-1] == Acknowledge("topic:t", 100, [], True)


def test_a_server_may_be_stopped_by_its_own_hook(server: Server, client: Connect) -> None:
    over = gevent.event.Event()
    server.on_end(over.set)
    server.on_topic_message(lambda *arguments: server.stop())
    known = client()
    known.send(ClientMessage(1, "topic:t", 1))
    assert over.wait(LIMIT)


def test_a_server_may_be_stopped_by_a_hook_that_runs_in_one_of_its_actors(
    server: Server, client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    over = gevent.event.Event()
    server.on_end(over.set)
    server.on_message(lambda *arguments: server.stop())
    known = client()
    known.send(ClientMessage(1, "session", 1))
    assert over.wait(LIMIT)


# Threads.


def test_every_call_works_from_an_os_thread(make_server: Callable[..., Server]) -> None:
    server = make_server(0, Wiring(session=Slice(add)))
    topic = server.topic("t").with_store(COUNTER)
    here = ScriptedClient(server)
    subscribed(here, "topic:t")
    got: list[bytes] = []

    def use() -> Any:
        server.connect("c", got.append, session=[1])
        data = nuphar.transport.encode(Subscribe(1, "topic:t", None, None), server.codec.serialiser)
        server.incoming("c", data)
        topic.dispatch(5)
        topic.broadcast("hi")
        server.dispatch_to("c", 2)
        server.dispatch_to_all(3)
        rooms = server.topic_kind("room:", store=COUNTER)
        rooms.topic("a").dispatch(9)
        late = server.topic("late").with_store(COUNTER)
        late.dispatch(1)
        late.stop()
        return topic.snapshot, rooms.topic("a").snapshot

    assert in_a_thread(use) == ((5, 1), (9, 1))
    assert [frame for frame in here.take() if frame.target == "topic:t"] == [  # type: ignore[union-attr]
        ServerMessage("topic:t", 1, 5),
        Push("topic:t", "hi"),
    ]
    frames = [nuphar.transport.decode(frame, server.codec.serialiser) for frame in got]
    assert [frame.payload for frame in frames if frame.target == "session"] == [1, 2, 3]  # type: ignore[union-attr]
    in_a_thread(lambda: server.disconnect("c"))
    settle(server)
    assert topic.subscribers == [here.id]


def test_a_client_that_a_thread_connected_is_served_on_the_server_s_thread(server: Server, client: Connect) -> None:
    from nuphar.actors.runtime.mailbox import get_ident

    idents: list[int] = []
    server.on_topic_message(lambda *arguments: idents.append(get_ident()))
    one, two = (nuphar.transport.encode(ClientMessage(ref, "topic:t", 1), server.codec.serialiser) for ref in (1, 2))

    def use() -> None:
        server.connect("c", lambda frame: idents.append(get_ident()))
        server.incoming("c", one)

    in_a_thread(use)
    settle(server)
    server.incoming("c", two)
    settle(server)
    assert idents == [get_ident()] * 4


def test_a_client_that_a_thread_connected_is_told_to_the_hooks(server: Server) -> None:
    told: list[str] = []
    server.on_connect(told.append)
    in_a_thread(lambda: server.connect("c", print))
    settle(server)
    assert told == ["c"]


def test_a_server_may_be_stopped_from_an_os_thread(server: Server) -> None:
    in_a_thread(server.stop)
    assert not server.is_running


def test_frames_from_an_os_thread_are_taken_in_their_order(server: Server, client: Connect) -> None:
    topic = server.topic("t").with_store(LIST)
    known = client()
    subscribed(known, "topic:t")
    frames = [nuphar.transport.encode(ClientMessage(n + 1, "topic:t", n), server.codec.serialiser) for n in range(200)]
    in_a_thread(lambda: [server.incoming(known.id, frame) for frame in frames])
    settle(server)
    assert topic.model == tuple(range(200))


# Wrong uses.


@pytest.mark.parametrize(
    "make",
    [
        lambda: Server(wiring={"t": 1}),  # type: ignore[arg-type]
        lambda: Server(limits=5),
        lambda: Server(origins=["https://a.example"]),
        lambda: Server(max_topics=0),
        lambda: Server(history=True),
        lambda: Server(mailbox="many"),
        lambda: Server(hook_timeout=-1),
    ],
)
def test_a_wrong_option_says_what_was_expected(make: Callable[[], Server]) -> None:
    with pytest.raises(UsageError, match="expected"):
        make()


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(UnknownOption, match=r"unknown option \['max_topic'\]; there are .*'max_topics'"):
        Server(max_topic=5)


def test_an_initial_model_that_cannot_be_written_is_refused_at_once() -> None:
    with pytest.raises(UnregisteredType):
        Server(Plain())


def test_parse_is_callable(server: Server) -> None:
    with pytest.raises(UsageError, match="parse"):
        server.topic_kind("room:", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [5, "text"])
def test_the_store_of_a_kind_is_a_store_or_makes_one(server: Server, store: Any) -> None:
    with pytest.raises(UsageError):
        server.topic_kind("room:", store=store)


def test_a_kind_that_was_refused_takes_no_prefix(server: Server) -> None:
    with pytest.raises(UsageError):
        server.topic_kind("room:", store=5)  # type: ignore[arg-type]
    server.topic_kind("room:")
