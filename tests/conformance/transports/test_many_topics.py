"""A client whose cursors do not fit into its Hello: it says ``more``, and names the others in Resyncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from support.raw import RawClient
from support.scripted import settle

from nuphar import Server, Store
from nuphar.actors.routing.topic_handle import TopicHandle

Connect = Callable[..., RawClient]

COUNT, LENGTH = 1_000, 100
"""As many topics as a session may be in, with names of that many bytes: about 125 KiB of cursors."""

EACH = 300
"""Cursors in one frame: less than 64 KiB."""


class Away(NamedTuple):
    """A client that was in all topics; each has had one message since. ``cursors`` is where it was."""

    client: RawClient
    cursors: dict[str, Any]


@pytest.fixture(params=["cbor", "json"])
def leave(request: pytest.FixtureRequest, server: Server, connect: Connect) -> Callable[[int], Away]:
    """A function that has a client be in so many topics, and go away."""

    def run(count: int) -> Away:
        server.topic_kind("asset-", store=Store(0, lambda model, message: model + message))
        targets = [f"topic:asset-{n}-".ljust(LENGTH, "x") for n in range(count)]
        client = connect(encoding=request.param)
        for at in range(0, count, EACH):
            client.send(*([2, client.ref(), target, None, None] for target in targets[at : at + EACH]))
        frames: list[Any] = []
        while sum(frame[0] == 17 for frame in frames) < count:
            frames.append(client.receive())
        places = {frame[1]: [frame[2], frame[3]] for frame in frames if frame[0] == 21}
        client.cut()
        for target in targets:
            topic_of(server, target).dispatch(5)
        settle(server)
        return Away(client, {target: places[target] for target in targets})

    return run


def topic_of(server: Server, target: str) -> TopicHandle[Any, Any]:
    return TopicHandle(server, server.directory.topics[target[len("topic:") :]])


def back(connect: Connect, away: Away, cursors: dict[str, Any], options: dict[str, Any]) -> RawClient:
    """Return another connection of the client, with this in its Hello."""
    other = connect(greet=False, encoding="json" if away.client.is_json else "cbor")
    other.send([1, 1, away.client.welcome[2], away.client.welcome[3], cursors, options])
    other.welcome = other.receive()
    assert other.welcome[4] is True
    kind, n = other.receive()
    assert kind == 7
    other.send([25, n])
    return other


def missed(targets: list[str]) -> list[Any]:
    """Return the messages that were missed in ``targets``."""
    return [[19, target, 1, 5] for target in targets]


def rest(server: Server, client: RawClient) -> list[Any]:
    """Return, in the order of targets, all that comes of what ``client`` has sent so far."""
    frames = client.barrier()
    settle(server)
    return sorted(frames + client.barrier(), key=lambda frame: str(frame[1]))


def test_each_target_brings_what_was_missed_when_it_is_named_and_no_snapshot(
    server: Server, connect: Connect, leave: Callable[[int], Away]
) -> None:
    away = leave(COUNT)
    targets = list(away.cursors)
    parts = [targets[at : at + EACH] for at in range(0, COUNT, EACH)]
    first, *others = [{target: away.cursors[target] for target in part} for part in parts]
    client = back(connect, away, first, {"more": True})
    assert rest(server, client) == missed(sorted(first))
    for part in others:
        client.send([5, part])
        assert rest(server, client) == missed(sorted(part))
    client.send([5, {}])
    assert rest(server, client) == []


def test_what_is_never_named_gets_its_snapshots_when_that_is_said(
    server: Server, connect: Connect, leave: Callable[[int], Away]
) -> None:
    away = leave(5)
    named, other, *unnamed = away.cursors
    client = back(connect, away, {named: away.cursors[named]}, {"more": True})
    client.send([5, {other: away.cursors[other], "topic:gone": ["e", 1]}])
    *frames, out = rest(server, client)
    assert frames == missed(sorted([named, other]))
    assert out[:3] == [27, "topic:gone", "not_subscribed"]
    topic_of(server, unnamed[0]).dispatch(1)
    client.send([5, {}])
    frames = rest(server, client)
    assert [frame[1] for frame in frames] == sorted(unnamed)
    assert {(frame[0], frame[5]) for frame in frames} == {(21, "subscribed")}
    assert {frame[1]: frame[4] for frame in frames} == dict.fromkeys(unnamed, 5) | {unnamed[0]: 6}


def test_a_client_without_more_gets_a_snapshot_for_all_that_it_does_not_name(
    server: Server, connect: Connect, leave: Callable[[int], Away]
) -> None:
    away = leave(5)
    named, *unnamed = away.cursors
    client = back(connect, away, {named: away.cursors[named]}, {"more": 1})
    kinds = {frame[1]: frame[0] for frame in rest(server, client)}
    assert kinds == dict.fromkeys(unnamed, 21) | {named: 19}
