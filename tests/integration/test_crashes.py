"""Actors are killed one after the other while clients post over real sockets; nobody notices."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.lock import Semaphore
from support.raw import WAIT, RawClient
from support.serving import eventually, listen

from nuphar import Server, Store

CLIENTS = 6
WINDOW = 4
ROUNDS = 3
TARGET = "topic:list"
ACTORS = [TARGET, "router", "topics", "sessions", "connections", "listener"]


def keep(model: Any, message: Any) -> Any:
    return (*model, message)


def living(server: Server, name: str) -> Any:
    """Return the living actor of this name."""
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    ref = server.lifecycle.root.registry.whereis(name)
    return ref if ref is not None and ref.is_alive() else None


def kill(server: Server, name: str) -> None:
    """Kill an actor and wait for its successor."""
    old = eventually(lambda: living(server, name))
    old.kill()
    eventually(lambda: (new := living(server, name)) is not None and new is not old)


class Poster:
    """A client that posts numbers, a few at a time, reads everything, and knows what it sent."""

    def __init__(self, port: int, number: int) -> None:
        self.raw = RawClient(port)
        self.number = number
        self.window = Semaphore(WINDOW)
        self.raw.subscribe(TARGET)
        self.sent: dict[int, Any] = {}
        self.frames: list[Any] = []
        self.over = Event()
        self.greenlets = [gevent.spawn(self.post), gevent.spawn(self.read)]

    def post(self) -> None:
        while not self.over.is_set():
            self.window.acquire()
            payload = [self.number, len(self.sent)]
            (ref,) = self.raw.post(TARGET, payload)
            self.sent[ref] = payload
        for _ in range(WINDOW):  # everything has been answered
            self.window.acquire()
        self.raw.send([7, 1 << 40])

    def read(self) -> None:
        while isinstance(frame := self.raw.receive(), list) and frame != [25, 1 << 40]:
            self.frames.append(frame)
            for _ in frame[3] if frame[0] == 17 else ():
                self.window.release()
        self.ended_with = frame


def finish(posters: list[Poster]) -> None:
    """Let everybody stop, and read what is still coming."""
    for poster in posters:
        poster.over.set()
    greenlets = [greenlet for poster in posters for greenlet in poster.greenlets]
    assert len(gevent.joinall(greenlets, timeout=WAIT, raise_error=True)) == len(greenlets), "some answers never came"


def check(posters: list[Poster], topic: Any) -> None:
    """Every message is answered once and applied once, and every client has heard every seq once, in order."""
    model = topic.model
    assert topic.seq == len(model)
    assert len(model) == len({tuple(each) for each in model})
    for poster in posters:
        heard: dict[int, Any] = {}
        answers: list[int] = []
        order: list[int] = []
        for frame in poster.frames:
            match frame:
                case [19, "topic:list", seq, payload, *_]:
                    order.append(seq)
                    heard[seq] = payload
                case [17, "topic:list", last, refs, False, *_]:
                    for at, ref in enumerate(refs, start=last - len(refs) + 1):
                        answers.append(ref)
                        order.append(at)
                        heard[at] = poster.sent[ref]
                case [7, _]:
                    continue
                case _:
                    raise AssertionError(f"an unexpected frame {frame}")
        assert poster.ended_with == [25, 1 << 40], "it was disconnected"
        assert answers == list(poster.sent), "every message is answered, once, in order"
        assert order == list(range(order[0], order[0] + len(order))), "the seqs have no gap and no repetition"
        assert [model[seq - 1] for seq in order] == [heard[seq] for seq in order]
        assert [n for who, n in model if who == poster.number] == list(range(len(poster.sent)))


@pytest.mark.parametrize("name", ACTORS)
def test_an_actor_is_killed_under_load_and_nobody_notices(server: Server, name: str) -> None:
    topic = server.topic("list").with_store(Store((), keep))
    port = listen(server)
    posters = [Poster(port, number) for number in range(CLIENTS)]
    for _ in range(ROUNDS):
        before = topic._topic.target.seq
        kill(server, name)
        eventually(lambda before=before: topic._topic.target.seq > before + CLIENTS)
    finish(posters)
    check(posters, topic)
    for poster in posters:
        poster.raw.close()


def test_everything_is_killed_in_turn_and_nobody_notices(server: Server) -> None:
    topic = server.topic("list").with_store(Store((), keep))
    port = listen(server)
    posters = [Poster(port, number) for number in range(CLIENTS)]
    for _ in range(3):
        for name in ACTORS:
            kill(server, name)
    finish(posters)
    check(posters, topic)
    newcomer = RawClient(port)
    assert newcomer.subscribe(TARGET)[0][4] == {"_": "$tuple", "0": list(topic.model)}
    for poster in posters:
        poster.raw.close()
    newcomer.close()


def test_subscribes_are_all_answered_although_the_router_is_killed_meanwhile(server: Server) -> None:
    server.topic_kind("room:", store=Store((), keep))
    port = listen(server)
    clients = [RawClient(port) for _ in range(20)]
    for at, client in enumerate(clients):
        client.send(*([2, client.ref(), f"topic:room:{room}", None, None] for room in range(20)))
        if at % 5 == 0:
            kill(server, "router")
            kill(server, "topics")
    for client in clients:
        answers = [frame for frame in client.take(40) if frame[0] != 21]
        assert sorted(ref for frame in answers for ref in frame[3]) == list(range(1, 21))
        client.close()


def test_a_session_store_survives_the_kill_of_its_actor_and_of_its_supervisor(make_server: Any) -> None:
    from nuphar import Slice, Wiring

    server = make_server((), Wiring(session=Slice(keep)))
    client = RawClient(listen(server))
    client.subscribe("session")
    for n in range(20):
        client.post("session", n)
        if n % 4 == 0:
            kill(server, f"session:{client.client_id}")
        if n % 4 == 2:
            kill(server, "sessions")
    seqs = [frame[2] for frame in client.receive_until(lambda frame: frame[2] == 20)]
    assert sorted(set(seqs)) == seqs
    client.send([5, {"session": None}])
    assert client.receive()[4] == {"_": "$tuple", "0": list(range(20))}
    client.close()


def test_a_model_is_read_while_its_actor_is_being_restarted(server: Server) -> None:
    topic = server.topic("list").with_store(Store((), keep))
    for n in range(20):
        topic.dispatch(n)
        if n % 10 == 5:
            eventually(lambda: living(server, TARGET)).kill()
        assert topic.snapshot == (tuple(range(n + 1)), n + 1)


def test_new_connections_are_accepted_after_the_listener_was_killed(server: Server) -> None:
    port = listen(server)
    for _ in range(3):
        kill(server, "listener")
        with RawClient(port) as client:
            assert client.barrier() == []
