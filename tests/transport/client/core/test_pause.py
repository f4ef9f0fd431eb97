"""A client that has sent too much waits, and loses neither a message nor its order."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Refused, Store, automatic
from nuphar.transport import decode, encode
from nuphar.transport.client.core.core import ClientCore
from nuphar.transport.client.core.events import Answered, Event, Limited
from nuphar.transport.client.core.pause import LONGEST, wait_of
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Frame,
    Hello,
    Rejected,
    Snapshot,
    Subscribe,
    Unsubscribe,
    Welcome,
)

SERIALISER = automatic()
COUNT = Store(0, lambda model, message: model + message)
T, U = "topic:t", "topic:u"


class Peer:
    """A core that follows two targets, and the server that it talks to."""

    def __init__(self) -> None:
        self.core = ClientCore(SERIALISER, {T: COUNT, U: COUNT})
        self.core.open()
        self.sent()
        self.say(Welcome("c", "s", "t", False, {}, 20.0, ""))
        for ref, target in enumerate((T, U), 1):
            self.say(Snapshot(target, "e", 0, 0, "subscribed"), Acknowledge(target, 0, [ref], False))
        self.sent()

    def say(self, *frames: Frame) -> list[Event]:
        return [event for frame in frames for event in self.core.receive(encode(frame, SERIALISER))]

    def sent(self) -> list[Frame]:
        frames = [decode(data, SERIALISER) for data in self.core.outgoing]
        self.core.outgoing.clear()
        return frames

    def refuse(self, *refs: int, seconds: float = 0.5, target: str = T) -> list[Event]:
        return self.say(*(Rejected(ref, target, "rate_limited", "slowly", {"retry_after": seconds}) for ref in refs))


@pytest.fixture
def peer() -> Peer:
    return Peer()


def refs(frames: list[Frame]) -> list[int]:
    return [frame.ref for frame in frames if isinstance(frame, ClientMessage | Subscribe | Unsubscribe)]


def test_what_was_refused_and_all_behind_it_is_sent_again_in_its_order(peer: Peer) -> None:
    for message in (1, 2, 3):
        peer.core.dispatch(T, message)
    assert refs(peer.sent()) == [3, 4, 5]
    assert peer.refuse(4) == [Limited(0.5, 1)]
    peer.core.dispatch(T, 4)
    peer.core.dispatch(U, 5)
    assert peer.sent() == []
    assert peer.core.go_on(1) == []
    frames = peer.sent()
    assert refs(frames) == [4, 5, 6, 7]
    assert [frame.payload for frame in frames if isinstance(frame, ClientMessage)] == [2, 3, 4, 5]


def test_it_stays_shown_and_is_answered_once(peer: Peer) -> None:
    peer.core.dispatch(T, 7)
    peer.refuse(3)
    assert peer.core.replicas[T].model == 7
    peer.core.go_on(1)
    events = peer.say(Acknowledge(T, 1, [3], False))
    assert [event.seq for event in events if isinstance(event, Answered)] == [1]
    assert (peer.core.replicas[T].confirmed, peer.core.replicas[T].model) == (7, 7)


def test_it_waits_for_the_longest_that_it_is_told(peer: Peer) -> None:
    for message in (1, 2):
        peer.core.dispatch(T, message)
    assert peer.refuse(3, seconds=0.5) == [Limited(0.5, 1)]
    assert peer.refuse(4, seconds=0.75) == []
    assert peer.core.go_on(1) == [Limited(0.25, 1)]
    peer.sent()
    assert peer.core.go_on(1) == []
    assert refs(peer.sent()) == [3, 4]


def test_another_target_is_not_sent_again(peer: Peer) -> None:
    peer.core.dispatch(T, 1)
    peer.core.dispatch(U, 1)
    peer.refuse(3)
    peer.sent()
    peer.core.go_on(1)
    assert refs(peer.sent()) == [3]


def test_a_subscribe_and_an_unsubscribe_are_sent_again_too(peer: Peer) -> None:
    peer.core.subscribe("topic:new", COUNT)
    peer.core.unsubscribe(T)
    assert refs(peer.sent()) == [3, 4]
    peer.refuse(3, target="topic:new")
    peer.refuse(4)
    peer.core.subscribe("topic:later", COUNT)
    assert peer.sent() == []
    peer.core.go_on(1)
    frames = peer.sent()
    assert [type(frame) for frame in frames] == [Subscribe, Unsubscribe, Subscribe]
    assert refs(frames) == [3, 4, 5]


def test_a_line_that_is_lost_ends_the_pause_and_everything_is_said_again(peer: Peer) -> None:
    for message in (1, 2):
        peer.core.dispatch(T, message)
    peer.refuse(3)
    peer.core.lose()
    assert peer.core.go_on(1) == []
    peer.core.open()
    assert [type(frame) for frame in peer.sent()] == [Hello]
    peer.say(Welcome("c", "s", "t2", True, {}, 20.0, ""))
    assert refs(peer.sent()) == [3, 4]
    assert peer.refuse(3) == [Limited(0.5, 2)]
    assert peer.core.go_on(1) == []  # that was of the line before
    assert peer.sent() == []
    peer.core.go_on(2)
    assert refs(peer.sent()) == [3, 4]


def test_a_refusal_that_comes_after_the_answer_changes_nothing(peer: Peer) -> None:
    peer.core.dispatch(T, 1)
    peer.say(Acknowledge(T, 1, [3], False))
    assert peer.refuse(3) == []
    assert not peer.core.exchange.pause.lowest


@pytest.mark.parametrize(
    ("code", "details", "seconds"),
    [
        ("rate_limited", {"retry_after": 0.5}, 0.5),
        ("rate_limited", {"retry_after": 0}, 0.0),
        ("rate_limited", {"retry_after": 1e9}, LONGEST),
        ("rate_limited", {"retry_after": -1}, None),
        ("rate_limited", {"retry_after": float("nan")}, None),
        ("rate_limited", {"retry_after": "soon"}, None),
        ("rate_limited", {}, None),
        ("rate_limited", None, None),
        ("busy", {"retry_after": 0.5}, None),
    ],
)
def test_a_refusal_without_a_time_is_for_good(code: str, details: Any, seconds: float | None) -> None:
    assert wait_of(Refused(code, "", details)) == seconds
