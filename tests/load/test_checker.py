from __future__ import annotations

from typing import NamedTuple

import pytest

from nuphar.load.checker import SUBSCRIBE, Checker
from nuphar.load.latency import Latencies
from nuphar.load.model import Marker, update, write_marker
from nuphar.transport.wire.frames import Acknowledge, Frame, Presence, Rejected, ServerMessage, Snapshot

RUN, ME, ALICE, BOB = 7, 0, 1, 2
TOPIC = "topic:load:0"
FIRST = SUBSCRIBE + 1


class Saw(NamedTuple):
    acknowledged: int = 0
    rejected: int = 0
    delivered: int = 0
    duplicated: int = 0
    disordered: int = 0
    diverged: bool = False


def payload(client: int, ref: int, run: int = RUN) -> bytes:
    return write_marker(Marker(run, client, ref, 0.0))


def message(seq: int, client: int, ref: int, run: int = RUN) -> ServerMessage:
    return ServerMessage(TOPIC, seq, payload(client, ref, run))


def answer(seq: int, *refs: int) -> Acknowledge:
    return Acknowledge(TOPIC, seq, list(refs), False)


def snapshot(seq: int, model: list[int], epoch: str = "e", reason: str = "subscribed") -> Snapshot:
    return Snapshot(TOPIC, epoch, seq, model, reason)


def model_of(*payloads: bytes) -> list[int]:
    model = [0, 0]
    for each in payloads:
        model = update(model, each)
    return model


def joined(posts: int = 0) -> Checker:
    checker = Checker(ME, RUN, Latencies())
    checker.feed(snapshot(0, [0, 0]), 0.0)
    checker.feed(answer(0, SUBSCRIBE), 0.0)
    for _ in range(posts):
        checker.post(0.0)
    return checker


def saw(checker: Checker) -> Saw:
    return Saw(*(getattr(checker, name) for name in Saw._fields))


TABLE: dict[str, tuple[int, list[Frame], Saw]] = {
    "nothing": (0, [], Saw()),
    "one from each": (
        1,
        [message(1, ALICE, 2), answer(2, 2), message(3, BOB, 2)],
        Saw(acknowledged=1, delivered=2),
    ),
    "one answer for three messages": (3, [answer(3, 2, 3, 4)], Saw(acknowledged=3)),
    "three messages after one of another": (
        2,
        [message(1, ALICE, 2), answer(3, 2, 3), message(4, ALICE, 3)],
        Saw(acknowledged=2, delivered=2),
    ),
    "the same seq twice": (0, [message(1, ALICE, 2), message(1, ALICE, 2)], Saw(delivered=2, duplicated=1)),
    "the same message at two seqs": (0, [message(1, ALICE, 2), message(2, ALICE, 2)], Saw(delivered=2, duplicated=1)),
    "two messages at one seq": (0, [message(1, ALICE, 2), message(1, BOB, 2)], Saw(delivered=2, duplicated=1)),
    "my own as if it were another's": (
        1,
        [answer(1, 2), message(2, ME, 2)],
        Saw(acknowledged=1, delivered=1, duplicated=1),
    ),
    "an answer twice": (1, [answer(1, 2), answer(1, 2)], Saw(acknowledged=1, duplicated=1)),
    "an answer to nothing": (0, [answer(1, 9)], Saw(duplicated=1)),
    "two seqs swapped": (0, [message(2, BOB, 2), message(1, ALICE, 2)], Saw(delivered=2, disordered=1)),
    "a sender's messages swapped": (0, [message(1, ALICE, 3), message(2, ALICE, 2)], Saw(delivered=2, disordered=1)),
    "my own swapped": (2, [answer(1, 3), answer(2, 2)], Saw(acknowledged=2, disordered=1)),
    "a gap": (0, [message(1, ALICE, 2), message(3, BOB, 2)], Saw(delivered=2)),
    "a rejection": (2, [Rejected(2, TOPIC, "busy", "full", None), answer(1, 3)], Saw(acknowledged=1, rejected=1)),
    "another run's message": (0, [message(1, ALICE, 2, run=8), message(2, ALICE, 2)], Saw(delivered=1)),
    "a message without a marker": (0, [ServerMessage(TOPIC, 1, b"hello")], Saw()),
    "a message that is no bytes": (0, [ServerMessage(TOPIC, 1, "hello")], Saw(diverged=True)),
    "a snapshot further on": (0, [snapshot(5, [5, 1], reason="slow"), message(6, ALICE, 2)], Saw(delivered=1)),
    "answers behind the snapshot that contains them": (
        2,
        [snapshot(5, [5, 1], reason="slow"), answer(5, 2, 3), message(6, ALICE, 2)],
        Saw(acknowledged=2, delivered=1),
    ),
    "a snapshot from before": (0, [message(1, ALICE, 2), snapshot(0, [0, 0])], Saw(delivered=1, diverged=True)),
    "another order": (0, [snapshot(0, [0, 0], epoch="f", reason="restarted")], Saw(diverged=True)),
    "a frame of no interest": (0, [Presence(TOPIC, [], [], True)], Saw()),
}


@pytest.mark.parametrize(("posts", "frames", "expected"), TABLE.values(), ids=TABLE)
def test_what_arrives_is_counted(posts: int, frames: list[Frame], expected: Saw) -> None:
    checker = joined(posts)

    for frame in frames:
        checker.feed(frame, 0.0)

    assert saw(checker) == expected


def test_a_message_has_the_ref_after_the_one_before() -> None:
    checker = joined()

    assert checker.post(1.5) == (FIRST, write_marker(Marker(RUN, ME, FIRST, 1.5)))
    assert checker.post(2.5) == (FIRST + 1, write_marker(Marker(RUN, ME, FIRST + 1, 2.5)))


def test_a_subscribe_that_was_acknowledged_has_joined() -> None:
    checker = Checker(ME, RUN, Latencies())
    checker.feed(snapshot(3, [3, 4]), 0.0)
    assert not checker.joined

    checker.feed(answer(3, SUBSCRIBE), 0.0)

    assert checker.joined


def test_a_subscribe_that_was_rejected_leaves_the_servers_words() -> None:
    checker = Checker(ME, RUN, Latencies())

    checker.feed(Rejected(SUBSCRIBE, TOPIC, "not_found", "there is no topic 'load:0'", None), 0.0)

    assert checker.fault == "not_found: there is no topic 'load:0'"
    assert checker.rejected == 0


def test_a_model_of_somebody_else_is_a_fault() -> None:
    checker = Checker(ME, RUN, Latencies())

    checker.feed(Snapshot(TOPIC, "e", 0, {"cards": []}, "subscribed"), 0.0)

    assert checker.fault is not None
    assert "nuphar.load.add_topics" in checker.fault


def test_a_model_grown_from_the_first_snapshot_is_the_servers() -> None:
    checker = Checker(ME, RUN, Latencies())
    checker.feed(snapshot(1, model_of(b"before")), 0.0)
    checker.feed(answer(1, SUBSCRIBE), 0.0)
    _, mine = checker.post(0.0)
    checker.feed(message(2, ALICE, FIRST), 0.0)
    checker.feed(answer(3, FIRST), 0.0)

    checker.compare()
    checker.feed(snapshot(3, model_of(b"before", payload(ALICE, FIRST), mine)), 0.0)

    assert checker.compared
    assert not checker.diverged


@pytest.mark.parametrize(
    "theirs",
    [
        snapshot(1, model_of(payload(BOB, FIRST))),
        snapshot(2, model_of(payload(ALICE, FIRST))),
        snapshot(1, model_of(payload(ALICE, FIRST)), epoch="f"),
    ],
    ids=["another model", "another seq", "another epoch"],
)
def test_a_model_that_is_not_the_servers_has_diverged(theirs: Snapshot) -> None:
    checker = joined()
    checker.feed(message(1, ALICE, FIRST), 0.0)

    checker.compare()
    checker.feed(theirs, 0.0)

    assert checker.diverged


def test_a_cursor_says_how_far_it_got() -> None:
    checker = Checker(ME, RUN, Latencies())
    assert checker.cursor is None

    for frame in (snapshot(4, [0, 0]), message(5, ALICE, FIRST)):
        checker.feed(frame, 0.0)

    assert checker.cursor == ("e", 5)


def test_what_was_sent_again_may_be_answered_twice_and_no_more() -> None:
    checker = joined(posts=1)
    checker.repeats = {FIRST}

    for _ in range(2):
        checker.feed(answer(1, FIRST), 0.0)
    assert saw(checker) == Saw(acknowledged=1)

    checker.feed(answer(1, FIRST), 0.0)
    assert saw(checker) == Saw(acknowledged=1, duplicated=1)


def test_a_second_answer_with_another_place_is_a_copy() -> None:
    checker = joined(posts=1)
    checker.repeats = {FIRST}

    for seq in (1, 2):
        checker.feed(answer(seq, FIRST), 0.0)

    assert saw(checker) == Saw(acknowledged=1, duplicated=1)


def test_an_answer_in_front_of_its_snapshot_takes_no_place() -> None:
    checker = joined(posts=1)
    checker.repeats = {FIRST}
    theirs = model_of(payload(ALICE, FIRST), payload(ALICE, FIRST + 1), payload(ME, FIRST))

    for frame in (answer(3, FIRST), snapshot(3, theirs, reason="behind")):
        checker.feed(frame, 0.0)

    assert saw(checker) == Saw(acknowledged=1)
    assert (checker.cursor, checker.seqs.missing) == (("e", 3), set())


def test_final_acknowledges_are_counted_and_answer_nothing() -> None:
    checker = joined(posts=1)

    checker.feed(Acknowledge(TOPIC, 0, [], True), 0.0)

    assert checker.final_acknowledges == 1
    assert list(checker.outstanding) == [FIRST]


def test_answers_and_deliveries_are_timed_from_the_post() -> None:
    latencies = Latencies()
    checker = Checker(ME, RUN, latencies)
    checker.feed(snapshot(0, [0, 0]), 0.0)
    checker.post(10.0)

    checker.feed(answer(1, FIRST), 10.5)
    checker.feed(ServerMessage(TOPIC, 2, write_marker(Marker(RUN, ALICE, FIRST, 8.5))), 10.5)

    assert latencies.count == 2
    assert latencies.quantile(0.5) == pytest.approx(0.5, rel=0.02)
    assert latencies.quantile(1.0) == pytest.approx(2.0, rel=0.02)
