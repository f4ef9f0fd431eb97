"""Clients that keep losing their lines while they post: nothing is lost, nothing comes twice or out of order."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from support.raw import RawClient
from support.scripted import settle
from support.serving import eventually, listen

from nuphar import Limits, Server, Store

T = "topic:t"
STEPS = 80


class Follower:
    """A client as docs/wire.md wants it: it posts, comes back, sends what was not answered again, and checks it all."""

    def __init__(self, server: Server, port: int, name: str, chance: random.Random) -> None:
        self.server, self.chance, self.name = server, chance, name
        self.line = RawClient(port)
        self.epoch = ""
        self.seq = -1
        self.model: list[Any] = []
        self.ref = 1
        self.pending: dict[int, Any] = {}
        self.ahead: set[int] = set()  # places of own messages that a Snapshot has to bring
        self.posted: list[Any] = []
        self.line.send([2, 1, T, None, None])
        self.read()

    def post(self) -> None:
        payloads = [f"{self.name}{len(self.posted) + at}" for at in range(self.chance.randint(1, 5))]
        self.posted += payloads
        refs = range(self.ref + 1, self.ref + 1 + len(payloads))
        self.ref += len(payloads)
        self.pending.update(zip(refs, payloads, strict=True))
        self.line.send(*([4, ref, T, self.pending[ref]] for ref in refs))

    def blip(self) -> None:
        """Lose the line, perhaps a Welcome or two besides, and come back."""
        if self.chance.random() < 0.5:
            settle(self.server)
        self.line.cut()
        hello = [1, 1, self.line.welcome[2], self.line.welcome[3], {T: [self.epoch, self.seq]}, {}]
        while self.chance.random() < 0.3:
            lost = RawClient(self.line.port, greet=False)
            lost.send(hello)
            if self.chance.random() < 0.5:
                settle(self.server)
            lost.cut()
        self.line = self.line.back({T: [self.epoch, self.seq]})
        assert self.line.welcome[4] is True
        self.line.send(*([4, ref, T, payload] for ref, payload in self.pending.items()))

    def read(self) -> None:
        self.line.send([7, 0])
        for frame in self.line.receive_until(lambda frame: frame == [25, 0])[:-1]:
            self.take(frame)

    def is_up_to_date(self) -> bool:
        self.read()
        return not self.pending

    def take(self, frame: list[Any]) -> None:
        match frame:
            case [19, _, seq, payload]:
                self.place(seq, payload)
            case [17, _, seq, refs, False]:
                for at, ref in enumerate(refs, seq - len(refs) + 1):
                    if ref != 1:
                        self.answered(ref, at)
            case [21, _, epoch, seq, state, _]:
                assert all(place <= seq for place in self.ahead)
                self.epoch, self.seq, self.model, self.ahead = epoch, seq, list(state), set()
            case [7, n]:
                if self.chance.random() < 0.7:
                    self.line.send([25, n])
            case _:
                raise AssertionError(f"this should not come: {frame}")

    def place(self, seq: int, payload: Any) -> None:
        assert not self.ahead
        assert seq <= self.seq + 1, f"a gap: {seq} after {self.seq}"
        if seq == self.seq + 1:
            self.seq = seq
            self.model.append(payload)

    def answered(self, ref: int, seq: int) -> None:
        if seq > self.seq + 1 or self.ahead:
            self.ahead.add(seq)
            self.pending.pop(ref, None)
        elif seq == self.seq + 1:
            self.place(seq, self.pending.pop(ref))
        else:
            self.pending.pop(ref, None)


@pytest.mark.parametrize("seed", range(12))
def test_every_message_is_applied_once_and_everybody_sees_the_same(
    make_server: Callable[..., Server], seed: int
) -> None:
    chance = random.Random(seed)
    server = make_server(history=chance.choice([3, 1_000]), limits=Limits(close=0.1))
    topic = server.topic("t").with_store(Store([], lambda model, message: [*model, message]))
    if seed % 3 == 0:
        topic.can_subscribe(lambda *_: True)
    heard: list[str] = []
    topic.on_join(lambda client_id: heard.append("join"))
    topic.on_leave(lambda client_id: heard.append("leave"))
    port = listen(server)
    followers = [Follower(server, port, name, chance) for name in "ab"]
    settle(server)
    for follower in followers:
        follower.read()
    dispatched = 0
    for _ in range(STEPS):
        follower = chance.choice(followers)
        match chance.choice(["post", "post", "blip", "read", "dispatch", "settle", "kill"]):
            case "post":
                follower.post()
            case "blip":
                follower.blip()
            case "read":
                follower.read()
            case "dispatch":
                topic.dispatch(f"s{dispatched}")
                dispatched += 1
            case "settle":
                settle(server)
            case "kill" if chance.random() < 0.3:
                assert server.lifecycle.root is not None
                assert server.lifecycle.root.registry is not None
                if (actor := server.lifecycle.root.registry.whereis(T)) is not None:
                    actor.kill()
    for follower in followers:
        follower.blip()
        eventually(follower.is_up_to_date)  # an actor that was killed may be a back-off away
    for follower in followers:
        eventually(lambda one=follower: one.is_up_to_date() and one.seq == topic.seq)
        assert follower.model == topic.model
        mine = [message for message in topic.model if message[0] == follower.name]
        assert mine == follower.posted
    assert len(topic.model) == topic.seq == dispatched + sum(len(follower.posted) for follower in followers)
    assert sorted(topic.subscribers) == sorted(follower.line.client_id for follower in followers)
    assert heard == ["join", "join"]
