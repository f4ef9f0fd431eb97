"""The gate of a session: what is too much is refused, nothing passes by it, and whoever goes on is closed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kept import Kept

from nuphar import Rate, Rates, automatic
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.session import Session
from nuphar.transport import decode, encode
from nuphar.transport.server.framing import BARE, plain_frame
from nuphar.transport.server.gate import FIRST, PATIENCE, SOONEST, UNHEARD, Gate
from nuphar.transport.server.inbound import Inbound
from nuphar.transport.server.rate_book import RateBook
from nuphar.transport.wire.codec import Codec
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Frame,
    Ping,
    Pong,
    Rejected,
    Resync,
    Subscribe,
    Unsubscribe,
)

SERIALISER = automatic()
SLOW = Rates(frames=None, bytes=None, subscribes=None, messages=Rate(1, 3))


class Heard(Session):
    """A session that only notes what came through the gate."""

    def __init__(self, sent: list[bytes], came: list[tuple[str, Any]]) -> None:
        super().__init__("c", BARE, Kept(sent), Mailbox(), Kinds())
        self.came = came

    def post(self, ref: int, target: str, message: Any, payload: bytes) -> None:
        if not self.answers.begin(ref, target):
            self.came.append((target, message))

    def subscribe(self, ref: int | None, target: str, since: Any, params: Any = None) -> None:
        self.came.append(("subscribe", target))

    def unsubscribe(self, ref: int, target: str) -> None:
        self.came.append(("unsubscribe", target))


class Client:
    """An `Inbound` behind a gate; ``came`` is what it has let through."""

    def __init__(self, rates: Rates) -> None:
        self.now = 100.0
        self.sent: list[bytes] = []
        self.came: list[tuple[str, Any]] = []
        self.closed: list[tuple[int, str]] = []
        self.session = Heard(self.sent, self.came)
        meter = RateBook(rates).nobody().measure(self.now, self.session, None, resumed=False)
        self.gate = Gate(self.session, meter, lambda: self.now, self._ping, self._close)
        self.inbound = Inbound(self.session, BARE, Codec(SERIALISER), self._close, gate=self.gate)

    def _ping(self, n: int) -> None:
        self.session.write([BARE.frame(plain_frame(Ping(n)))])

    def _close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))

    def send(self, *frames: Frame) -> list[Frame]:
        """Send frames, and return what is answered."""
        for frame in frames:
            self.inbound.receive(encode(frame, SERIALISER))
        sent, self.sent[:] = list(self.sent), []
        return [decode(each, SERIALISER) for each in sent]

    def post(self, *refs: int, target: str = "topic:t") -> list[Frame]:
        return self.send(*(ClientMessage(ref, target, ref) for ref in refs))

    def hear(self, frames: list[Frame]) -> None:
        """Answer the Pings among ``frames``."""
        for frame in frames:
            if isinstance(frame, Ping):
                self.send(Pong(frame.n))


def wait_of(frame: Frame) -> float:
    assert isinstance(frame, Rejected)
    assert frame.code == "rate_limited"
    seconds: float = frame.details["retry_after"]
    return seconds


def test_what_is_too_much_is_refused_with_its_own_ref_and_when_to_come_again() -> None:
    client = Client(SLOW)
    rejected, ping = client.post(1, 2, 3, 4)
    assert isinstance(rejected, Rejected)
    assert (rejected.ref, rejected.target, rejected.code) == (4, "topic:t", "rate_limited")
    assert rejected.details == {"retry_after": 1.0}
    assert rejected.text == "more than 1 messages to topic:t a second: send it again in 1.0 s"
    assert ping == Ping(FIRST + 1)


def test_the_same_ref_is_taken_when_it_comes_again_in_time() -> None:
    client = Client(SLOW)
    client.hear(client.post(1, 2, 3, 4))
    client.now += 1.0
    assert client.post(4) == []
    assert [message for _, message in client.came] == [1, 2, 3, 4]


def test_nothing_to_the_same_target_passes_by_before_the_client_could_hear_of_it() -> None:
    client = Client(SLOW)
    _, ping = client.post(1, 2, 3, 4)
    client.now += 10.0  # there would be room
    assert [type(frame) for frame in client.post(5, 6)] == [Rejected, Rejected]
    client.hear([ping])
    assert client.post(4, 5, 6) == []
    assert [message for _, message in client.came] == [1, 2, 3, 4, 5, 6]


def test_a_pong_that_answers_an_earlier_ping_opens_nothing() -> None:
    client = Client(SLOW)
    client.post(1, 2, 3, 4)
    client.now += 10.0
    client.send(Pong(1), Pong(FIRST), Pong(FIRST + 2))
    assert len(client.post(5)) == 1


def test_a_target_that_was_refused_after_a_ping_waits_for_the_next() -> None:
    client = Client(SLOW)
    _, _ping = client.post(1, 2, 3, 4)
    (rejected,) = client.post(5, 6, 7, 8, target="topic:u")
    assert isinstance(rejected, Rejected)
    (second,) = client.send(Pong(FIRST + 1))
    assert second == Ping(FIRST + 2)
    client.now += 10.0
    assert client.post(4) == []
    assert len(client.post(9, target="topic:u")) == 1
    client.hear([second])
    assert client.post(8, 9, target="topic:u") == []


def test_another_target_is_not_held_up() -> None:
    client = Client(SLOW)
    client.post(1, 2, 3, 4)
    assert client.post(5, target="topic:u") == []


def test_an_unsubscribe_and_a_subscribe_do_not_pass_by_either() -> None:
    client = Client(SLOW)
    client.post(1, 2, 3, 4)
    answers = client.send(Unsubscribe(5, "topic:t"), Subscribe(6, "topic:t", None, None))
    assert [(frame.ref, frame.code) for frame in answers if isinstance(frame, Rejected)] == [
        (5, "rate_limited"),
        (6, "rate_limited"),
    ]


def test_an_unsubscribe_alone_is_never_too_much() -> None:
    client = Client(Rates(frames=Rate(1, 1)))
    for ref in range(1, 6):
        assert client.send(Unsubscribe(ref, "topic:t")) == []


def test_messages_behind_a_subscribe_that_is_refused_are_refused_too() -> None:
    client = Client(Rates(subscribes=Rate(1, 1)))
    assert client.send(Subscribe(1, "topic:s", None, None)) == []
    rejected, ping, behind = client.send(Subscribe(2, "topic:t", None, None), ClientMessage(3, "topic:t", 3))
    assert wait_of(rejected) == 1.0
    assert wait_of(behind) > 1.0
    client.hear([ping])
    client.now += 1.0
    assert client.send(Subscribe(2, "topic:t", None, None), ClientMessage(3, "topic:t", 3)) == []
    assert client.came == [("subscribe", "topic:s"), ("subscribe", "topic:t"), ("topic:t", 3)]


def test_each_that_is_refused_is_told_to_come_behind_those_before_it() -> None:
    client = Client(Rates(messages=Rate(10, 20)))
    answers = client.post(*range(1, 31))
    assert [wait_of(frame) for frame in answers if isinstance(frame, Rejected)] == [
        pytest.approx(max(SOONEST, 0.1 * at), abs=0.002) for at in range(1, 11)
    ]


def test_a_ref_that_was_answered_is_answered_again_however_much_it_is() -> None:
    client = Client(SLOW)
    client.hear(client.post(1, 2, 3, 4))
    answers = client.post(1, 2, 3)
    assert all(isinstance(frame, Acknowledge) or frame.code != "rate_limited" for frame in answers)  # type: ignore[union-attr]
    assert [message for _, message in client.came] == [1, 2, 3]


def test_a_message_without_a_ref_is_refused_without_one() -> None:
    client = Client(SLOW)
    answers = client.post(0, 0, 0, 0)
    assert isinstance(answers[0], Rejected)
    assert answers[0].ref == 0


def test_who_waits_and_sends_again_is_never_closed() -> None:
    client, ref = Client(Rates(messages=Rate(10, 20))), 1
    for _ in range(100):
        answers = client.post(*range(ref, ref + 50))
        refused = [frame for frame in answers if isinstance(frame, Rejected)]
        client.hear(answers)
        client.now += max((wait_of(frame) for frame in refused), default=0.0)
        ref = refused[0].ref if refused else ref + 50
    assert client.closed == []
    assert [message for _, message in client.came] == list(range(1, len(client.came) + 1))
    assert len(client.came) > 900


@pytest.mark.parametrize(("times", "is_closed"), [(1.5, False), (1.9, False), (4.0, True)])
def test_who_goes_on_at_far_more_than_its_limit_without_waiting_is_closed(times: float, is_closed: bool) -> None:
    client, seconds = Client(Rates(messages=Rate(10, 20))), 0.0
    while seconds < 30.0 and not client.closed:
        client.hear(client.post(int(1_000_000 * (1 + seconds))))
        client.now += 0.1 / times
        seconds += 0.1 / times
    assert bool(client.closed) is is_closed
    if is_closed:
        assert PATIENCE / 3 < seconds < 3 * PATIENCE
        assert client.closed[0] == (
            4529,
            "more than 10 messages to topic:t a second, again and again, without waiting",
        )


def test_who_goes_on_in_batches_and_answers_each_ping_is_closed() -> None:
    client = Client(Rates(messages=Rate(100, 100)))
    for at in range(60):
        client.hear(client.post(*range(1 + 200 * at, 201 + 200 * at)))
        client.now += 0.1
        if client.closed:
            break
    assert client.closed
    assert 0.3 < client.now - 100.0 < 3.0


def test_what_was_under_way_is_not_counted_against_anybody() -> None:
    client = Client(Rates(messages=Rate(10, 20)))
    client.post(*range(1, UNHEARD))
    assert client.closed == []


def test_who_answers_no_ping_is_closed_once_it_must_have_heard() -> None:
    client = Client(Rates(messages=Rate(1_000, 1_000)))
    client.post(*range(1, 1_001 + UNHEARD + 6_000))
    assert client.closed
    assert client.closed[0][0] == 4529


def test_a_flood_of_what_cannot_be_refused_is_closed() -> None:
    client = Client(Rates(frames=Rate(100, 100)))
    for _ in range(2_000):
        client.send(Ping(1))
    assert client.closed[0][0] == 4529


def test_resyncs_without_end_are_closed() -> None:
    client = Client(Rates(subscribes=Rate(10, 100)))
    cursors = {f"topic:{at}": None for at in range(100)}
    for _ in range(5):
        client.send(Resync(cursors))
    assert client.closed[0][0] == 4529


def test_a_flood_of_targets_is_bounded() -> None:
    client = Client(Rates(messages=Rate(1, 1)))
    for at in range(10_000):
        client.post(2 * at + 1, 2 * at + 2, target=f"topic:{at}")
        if client.closed:
            break
    assert client.closed
    assert len(client.gate._shut) < 10_000


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.booleans()), max_size=40))
def test_a_client_that_sends_again_loses_nothing_and_keeps_its_order_at_any_pace(
    steps: list[tuple[int, int, bool]],
) -> None:
    client = Client(Rates(frames=Rate(20, 8), messages=Rate(10, 4)))
    wanted: dict[str, list[int]] = {f"topic:{at}": [] for at in range(3)}
    waiting: list[tuple[int, str]] = []
    pings: list[Frame] = []
    ref = 0

    def flush() -> float:
        """Send again what was refused, each target's in its order; return for how long it has to wait."""
        again, waiting[:] = list(waiting), []
        longest = 0.0
        for each, target in again:
            longest = max(longest, take(client.post(each, target=target), target))
        return longest

    def take(answers: list[Frame], target: str) -> float:
        pings.extend(frame for frame in answers if isinstance(frame, Ping))
        refused = [frame for frame in answers if isinstance(frame, Rejected)]
        waiting.extend((frame.ref, target) for frame in refused)
        return max((wait_of(frame) for frame in refused), default=0.0)

    for which, pause, hears in steps:
        target, ref = f"topic:{which}", ref + 1
        client.now += 0.03 * pause
        wanted[target].append(ref)
        if any(each == target for _, each in waiting) and not pings:
            waiting.append((ref, target))  # it has heard, so it waits with what is behind
        else:
            take(client.post(ref, target=target), target)
        if hears:
            heard, pings[:] = list(pings), []
            client.hear(heard)
    for _ in range(200):
        heard, pings[:] = list(pings), []
        client.hear(heard)
        client.now += flush() + 0.01
        if not waiting:
            break
    assert client.closed == []
    for target, refs in wanted.items():
        assert [message for where, message in client.came if where == target] == refs


def test_json_is_limited_alike() -> None:
    client = Client(SLOW)
    for ref in range(1, 5):
        client.inbound.receive(f'[4,{ref},"topic:t",{ref}]')
    assert [message for _, message in client.came] == [1, 2, 3]
    rejected = decode(client.sent[0], SERIALISER)
    assert isinstance(rejected, Rejected)
    assert (rejected.ref, rejected.code) == (4, "rate_limited")
