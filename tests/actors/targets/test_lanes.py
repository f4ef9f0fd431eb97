"""Subscribers who cannot keep up, pure: whatever happens in whatever order, nobody sees a silent gap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import Store, automatic, delivery
from nuphar.actors.sessions.answers import Answers
from nuphar.actors.targets.effects import Crash, Effects, Pay, Send, Visit
from nuphar.actors.targets.lane import OWED
from nuphar.actors.targets.order import Order
from nuphar.actors.targets.pace import LONGEST, Pace
from nuphar.actors.targets.target import Target
from nuphar.actors.words.delivery import OVERHEAD, Rule
from nuphar.actors.words.errors import UnregisteredType
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import Acknowledge, Frame, Push, ServerMessage, Snapshot

NAME = "topic:t"
CODEC = Codec(automatic())
BOUND = 400  # bytes that may wait in a lane

RULES: list[Rule] = [
    delivery.ALL,
    delivery.latest(bound=BOUND),
    delivery.conflate("id", bound=BOUND),
    delivery.drop_oldest(2, bound=BOUND),
    delivery.sample(2, bound=BOUND),
]


class Reader:
    """A subscriber with an outbox of ``bound`` bytes, which is empty again when he reads."""

    def __init__(self, bound: int = 60) -> None:
        self.encoding = BARE
        self.answers = Answers()
        self.pace = Pace()
        self.bound = bound
        self.pending = 0
        self.stuck = False
        self.closed = False
        self.frames: list[Frame] = []
        self.ref = 0
        self.refs: list[int] = []
        self.subscribes = 0

    def offer(self, joined: Any) -> bool:
        size = sum(len(frame) for frame in joined)
        if self.pending and self.pending + size > self.bound:
            return False
        if self.stuck:
            self.pending += size
        self.frames += [read(frame) for frame in joined]
        return True

    def take(self) -> list[Frame]:
        taken, self.frames = self.frames, []
        return taken


class World:
    """A target with readers and a clock; it performs effects as the actor does."""

    def __init__(self, *rules: Rule, is_stored: bool = True) -> None:
        self.order = Order(Store([], lambda model, message: [*model, message]), "e") if is_stored else None
        self.target = Target(NAME, CODEC, self.order)
        self.now = 0.0
        self.largest = 0
        self.readers = [Reader() for _ in rules]
        self.crashes: list[Crash] = []
        for reader, rule in zip(self.readers, rules, strict=True):
            self.perform(self.target.join(reader, 1_000_000, None, rule))
            reader.take()

    def perform(self, effects: Effects) -> None:
        for effect in effects:
            match effect:
                case Send(subscribers, joined, _, outcomes):
                    for reader in subscribers:
                        if not reader.offer(joined):
                            if outcomes is None:
                                reader.closed = True
                            else:
                                self.target.fall_behind(reader, outcomes)
                case Pay(reader, joined, debt, own):
                    if not reader.offer(joined):
                        self.target.owe(reader, debt, own)
                case Visit(reader, lane):
                    joined = self.target.visit(reader, lane, self.now, not reader.pending)
                    if joined is not None and not reader.offer(joined):
                        reader.closed = True
                    assert reader.closed or lane.size <= max(lane.rule.bound, self.largest + OVERHEAD)
                case Crash():
                    self.crashes.append(effect)
        for reader in self.readers:
            if reader.closed and reader in self.target.members:
                self.perform(self.target.leave(reader, None))

    def encode(self, message: Any) -> bytes:
        payload = CODEC.encode_message(message)
        self.largest = max(self.largest, len(payload))
        return payload

    def flush(self) -> None:
        self.perform(self.target.flush())

    def post(self, reader: Reader | None, message: Any) -> None:
        if reader is not None and (reader.closed or reader not in self.target.members):
            return
        ref = 0
        if reader is not None:
            reader.ref += 1
            ref = reader.ref
            reader.refs.append(ref)
        self.perform(self.target.post(reader, ref, message, self.encode(message)))

    def push(self, message: Any) -> None:
        self.perform(self.target.push(self.encode(message)))

    def read(self, reader: Reader) -> None:
        reader.stuck, reader.pending = False, 0
        self.perform(self.target.visits(reader))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.perform(self.target.visits())

    def come_to_rest(self) -> None:
        self.flush()
        for reader in self.readers:
            self.read(reader)
        self.wait(LONGEST + 10.0)


def stick(*readers: Reader) -> None:
    for reader in readers:
        reader.stuck, reader.pending = True, reader.pending or 1


def seen(reader: Reader) -> int:
    """Return how far he is in the order."""
    return max((frame[1] if type(frame) is not Snapshot else frame.seq for frame in reader.frames
                if isinstance(frame, Snapshot | ServerMessage | Acknowledge)), default=0)  # fmt: skip


def check_order(world: World, reader: Reader) -> None:
    """He saw every seq, or a Snapshot in between; his refs were answered once; and he is where the target is."""
    subscribes = [frame for frame in reader.frames if isinstance(frame, Acknowledge) and frame.refs == [1_000_000]]
    assert len(subscribes) == reader.subscribes
    seq, model, answered = 0, [], []
    for frame in reader.frames:
        match frame:
            case Snapshot(_, _, at, state, _):
                seq, model = at, state
            case ServerMessage(_, at, _) if at <= seq:
                pass  # he asked for it before it came by itself
            case ServerMessage(_, at, payload):
                assert at == seq + 1
                seq, model = at, [*model, payload]
            case Acknowledge(_, at, refs, _):
                places = range(at - len(refs) + 1, at + 1)
                if at > seq:  # otherwise a Snapshot contained them
                    assert places[0] == seq + 1
                    assert world.order is not None
                    seq, model = at, list(world.order.position.model[:at])
                answered += [ref for ref in refs if ref < 1_000_000]
    assert answered == reader.refs
    assert world.order is not None
    assert seq == world.order.seq
    assert model == world.order.position.model


STEPS = st.lists(
    st.tuples(st.sampled_from(["post", "dispatch", "flush", "stick", "read", "wait", "resync", "again", "back"]),
              st.integers(0, len(RULES) - 1), st.integers(0, 2)),
    max_size=60,
)  # fmt: skip


@given(STEPS)
def test_a_subscriber_of_a_store_sees_no_silent_gap_and_ends_up_current(steps: list[tuple[str, int, int]]) -> None:
    world = World(*RULES)
    for reader in world.readers[::2]:
        reader.pace = Pace(rate=100, burst=60)
    for step, who, what in steps:
        reader = world.readers[who]
        if reader.closed:
            continue
        match step:
            case "post":
                world.post(reader, what)
            case "dispatch":
                world.post(None, what)
            case "flush":
                world.flush()
            case "stick":
                stick(reader)
            case "read":
                world.read(reader)
            case "wait":
                world.wait(what / 4)
            case "resync":
                world.perform(world.target.join(reader, None, None, now=world.now))
            case "again" | "back":
                reader.subscribes += 1
                since = ("e", seen(reader)) if step == "back" else None
                world.perform(world.target.join(reader, 1_000_000, since, RULES[what], now=world.now))
    world.come_to_rest()
    for reader in world.readers:
        if not reader.closed:
            check_order(world, reader)


@given(STEPS)
def test_the_last_message_of_every_key_arrives(steps: list[tuple[str, int, int]]) -> None:
    world = World(*RULES[1:], is_stored=False)
    sent: list[dict[str, int]] = []
    for step, who, what in steps:
        reader = world.readers[who % len(world.readers)]
        match step:
            case "dispatch" | "post" | "again":
                sent.append({"id": what, "n": len(sent)})
                if step == "dispatch":
                    world.post(None, sent[-1])
                else:
                    world.push(sent[-1])
            case "flush":
                world.flush()
            case "stick":
                stick(reader)
            case "read":
                world.read(reader)
            case "wait":
                world.wait(what / 4)
    world.come_to_rest()
    for reader in world.readers:
        got = [frame.payload for frame in reader.frames if isinstance(frame, Push)]
        assert got[-1:] == sent[-1:]
        assert len({each["n"] for each in got}) == len(got)
    latest = {each["id"]: each for each in sent}
    conflated = [frame.payload for frame in world.readers[1].frames if isinstance(frame, Push)]
    assert {each["id"]: each for each in conflated} == latest


def pushed(reader: Reader) -> list[Any]:
    return [frame.payload for frame in reader.take() if isinstance(frame, Push)]


def ephemeral(rule: Rule) -> tuple[World, Reader]:
    world = World(rule, is_stored=False)
    return world, world.readers[0]


def test_who_keeps_up_gets_everything_whatever_his_rule() -> None:
    for rule in RULES[:4]:
        world, reader = ephemeral(rule)
        for n in range(5):
            world.push({"id": 1, "n": n})
        assert len(pushed(reader)) == 5


def test_latest_keeps_the_newest() -> None:
    world, reader = ephemeral(delivery.latest())
    stick(reader)
    for n in range(5):
        world.push(n)
    world.read(reader)
    assert pushed(reader) == [4]


def test_drop_oldest_keeps_the_newest_few_in_order() -> None:
    world, reader = ephemeral(delivery.drop_oldest(3))
    stick(reader)
    for n in range(10):
        world.push(n)
    world.read(reader)
    assert pushed(reader) == [7, 8, 9]


def test_conflate_keeps_the_newest_for_each_key() -> None:
    world, reader = ephemeral(delivery.conflate(lambda message: message % 3))
    stick(reader)
    for n in range(10):
        world.push(n)
    world.read(reader)
    assert pushed(reader) == [7, 8, 9]


def test_a_key_that_raises_loses_nothing_and_is_told() -> None:
    world, reader = ephemeral(delivery.conflate(lambda message: 1 // message))
    stick(reader)
    for n in (0, 5, 0, 6):
        world.push(n)
    world.read(reader)
    assert pushed(reader) == [0, 0, 6]
    assert [type(crash.error) for crash in world.crashes] == [ZeroDivisionError] * 2


def test_more_bytes_than_the_bound_drop_the_oldest_and_never_the_newest() -> None:
    world, reader = ephemeral(delivery.drop_oldest(1000, bound=1000))
    stick(reader)
    for n in range(20):
        world.push(str(n) * 100)
    world.read(reader)
    got = pushed(reader)
    assert 1 <= len(got) <= 10
    assert got[-1] == "19" * 100
    stick(reader)
    world.push("x" * 5000)
    world.read(reader)
    assert pushed(reader) == ["x" * 5000]


def test_a_sample_is_the_first_at_once_and_then_the_newest_at_each_tick() -> None:
    world, reader = ephemeral(delivery.sample(2))
    for n in range(5):
        world.push(n)
    assert pushed(reader) == [0]
    world.wait(0.4)
    assert pushed(reader) == []
    world.wait(0.1)
    assert pushed(reader) == [4]
    world.wait(0.5)
    assert pushed(reader) == []
    world.push(9)
    assert pushed(reader) == [9]


def test_a_sample_of_a_store_is_the_one_message_or_a_snapshot() -> None:
    world = World(delivery.sample(1))
    (reader,) = world.readers
    for n in (1, 2):
        world.post(None, n)
        world.flush()
    world.wait(1.0)
    assert reader.take() == [ServerMessage(NAME, 1, 1), ServerMessage(NAME, 2, 2)]
    for n in (3, 4):
        world.post(None, n)
        world.flush()
    assert reader.take() == []
    world.wait(1.0)
    (snapshot,) = reader.take()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.seq == 4
    assert snapshot.reason == "slow"


def test_drop_oldest_of_a_store_holds_a_few_messages_and_then_becomes_a_snapshot() -> None:
    world = World(delivery.drop_oldest(2))
    (reader,) = world.readers
    for count, expected in ((2, [ServerMessage, ServerMessage]), (3, [Snapshot])):
        stick(reader)
        for n in range(count):
            world.post(None, n)
            world.flush()
        assert reader.take() == []
        world.read(reader)
        assert [type(frame) for frame in reader.take()] == expected


def test_answers_need_not_wait_for_a_sample_if_nothing_is_missing_before_them() -> None:
    world = World(delivery.sample(1))
    (reader,) = world.readers
    for n in range(3):
        world.post(reader, n)
        world.flush()
    assert reader.take() == [Acknowledge(NAME, ref, [ref], False) for ref in (1, 2, 3)]


def test_who_owes_his_reader_too_many_answers_writes_them_or_closes() -> None:
    world = World(delivery.ALL)
    (reader,) = world.readers
    stick(reader)
    world.post(None, "x" * 100)
    world.flush()
    for n in range(OWED + 1):
        world.post(reader, n)
        world.flush()
    assert reader.closed


def test_a_topic_that_stops_gives_answers_and_what_waits_before_the_final_acknowledge() -> None:
    world = World(delivery.latest(), delivery.ALL)
    waiting, author = world.readers
    waiting.bound = author.bound = 1 << 20
    stick(waiting)
    world.push("last")
    author.take()
    stick(author)
    author.bound = 60
    world.post(None, "x" * 100)
    world.post(author, "mine")
    world.flush()
    author.bound = 1 << 20
    world.perform(world.target.stop(True))
    assert [type(frame) for frame in waiting.take()] == [Push, Acknowledge]
    assert [type(frame) for frame in author.take()] == [Snapshot, Acknowledge, Acknowledge]
    assert world.target.subscribers == []


def test_who_leaves_gets_the_answers_that_he_is_owed() -> None:
    world = World(delivery.ALL)
    (author,) = world.readers
    stick(author)
    world.post(None, "x" * 100)
    world.post(author, "mine")
    world.flush()
    assert author.take() == []
    author.bound = 1 << 20
    world.perform(world.target.leave(author, 9))
    snapshot, *answers = author.take()
    assert isinstance(snapshot, Snapshot)
    assert answers == [Acknowledge(NAME, 2, [1], False), Acknowledge(NAME, 2, [9], False)]


def full(world: World) -> Reader:
    """Return a reader who is not in the target yet, and whose outbox is full."""
    reader = Reader()
    world.readers.append(reader)
    reader.stuck, reader.pending = True, reader.bound
    return reader


def test_what_a_join_owes_is_paid_when_the_line_has_drained() -> None:
    world = World()
    reader = full(world)
    world.post(None, "before")
    world.perform(world.target.join(reader, 1_000_000, None))
    world.post(None, "since")
    world.post(reader, "mine")
    world.flush()
    assert reader.take() == []
    world.read(reader)
    assert reader.take() == [
        Snapshot(NAME, "e", 3, ["before", "since", "mine"], "subscribed"),
        Acknowledge(NAME, 3, [1_000_000], False),
        Acknowledge(NAME, 3, [1], False),
    ]
    world.post(None, "next")
    world.flush()
    assert reader.take() == [ServerMessage(NAME, 4, "next")]
    assert not reader.closed


def test_the_answer_of_a_repeated_ref_comes_behind_what_a_join_owes() -> None:
    world = World()
    reader = full(world)
    world.post(None, "one")
    world.perform(world.target.join(reader, 1_000_000, None))
    assert world.target.answer_later(reader, 7, 1), "its Snapshot waits"
    world.flush()
    assert reader.take() == []
    world.read(reader)
    assert reader.take() == [
        Snapshot(NAME, "e", 1, ["one"], "subscribed"),
        Acknowledge(NAME, 1, [1_000_000], False),
        Acknowledge(NAME, 1, [7], False),
    ]
    assert not world.target.answer_later(reader, 7, 1), "nothing is owed"


def test_a_join_with_a_cursor_is_paid_with_what_was_missed_and_everything_in_its_place() -> None:
    world = World()
    reader = full(world)
    for text in ("one", "two"):
        world.post(None, text)
    world.perform(world.target.join(reader, 1_000_000, ("e", 1)))
    world.post(reader, "mine")
    world.post(None, "four")
    world.flush()
    world.read(reader)
    assert reader.take() == [
        ServerMessage(NAME, 2, "two"),
        Acknowledge(NAME, 2, [1_000_000], False),
        Acknowledge(NAME, 3, [1], False),
        ServerMessage(NAME, 4, "four"),
    ]


def test_several_joins_in_a_row_are_paid_once_and_each_is_answered() -> None:
    world = World()
    reader = full(world)
    world.post(None, "one")
    world.perform(world.target.join(reader, 1_000_000, None))
    world.post(reader, "mine")
    world.perform(world.target.join(reader, None, ("e", 0)))
    world.perform(world.target.join(reader, 1_000_001, ("e", 0)))
    world.read(reader)
    assert reader.take() == [
        ServerMessage(NAME, 1, "one"),
        Acknowledge(NAME, 1, [1_000_000], False),
        Acknowledge(NAME, 2, [1], False),
        Acknowledge(NAME, 2, [1_000_001], False),
    ]


def test_who_asks_too_often_is_owed_one_debt_which_is_paid_when_its_time_has_come() -> None:
    world = World()
    reader = Reader()
    world.readers.append(reader)
    world.perform(world.target.join(reader, 1_000_000, None))
    size = sum(map(len, BARE.join([BARE.snapshot(NAME, "e", 0, CODEC.encode_model([]), "subscribed")])))
    reader.take()
    reader.pace = Pace(rate=size / 2, burst=0)
    for at in range(50):
        world.perform(world.target.join(reader, None, None, now=world.now))
        world.post(None, at)
        world.flush()
    assert [type(frame) for frame in reader.take()] == [Snapshot, ServerMessage], "the first, and what came before more"
    world.wait(1.5)
    assert reader.take() == [], "its time has not come"
    world.perform(world.target.join(reader, 1_000_001, None, now=world.now))
    world.wait(0.5)
    model = list(range(50))
    assert reader.take() == [
        Snapshot(NAME, "e", 50, model, "subscribed"),
        Acknowledge(NAME, 50, [1_000_001], False),
    ]
    world.post(None, "next")
    world.flush()
    assert reader.take() == [ServerMessage(NAME, 51, "next")]


def test_who_leaves_or_is_left_before_he_was_paid_has_his_subscribe_answered() -> None:
    for leaves in (True, False):
        world = World()
        reader = full(world)
        world.perform(world.target.join(reader, 1_000_000, None))
        reader.bound = 1 << 20
        world.perform(world.target.leave(reader, 9) if leaves else world.target.stop(True))
        last = Acknowledge(NAME, 0, [9] if leaves else [], not leaves)
        assert reader.take() == [Acknowledge(NAME, 0, [1_000_000], False), last]


def test_a_debt_that_cannot_be_written_is_owed_as_before() -> None:
    world = World()
    reader = full(world)
    world.perform(world.target.join(reader, 1_000_000, None))
    world.post(reader, "mine")
    world.post(None, "theirs")
    world.flush()
    assert world.order is not None
    world.order.position = world.order._checkpoint = world.order.position._replace(model=object())
    with pytest.raises(UnregisteredType):
        world.read(reader)
    reader.bound = 1 << 20
    world.perform(world.target.leave(reader, None))
    assert reader.take() == [Acknowledge(NAME, 0, [1_000_000], False), Acknowledge(NAME, 1, [1], False)]


def test_who_has_caught_up_shares_the_way_of_all_again() -> None:
    world = World(delivery.ALL, delivery.ALL)
    slow, quick = world.readers
    stick(slow)
    world.post(None, "x" * 100)
    world.flush()
    world.read(slow)
    world.post(None, "y")
    (send,) = world.target.flush()
    assert isinstance(send, Send)
    assert set(send.subscribers) == {slow, quick}


def test_lanes_with_the_same_rule_share_what_is_written() -> None:
    for is_stored in (True, False):
        world = World(delivery.latest(), delivery.latest(), is_stored=is_stored)
        world.post(None, 1)
        one, two = (
            world.target.visit(effect.subscriber, effect.lane, 0.0, True)
            for effect in world.target.flush()
            if isinstance(effect, Visit)
        )
        assert one is two
