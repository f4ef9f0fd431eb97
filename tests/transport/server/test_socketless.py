"""A client without a socket: its frames go out in order, and what it does wrong stays its own affair."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event
from support.scripted import settle

from nuphar import Server, automatic
from nuphar.actors.runtime.hooks import ServerHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.sessions import Sessions
from nuphar.transport import decode, encode
from nuphar.transport.server.socketless import MOST_WAITING, SocketlessClient
from nuphar.transport.wire.codec import Codec
from nuphar.transport.wire.frames import ClientMessage, Ping, Pong

SERIALISER = automatic()


def new_client(send: Callable[[bytes], object]) -> SocketlessClient:
    return SocketlessClient("c", send, Sessions(Mailbox(), ServerHooks(), Kinds()), Codec(SERIALISER), gevent.get_hub())


def test_frames_are_sent_one_by_one() -> None:
    sent: list[bytes] = []
    new_client(sent.append).write([b"a", b"b"])
    assert sent == [b"a", b"b"]


def test_frames_that_come_during_a_send_wait_for_it() -> None:
    sent: list[bytes] = []

    def send(frame: bytes) -> None:
        if frame == b"a":
            client.write([b"c"])
        sent.append(frame)

    client = new_client(send)
    client.write([b"a", b"b"])
    assert sent == [b"a", b"b", b"c"]


def test_a_send_that_raises_is_logged_with_a_trace_id(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[bytes] = []

    def send(frame: bytes) -> None:
        sent.append(frame)
        raise OSError("broken")

    new_client(send).write([b"a", b"b"])
    assert sent == [b"a", b"b"]
    assert caplog.text.count("send to client c failed; trace id") == 1  # of its kind one a second is written


def test_nothing_is_sent_after_the_end() -> None:
    sent: list[bytes] = []

    def send(frame: bytes) -> None:
        sent.append(frame)
        client.end()

    client = new_client(send)
    client.write([b"a", b"b"])
    client.write([b"c"])
    assert sent == [b"a"]


def test_a_frame_on_the_server_s_own_thread_is_taken_at_once() -> None:
    sent: list[bytes] = []
    new_client(sent.append).receive(encode(Ping(1), SERIALISER))
    assert [decode(frame, SERIALISER) for frame in sent] == [Pong(1)]


def test_frames_of_threads_and_of_the_hub_are_taken_in_the_order_of_their_calls(server: Server) -> None:
    heard: list[int] = []
    server.on_topic_message(lambda message, topic_id, client_id: heard.append(message))
    server.connect("c", lambda frame: None)
    frames = [encode(ClientMessage(n + 1, "topic:t", n), SERIALISER) for n in range(20)]
    pool = gevent.get_hub().threadpool
    for at in range(0, 20, 2):
        pool.apply(server.incoming, ("c", frames[at]))
        server.incoming("c", frames[at + 1])
    settle(server)
    assert heard == list(range(20))
    pool.kill()


def test_a_send_that_never_returns_is_given_up_in_the_end(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    started, released = Event(), Event()

    def send(frame: bytes) -> None:
        started.set()
        released.wait(10)

    topic = server.topic("busy")
    server.connect("slow", send)
    topic.subscribe("slow")
    settle(server)
    client = server._socketless._clients["slow"]
    sender = gevent.spawn(client.write, [b"first"])
    started.wait(10)
    client.write([b"frame"] * (MOST_WAITING + 1))
    settle(server)
    assert server.sessions.get("slow") is None
    assert "too slow" in caplog.text
    released.set()
    sender.join(10)
