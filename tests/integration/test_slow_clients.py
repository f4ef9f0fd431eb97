"""Clients that stop reading, over real sockets: each topic's delivery rule says what becomes of its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from support.raw import Closed, RawClient
from support.scripted import settle
from support.serving import eventually, listen

from nuphar import Client, Limits, Server, Store, UsageError, automatic, delivery
from nuphar.actors.targets import target_actor
from nuphar.transport import encode
from nuphar.transport.wire.frames import Subscribe

TOPIC = "topic:t"
BIG = "x" * 20_000
MANY = 400  # messages of that size: more than the kernel and an outbox take
MakeServer = Callable[..., Server]


class Scene:
    """A topic, somebody who reads and somebody who does not."""

    def __init__(self, server: Server, rule: Any = "all", *, stored: bool = False, wish: Any = None) -> None:
        self.server = server
        self.topic = server.topic("t", delivery=rule)
        if stored:
            self.topic.with_store(Store(0, lambda model, message: model + 1))
        self.port = listen(server)
        self.sleeper = RawClient(self.port, receive_buffer=4_096)
        self.reader = RawClient(self.port)
        self.ask(self.sleeper, wish)
        self.reader.subscribe(TOPIC)
        (self.connection,) = [c for c in server.gateway.connections if c.session.client_id == self.sleeper.client_id]

    def ask(self, client: RawClient, wish: Any) -> list[Any]:
        ref = client.ref()
        client.send([2, ref, TOPIC, None, None if wish is None else {"delivery": wish}])
        return client.receive_until(lambda frame: frame[0] in (17, 18))

    @property
    def pending(self) -> int:
        return int(self.connection._socket.outbox.pending)

    def flood(self, send: Callable[[int], None], count: int = MANY) -> int:
        """Send ``count`` messages, each read by the reader before the next; return the most that waited in bytes."""
        most = 0
        for n in range(count):
            send(n)
            self.reader.receive()
            most = max(most, self.pending)
        assert self.pending
        return most

    def push(self, n: int) -> None:
        self.topic.broadcast({"n": n, "id": n % 3, "fill": BIG})

    def dispatch(self, n: int) -> None:
        self.topic.dispatch({"n": n, "fill": BIG})


def numbers(frames: list[Any]) -> list[int]:
    return [frame[2]["n"] for frame in frames if frame[0] == 20]


def wake(scene: Scene) -> list[Any]:
    """Let the sleeper read until nothing waits for it, then everything up to a last message."""
    frames: list[Any] = []

    def read_all() -> None:
        while True:
            frame = scene.sleeper.receive()
            if not isinstance(frame, list) or frame[0] == 25:
                frames.append(frame)
                return
            frames.append(frame)

    reading = gevent.spawn(read_all)
    eventually(lambda: not scene.pending and not waits(scene))
    scene.sleeper.send([7, 99])
    reading.get(timeout=10.0)
    return frames[:-1]


def waits(scene: Scene) -> bool:
    session = scene.connection.session
    assert session is not None
    return bool(session._wanting) or any(len(topic.mailbox) for topic in scene.server.directory.running())


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (delivery.latest(), [MANY - 1]),
        ("latest", [MANY - 1]),
        (delivery.drop_oldest(5), list(range(MANY - 5, MANY))),
        (delivery.conflate("id"), [MANY - 3, MANY - 2, MANY - 1]),
        (delivery.conflate(lambda message: message["id"]), [MANY - 3, MANY - 2, MANY - 1]),
        (delivery.drop_oldest(1000, bound=100_000), list(range(MANY - 4, MANY))),
    ],
    ids=["latest", "latest by name", "drop_oldest", "conflate by a field", "conflate by a function", "bytes"],
)
def test_a_client_that_does_not_read_gets_what_the_rule_kept(
    make_server: MakeServer, rule: Any, kept: list[int]
) -> None:
    scene = Scene(make_server(), rule)
    most = scene.flood(scene.push)
    assert most < 21_000  # nothing but the piece that was begun waits in the outbox
    got = numbers(wake(scene))
    begun = len(got) - len(kept)
    assert got == [*range(begun), *kept]
    scene.push(7)
    assert numbers([scene.sleeper.receive()]) == [7]


def test_a_subscriber_s_wish_for_less_is_granted_and_nobody_else_notices(make_server: MakeServer) -> None:
    scene = Scene(make_server(), wish="latest")
    scene.flood(scene.push)
    got = numbers(wake(scene))
    assert got == [*range(len(got) - 1), MANY - 1]


@pytest.mark.parametrize("rule", ["all", "latest", ["drop_oldest", 3], ["conflate", "n"]])
def test_a_store_s_slow_subscriber_gets_a_snapshot_instead_of_a_gap(make_server: MakeServer, rule: Any) -> None:
    scene = Scene(make_server(limits=Limits(outbox=100_000)), rule, stored=True)
    scene.flood(scene.dispatch)
    *messages, snapshot = wake(scene)
    assert [frame[:3] for frame in messages] == [[19, TOPIC, seq + 1] for seq in range(len(messages))]
    assert len(messages) < MANY
    assert snapshot[0] == 21
    assert snapshot[3:] == [MANY, MANY, "slow"]
    scene.dispatch(0)
    assert scene.sleeper.receive()[:3] == [19, TOPIC, MANY + 1]


def test_a_store_s_subscriber_that_never_reads_is_closed_when_its_bytes_are_too_old(make_server: MakeServer) -> None:
    limits = Limits(outbox=100_000, outbox_age=0.2, heartbeat=0.4, close=30.0)
    scene = Scene(make_server(limits=limits), stored=True)
    scene.flood(scene.dispatch)
    eventually(lambda: scene.connection._socket.close_code)
    assert scene.sleeper.receive_all()[-1] == Closed(4513, "too slow")


def test_a_sample_is_sent_at_its_time_and_the_last_is_never_lost(make_server: MakeServer) -> None:
    scene = Scene(make_server(), wish=["sample", 5])
    for n in range(10):
        scene.push(n)
    got: list[int] = []
    while not got or got[-1] != 9:
        got += numbers([scene.sleeper.receive()])
    assert got[0] == 0
    assert len(got) < 10


def test_a_client_without_a_socket_takes_samples(make_server: MakeServer) -> None:
    server = make_server()
    topic = server.topic("t", delivery=delivery.sample(5))
    got: list[bytes] = []
    last = gevent.event.Event()

    def send(frame: bytes) -> None:
        got.append(frame)
        if b"last" in frame:
            last.set()

    server.connect("c", send)
    topic.subscribe("c")
    settle(server)
    for n in range(10):
        topic.broadcast(n)
    topic.broadcast("last")
    assert last.wait(10.0)
    assert len(got) < 11


def test_every_sample_is_sent_also_if_each_tick_ends_a_drain(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_actor, "DRAIN", 1)
    server = make_server()
    topic = server.topic("t", delivery=delivery.sample(50))
    heard = {"a": gevent.event.Event(), "b": gevent.event.Event()}
    for client_id, hz in (("a", 50.0), ("b", 5.0)):

        def send(frame: bytes, last: gevent.event.Event = heard[client_id]) -> None:
            if b"last" in frame:
                last.set()

        server.connect(client_id, send)
        server.incoming(client_id, encode(Subscribe(1, TOPIC, None, {"delivery": ["sample", hz]}), automatic()))
    settle(server)
    for message in ("first", "last"):
        topic.broadcast(message)
    assert all(last.wait(10.0) for last in heard.values())


@pytest.mark.parametrize("wish", ["most", ["sample", 0], ["conflate"]], ids=repr)
def test_a_wish_that_makes_no_sense_is_malformed_and_no_hook_is_asked(make_server: MakeServer, wish: Any) -> None:
    scene = Scene(make_server())
    asked: list[str] = []
    scene.topic.on_join(asked.append)
    with RawClient(scene.port) as client:
        (rejected,) = scene.ask(client, wish)
    assert rejected[:4] == [18, 1, TOPIC, "malformed"]
    assert "delivery: " in rejected[4]
    assert asked == []


def test_the_python_client_asks_for_less_and_keeps_it_on_a_new_connection(make_server: MakeServer) -> None:
    server = make_server()
    topic = server.topic("t")
    with Client(f"ws://127.0.0.1:{listen(server)}/live") as client:
        with pytest.raises(UsageError, match="expected"):
            client.subscribe("t", delivery="most")
        client.subscribe("t", delivery=delivery.sample(5))
        eventually(lambda: topic.subscribers == [client.client_id])
        target = topic._topic.target
        ((first, lane),) = target._laned.items()
        assert lane.rule == delivery.sample(5)
        (live,) = server.gateway.connections
        live.abort()
        eventually(lambda: first not in target.members and len(target.members) == 1)
        (lane,) = target._laned.values()
        assert lane.rule == delivery.sample(5)


def test_topics_of_a_kind_share_its_rule(make_server: MakeServer) -> None:
    server = make_server()
    rooms = server.topic_kind("room:", delivery=delivery.latest())
    topic = rooms.topic("1")
    assert topic._topic.target.rule == delivery.latest()
    with pytest.raises(UsageError, match="delivery: expected"):
        server.topic("u", delivery="most")


def test_by_default_nobody_has_a_lane_and_everybody_shares_one_write(make_server: MakeServer) -> None:
    scene = Scene(make_server(), stored=True)
    scene.dispatch(1)
    assert scene.reader.receive()[:3] == scene.sleeper.receive()[:3] == [19, TOPIC, 1]
    target = scene.topic._topic.target
    assert target._laned == {}
    assert [len(group) for group in target._groups.values()] == [2]
