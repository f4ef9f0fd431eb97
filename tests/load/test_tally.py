from __future__ import annotations

from nuphar.load.checker import SUBSCRIBE, Checker
from nuphar.load.latency import Latencies
from nuphar.load.tally import is_settled, losses, tally
from nuphar.transport.wire.frames import Acknowledge, Rejected, ServerMessage, Snapshot

TOPIC = "topic:load:0"


class Room:
    """A topic with as many members; ``post`` delivers one message to all but those who are deaf to it."""

    def __init__(self, members: int) -> None:
        self.seq = 0
        self.members = [Checker(n, 1, Latencies()) for n in range(members)]
        for member in self.members:
            member.feed(Snapshot(TOPIC, "e", 0, [0, 0], "subscribed"), 0.0)
            member.feed(Acknowledge(TOPIC, 0, [SUBSCRIBE], False), 0.0)

    def post(self, author: int, deaf: tuple[int, ...] = ()) -> None:
        ref, payload = self.members[author].post(0.0)
        self.seq += 1
        for n, member in enumerate(self.members):
            if n == author and n not in deaf:
                member.feed(Acknowledge(TOPIC, self.seq, [ref], False), 0.0)
            elif n not in deaf:
                member.feed(ServerMessage(TOPIC, self.seq, payload), 0.0)


def test_nothing_is_lost_when_everybody_got_everything() -> None:
    room, other = Room(3), Room(2)
    for author in (0, 1, 2, 0):
        room.post(author)
    other.post(1)

    counts = tally([room.members, other.members])

    assert (counts.posted, counts.acknowledged, counts.delivered) == (5, 5, 9)
    assert (counts.lost, counts.duplicated, counts.disordered, counts.diverged) == (0, 0, 0, 0)


def test_a_delivery_that_did_not_come_is_lost_once() -> None:
    room = Room(3)
    room.post(0)
    room.post(0, deaf=(2,))
    room.post(1)

    assert losses(room.members) == [0, 0, 1]


def test_a_last_delivery_that_did_not_come_is_lost_though_no_gap_shows_it() -> None:
    room = Room(3)
    room.post(0)
    room.post(1, deaf=(2,))

    assert tally([room.members]).lost == 1


def test_a_message_without_an_answer_is_lost_once_whoever_got_it() -> None:
    room = Room(3)
    room.post(0, deaf=(0,))
    room.post(1)

    assert tally([room.members]).lost == 1


def test_a_message_that_nobody_heard_of_is_lost_once() -> None:
    room = Room(3)
    room.post(0, deaf=(0, 1, 2))

    assert tally([room.members]).lost == 1


def test_a_rejected_message_is_not_lost() -> None:
    room = Room(2)
    ref, _ = room.members[0].post(0.0)
    room.members[0].feed(Rejected(ref, TOPIC, "busy", "full", None), 0.0)
    room.post(0)

    counts = tally([room.members])

    assert (counts.rejected, counts.lost, counts.disordered) == (1, 0, 0)


def test_a_seq_that_nobody_gets_is_lost_to_everybody() -> None:
    room = Room(2)
    room.seq = 1
    room.post(0)

    assert tally([room.members]).lost == 2


def test_a_client_is_settled_with_all_its_answers_and_deliveries() -> None:
    room = Room(2)
    room.post(0)
    room.post(1, deaf=(0,))

    assert [is_settled(member, acknowledged=2) for member in room.members] == [False, True]
    room.members[1].post(0.0)
    assert not is_settled(room.members[1], acknowledged=2)
