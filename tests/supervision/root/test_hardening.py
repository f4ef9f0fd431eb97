"""What careless programs and hostile clients tried once, and what they get."""

from __future__ import annotations

import gevent
import pytest

import nuphar
from nuphar import LocalProtocolError, Refused, Server, Store, UnknownOption, UsageError
from nuphar.actors.sessions.messages import LetIn
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, Rejected, Snapshot, Subscribe


def add(model, message):
    return model + message


@pytest.mark.parametrize(
    "error", [gevent.Timeout(0), SystemExit(), ValueError()], ids=lambda error: type(error).__name__
)
def test_a_store_that_cannot_be_made_is_the_subscriber_s_alone(server, client, error):
    def store(key):
        raise error

    server.topic_kind("room:", store=store)
    ada = client()
    ada.send(Subscribe(1, "topic:room:1", None, None))
    (answer,) = ada.take()
    assert (answer.ref, answer.code) == (1, "crashed")
    assert server.lifecycle.root.registry.whereis("router").is_alive()


def test_a_message_that_crashes_the_router_twice_is_set_aside_and_the_server_lives(server, client, caplog):
    server.books.router.put(LetIn([], "topic:chat"))  # an unhashable client id, past every check
    server.topic("chat").with_store(Store(0, add))
    ada = client()
    ada.send(Subscribe(1, "topic:chat", None, None))
    assert [type(frame) for frame in ada.take()] == [Snapshot, Acknowledge]
    assert "sets a message aside that crashed it 2 times" in caplog.text
    assert server.is_running


@pytest.mark.parametrize("call", ["dispatch_to", "disconnect", "subscribe", "unsubscribe", "broadcast"])
def test_a_client_id_that_cannot_be_one_is_refused_at_once(server, call):
    topic = server.topic("chat")
    calls = {
        "dispatch_to": lambda: server.dispatch_to([], 1),
        "disconnect": lambda: server.disconnect([]),
        "subscribe": lambda: topic.subscribe([]),
        "unsubscribe": lambda: topic.unsubscribe(5),
        "broadcast": lambda: topic.broadcast(1, exclude=[]),
    }
    with pytest.raises(UsageError, match="a client id is a non-empty str"):
        calls[call]()


def test_an_integer_that_no_client_could_read_is_refused_where_it_is_sent(server):
    topic = server.topic("count").with_store(Store(0, add))
    with pytest.raises(LocalProtocolError, match="at most 64 bits"):
        topic.dispatch(2**70)
    topic.dispatch(2**64 - 1)
    topic.dispatch(-(2**63))
    assert topic.seq == 2


def test_a_model_that_no_client_could_read_is_not_made(server, client, caplog):
    topic = server.topic("count").with_store(Store(2**63, add))
    with pytest.raises(Refused, match="cannot write what a message made"):
        topic.dispatch(2**63)
    ada = client()
    ada.send(Subscribe(1, "topic:count", None, None))
    snapshot, _ = ada.take()
    assert (snapshot.seq, snapshot.state) == (0, 2**63)
    assert "cannot write what a message made" in caplog.text


def test_an_update_that_says_no_in_its_own_words_is_no_crash(server, client, caplog):
    def update(model, message):
        raise Refused("denied", "the board is closed", {"until": 8})

    server.topic("board").with_store(Store([], update))
    ada = client()
    ada.send(Subscribe(1, "topic:board", None, None), ClientMessage(2, "topic:board", 1))
    assert ada.take()[-1] == Rejected(2, "topic:board", "denied", "the board is closed", {"until": 8})
    assert caplog.records == []


@pytest.mark.parametrize("error", [gevent.GreenletExit, GeneratorExit, SystemExit])
def test_a_subscribe_is_answered_whatever_its_hook_raises(server, client, error):
    topic = server.topic("chat")

    @topic.can_subscribe
    def never(client_id, topic_id):
        raise error

    ada = client()
    ada.send(Subscribe(1, "topic:chat", None, None))
    (answer,) = ada.take()
    assert (answer.ref, answer.code) == (1, "crashed")


@pytest.mark.parametrize("what", ["model", "stop"])
def test_a_topic_that_waits_for_itself_is_told_at_once(server, what):
    said = []

    def update(model, message):
        with pytest.raises(UsageError, match="an actor cannot wait for itself") as caught:
            topic.model if what == "model" else topic.stop()
        said.append(caught.value)
        return model + 1

    topic = server.topic("self").with_store(Store(0, update))
    topic.dispatch(1)
    assert topic.model == 1
    assert said


def test_a_misspelled_option_of_serve_is_an_error_and_not_tls():
    with pytest.raises(UnknownOption, match=r"unknown option \['prot'\]"):
        nuphar.serve(Server(), prot=9000)


def test_a_frame_that_is_no_bytes_is_refused_and_the_client_lives(server, client):
    ada = client("ada")
    with pytest.raises(UsageError, match="expected one frame as bytes, got None"):
        server.incoming("ada", None)
    ada.send(Subscribe(1, "topic:nowhere", None, None))
    assert [frame.code for frame in ada.take()] == ["not_found"]


def test_a_callback_that_raises_does_not_keep_the_others_from_the_end(caplog):
    server, called = Server(), []
    server.on_end(lambda: 1 / 0)
    server.on_end(lambda: called.append(True))
    server.start().stop()
    with gevent.Timeout(5):
        while not called:
            gevent.sleep(0)
    assert "a callback of on_end raised" in caplog.text


def test_a_stop_with_a_nonsense_timeout_leaves_the_server_running(server):
    with pytest.raises(TypeError):
        server.stop("soon")
    assert server.is_running


@pytest.mark.parametrize(
    "wrong",
    [
        lambda server: server.topic(5),
        lambda server: server.topic_kind(5),
        lambda server: server.on_connect(5),
        lambda server: server.topic("x").on_join(5),
        lambda server: Server(serialiser=5),
        lambda server: Server(history=1.5),
        lambda server: Server(hook_timeout=float("nan")),
        lambda server: nuphar.serve(5),
        lambda server: nuphar.Client("ws://127.0.0.1:99999/live"),
    ],
)
def test_a_wrong_argument_is_an_error_of_ours(server, wrong):
    with pytest.raises(UsageError, match=r"expected|is a"):
        wrong(server)
