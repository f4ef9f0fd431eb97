"""One session over all transports: hopping to another one after every frame, a client misses and repeats nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from support.raw import RawClient

from nuphar import Server
from nuphar.actors.routing.topic_handle import TopicHandle

from .conftest import TRANSPORTS

TARGET = "topic:list"


class Hopper:
    """A client that keeps its session, its place and what has not been answered, but no connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.connection: RawClient | None = None
        self.id = ""
        self.session: str | None = None
        self.token: str | None = None
        self.epoch, self.seq = "", 0
        self.model: list[Any] = []
        self.pending: dict[int, Any] = {}
        self._refs = itertools.count(1)

    def hop(self, transport: Callable[..., RawClient], *, is_cut: bool) -> RawClient:
        """Come back over ``transport``; the older connection is cut, or left for the server to replace."""
        if self.connection is not None and is_cut:
            self.connection.cut()
        connection = self.connection = transport(self._port, greet=False)
        cursors = {TARGET: [self.epoch, self.seq]} if self.epoch else {}
        connection.send([1, 1, self.session, self.token, cursors, {}])
        _, client_id, session, token, resumed, *_ = connection.receive()
        assert resumed == (self.session is not None)
        assert not resumed or (client_id, session) == (self.id, self.session)
        self.id, self.session, self.token = client_id, session, token
        connection.send(*self.pending.values())
        return connection

    def subscribe(self) -> None:
        self._ask([2, next(self._refs), TARGET, None, None])

    def post(self, payload: Any) -> None:
        self._ask([4, next(self._refs), TARGET, payload])

    def settle(self) -> None:
        """Read on until everything is answered."""
        while self.pending:
            self.take()

    def take(self) -> None:
        """Take one frame."""
        assert self.connection is not None
        match self.connection.receive():
            case [7, n]:
                self.connection.send([25, n])
            case [21, _, epoch, seq, state, _]:
                self.epoch, self.seq, self.model = epoch, seq, list(state["0"] if isinstance(state, dict) else state)
            case [19, _, seq, payload]:
                assert seq == self.seq + 1
                self.seq, self.model = seq, [*self.model, payload]
            case [17, _, seq, refs, _]:
                for place, ref in enumerate(refs, seq - len(refs) + 1):
                    frame = self.pending.pop(ref, None)
                    if frame is not None and frame[0] == 4 and place > self.seq:
                        assert place == self.seq + 1
                        self.seq, self.model = place, [*self.model, frame[3]]
            case other:
                raise AssertionError(other)

    def _ask(self, frame: list[Any]) -> None:
        assert self.connection is not None
        self.pending[frame[1]] = frame
        self.connection.send(frame)


@pytest.fixture
def resumable(server: Server) -> Server:
    """A server whose sessions survive their connections."""
    if not hasattr(server.gateway, "reception"):
        pytest.skip("sessions cannot be resumed yet")
    return server


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "replaced"])
@pytest.mark.parametrize("order", list(itertools.permutations(TRANSPORTS)), ids="-".join)
def test_a_client_that_hops_after_every_frame_loses_and_repeats_nothing(
    resumable: Server, order: tuple[str, ...], is_cut: bool
) -> None:
    topic = TopicHandle(resumable, resumable.directory.topics["list"])
    hopper = Hopper(next(iter(resumable.lifecycle.listening.values())).server_port)
    transports = itertools.cycle(TRANSPORTS[name] for name in order)
    hopper.hop(next(transports), is_cut=is_cut)
    hopper.subscribe()
    hopper.settle()
    for n in range(12):
        hopper.post(f"own {n}")
        topic.dispatch(f"other {n}")
        hopper.hop(next(transports), is_cut=is_cut)
    hopper.settle()
    while hopper.seq < 24:
        hopper.take()
    assert hopper.model == list(topic.model)
    assert sorted(hopper.model) == sorted([f"own {n}" for n in range(12)] + [f"other {n}" for n in range(12)])
    assert [each for each in hopper.model if each.startswith("own")] == [f"own {n}" for n in range(12)]
    assert len(resumable.sessions) == 1
