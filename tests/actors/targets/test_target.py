"""One target, pure: who gets what of what was applied."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nuphar import Store, automatic
from nuphar.actors.sessions.answers import Answers
from nuphar.actors.targets.effects import Crash, Effects, Pay, Send
from nuphar.actors.targets.order import Order
from nuphar.actors.targets.pace import Pace
from nuphar.actors.targets.target import Target
from nuphar.transport.server.framing import BARE, CborFraming, write_to_each
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import Acknowledge, Frame, Push, ServerMessage, Snapshot

NAME = "topic:t"
OTHER = CborFraming(bytes, list, write_to_each)
CODEC = Codec(automatic())
POISON = 13


def add(model: int, message: int) -> int:
    if message == POISON:
        raise ValueError("poison")
    return model + message


class Someone:
    """A subscriber that keeps its frames."""

    def __init__(self, name: str, encoding: CborFraming = BARE) -> None:
        self.name = name
        self.encoding = encoding
        self.answers = Answers()
        self.pace = Pace()
        self.frames: list[Frame] = []

    def __repr__(self) -> str:
        return self.name

    def take(self) -> list[Frame]:
        taken, self.frames = self.frames, []
        return taken


def perform(effects: Effects) -> list[Crash]:
    """Hand over what is to be sent, and return what crashed."""
    crashes = []
    for effect in effects:
        match effect:
            case Send(subscribers, joined):
                for subscriber in subscribers:
                    subscriber.frames += [read(frame) for frame in joined]
            case Pay(subscriber, joined):
                subscriber.frames += [read(frame) for frame in joined]
            case Crash():
                crashes.append(effect)
    return crashes


def new_target(*, history: int = 1_000) -> Target:
    return Target(NAME, CODEC, Order(Store(0, add), "e", history))


def post(target: Target, author: Someone | None, ref: int, message: int) -> list[Crash]:
    return perform(target.post(author, ref, message, CODEC.encode_message(message)))


def dispatch(target: Target, message: int) -> list[Crash]:
    return post(target, None, 0, message)


def joined(target: Target, *people: Someone) -> None:
    for each in people:
        perform(target.join(each, None, None))
        each.take()


def flush(target: Target) -> None:
    perform(target.flush())


def test_an_author_gets_an_acknowledge_and_everybody_else_the_message() -> None:
    target, a, b, c = new_target(), Someone("a"), Someone("b"), Someone("c", OTHER)
    joined(target, a, b, c)
    post(target, a, 7, 5)
    flush(target)
    assert a.take() == [Acknowledge(NAME, 1, [7], False)]
    assert b.take() == [ServerMessage(NAME, 1, 5)]
    assert c.take() == [ServerMessage(NAME, 1, 5)]


def test_the_server_s_own_message_goes_to_everybody() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b", OTHER)
    joined(target, a, b)
    dispatch(target, 5)
    flush(target)
    assert a.take() == b.take() == [ServerMessage(NAME, 1, 5)]


def test_nothing_is_sent_before_the_flush() -> None:
    target, a = new_target(), Someone("a")
    joined(target, a)
    dispatch(target, 5)
    assert a.take() == []


def test_neighbouring_messages_of_an_author_share_one_acknowledge() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b")
    joined(target, a, b)
    for ref in (1, 2, 3):
        post(target, a, ref, ref)
    flush(target)
    assert a.take() == [Acknowledge(NAME, 3, [1, 2, 3], False)]
    assert b.take() == [ServerMessage(NAME, seq, seq) for seq in (1, 2, 3)]


def test_acknowledges_stand_in_the_places_of_the_messages() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b")
    joined(target, a, b)
    post(target, a, 1, 10)
    post(target, b, 1, 20)
    post(target, a, 2, 30)
    dispatch(target, 40)
    flush(target)
    assert a.take() == [
        Acknowledge(NAME, 1, [1], False),
        ServerMessage(NAME, 2, 20),
        Acknowledge(NAME, 3, [2], False),
        ServerMessage(NAME, 4, 40),
    ]
    assert b.take() == [
        ServerMessage(NAME, 1, 10),
        Acknowledge(NAME, 2, [1], False),
        ServerMessage(NAME, 3, 30),
        ServerMessage(NAME, 4, 40),
    ]


def test_a_lone_subscriber_gets_the_server_s_message_that_was_applied_with_its_own() -> None:
    target, a = new_target(), Someone("a")
    joined(target, a)
    post(target, a, 1, 10)
    dispatch(target, 20)
    flush(target)
    assert a.take() == [Acknowledge(NAME, 1, [1], False), ServerMessage(NAME, 2, 20)]


def test_a_lone_author_gets_one_acknowledge_for_all_of_its_own() -> None:
    target, a = new_target(), Someone("a")
    joined(target, a)
    for ref in (1, 2, 3):
        post(target, a, ref, 1)
    flush(target)
    assert a.take() == [Acknowledge(NAME, 3, [1, 2, 3], False)]


def test_a_ref_of_zero_holds_its_place_in_the_order() -> None:
    target, a = new_target(), Someone("a")
    joined(target, a)
    post(target, a, 0, 1)
    post(target, a, 2, 1)
    flush(target)
    assert a.take() == [Acknowledge(NAME, 2, [0, 2], False)]


def test_everybody_without_a_message_of_his_own_gets_the_same_object() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b")
    joined(target, a, b)
    target.post(None, 0, 5, CODEC.encode_message(5))
    (send,) = target.flush()
    assert isinstance(send, Send)
    assert set(send.subscribers) == {a, b}


def test_a_message_that_crashes_the_update_changes_nothing_and_names_its_author() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b")
    joined(target, a, b)
    post(target, a, 1, 5)
    (crash,) = post(target, a, 2, POISON)
    assert (crash.author, crash.ref) == (a, 2)
    assert target.seq == 1
    assert a.take() == [Acknowledge(NAME, 1, [1], False)]  # what came before it is not held back
    flush(target)
    assert b.take() == [ServerMessage(NAME, 1, 5)]


def test_who_joins_gets_the_snapshot_and_then_the_acknowledge() -> None:
    target, a = new_target(), Someone("a")
    dispatch(target, 5)
    perform(target.join(a, 9, None))
    assert a.take() == [Snapshot(NAME, "e", 1, 5, "subscribed"), Acknowledge(NAME, 1, [9], False)]


def test_what_was_applied_before_a_join_is_not_sent_to_who_joins() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b")
    joined(target, a)
    dispatch(target, 5)
    perform(target.join(b, None, None))
    flush(target)
    assert a.take() == [ServerMessage(NAME, 1, 5)]
    assert b.take() == [Snapshot(NAME, "e", 1, 5, "subscribed")]


def test_who_comes_back_gets_what_was_missed() -> None:
    target, a = new_target(), Someone("a")
    for message in (1, 2, 3):
        dispatch(target, message)
    perform(target.join(a, 1, ("e", 1)))
    assert a.take() == [
        ServerMessage(NAME, 2, 2),
        ServerMessage(NAME, 3, 3),
        Acknowledge(NAME, 3, [1], False),
    ]


def test_who_comes_back_and_missed_nothing_gets_the_acknowledge_alone() -> None:
    target, a = new_target(), Someone("a")
    dispatch(target, 1)
    perform(target.join(a, 1, ("e", 1)))
    assert a.take() == [Acknowledge(NAME, 1, [1], False)]


def test_who_is_too_far_behind_gets_a_snapshot_that_says_so() -> None:
    target, a = new_target(history=2), Someone("a")
    for message in (1, 2, 3):
        dispatch(target, message)
    perform(target.join(a, None, ("e", 0)))
    assert a.take() == [Snapshot(NAME, "e", 3, 6, "behind")]


def test_who_knows_another_epoch_gets_a_snapshot_that_says_so() -> None:
    target, a = new_target(), Someone("a")
    perform(target.join(a, None, ("old", 0)))
    assert a.take() == [Snapshot(NAME, "e", 0, 0, "restarted")]


def test_joining_twice_gives_the_snapshot_again_and_every_message_once() -> None:
    target, a = new_target(), Someone("a")
    joined(target, a)
    perform(target.join(a, 2, None))
    assert a.take() == [Snapshot(NAME, "e", 0, 0, "subscribed"), Acknowledge(NAME, 0, [2], False)]
    dispatch(target, 5)
    flush(target)
    assert a.take() == [ServerMessage(NAME, 1, 5)]


def test_a_model_that_cannot_be_written_leaves_nobody_subscribed() -> None:
    target, a = Target(NAME, CODEC, Order(Store(object(), add), "e")), Someone("a")
    try:
        target.join(a, 1, None)
    except Exception:
        assert a not in target.members
    else:
        raise AssertionError("an object cannot be written")


def test_who_leaves_gets_what_was_before_and_nothing_after() -> None:
    target, a = new_target(), Someone("a")
    joined(target, a)
    dispatch(target, 5)
    perform(target.leave(a, 3))
    dispatch(target, 6)
    flush(target)
    assert a.take() == [ServerMessage(NAME, 1, 5), Acknowledge(NAME, 1, [3], False)]
    assert target.subscribers == []


def test_a_push_comes_after_what_was_applied_before_it_and_skips_who_is_excluded() -> None:
    target, a, b, c = new_target(), Someone("a"), Someone("b"), Someone("c", OTHER)
    joined(target, a, b, c)
    dispatch(target, 5)
    perform(target.push(CODEC.encode_message("hi"), exclude=a))
    assert a.take() == [ServerMessage(NAME, 1, 5)]
    assert b.take() == c.take() == [ServerMessage(NAME, 1, 5), Push(NAME, "hi")]


def test_a_stop_gives_everybody_one_final_acknowledge() -> None:
    target, a, b = new_target(), Someone("a"), Someone("b", OTHER)
    joined(target, a, b)
    post(target, a, 1, 5)
    perform(target.stop(final=True))
    assert a.take() == [Acknowledge(NAME, 1, [1], False), Acknowledge(NAME, 1, [], True)]
    assert b.take() == [ServerMessage(NAME, 1, 5), Acknowledge(NAME, 1, [], True)]
    assert perform(target.stop(final=True)) == []
    assert a.take() == b.take() == []


def test_an_ephemeral_target_relays_to_the_others_and_acknowledges_at_seq_zero() -> None:
    target, a, b = Target(NAME, CODEC), Someone("a"), Someone("b")
    joined(target, a, b)
    perform(target.post(a, 4, "hi", CODEC.encode_message("hi")))
    flush(target)
    assert a.take() == [Acknowledge(NAME, 0, [4], False)]
    assert b.take() == [Push(NAME, "hi")]


def test_an_ephemeral_target_does_not_answer_a_ref_of_zero() -> None:
    target, a, b = Target(NAME, CODEC), Someone("a"), Someone("b")
    joined(target, a, b)
    perform(target.post(a, 0, "hi", CODEC.encode_message("hi")))
    flush(target)
    assert a.take() == []
    assert b.take() == [Push(NAME, "hi")]


def test_an_ephemeral_target_gives_no_snapshot() -> None:
    target, a = Target(NAME, CODEC), Someone("a")
    perform(target.join(a, 1, None))
    assert a.take() == [Acknowledge(NAME, 0, [1], False)]


def test_an_ephemeral_target_that_gets_a_store_tells_who_is_there() -> None:
    target, a = Target(NAME, CODEC), Someone("a")
    joined(target, a)
    perform(target.use(Order(Store(40, add), "e")))
    assert a.take() == [Snapshot(NAME, "e", 0, 40, "restarted")]


JOIN_REF = 1_000_000  # refs from here on are of joins and leaves, those below of messages

PEOPLE = st.integers(0, 3)


class Order_is_kept(RuleBasedStateMachine):  # noqa: N801
    """Random posts, joins, leaves and flushes by four people over two encodings: nobody sees a gap or a duplicate."""

    @initialize(history=st.integers(1, 6))
    def begin(self, history: int) -> None:
        self.target = new_target(history=history)
        self.people = [Someone(f"person {n}", BARE if n % 2 else OTHER) for n in range(4)]
        self.log: list[tuple[Someone | None, int, int]] = []
        self.seen: dict[Someone, int | None] = dict.fromkeys(self.people)
        self.refs: Counter[Someone] = Counter()
        self.pushes: dict[Someone, int] = dict.fromkeys(self.people, 0)

    def check(self) -> None:
        for person in self.people:
            for frame in person.take():
                self.check_frame(person, frame)

    def check_frame(self, person: Someone, frame: Frame) -> None:
        seen = self.seen[person]
        match frame:
            case Snapshot(target, epoch, seq, state, _):
                assert (target, epoch) == (NAME, "e")
                assert state == sum(value for _, _, value in self.log[:seq])
                self.seen[person] = seq
            case ServerMessage(target, seq, payload):
                assert target == NAME
                assert seen is not None
                assert seq == seen + 1
                assert payload == self.log[seq - 1][2]
                self.seen[person] = seq
            case Acknowledge(target, seq, refs, False):
                assert target == NAME
                if refs[0] >= JOIN_REF:
                    assert len(refs) == 1
                    assert seen is None or seq == seen
                    return
                assert seen is not None
                for at, ref in enumerate(refs):
                    place = seq - len(refs) + 1 + at
                    assert place == seen + 1
                    assert self.log[place - 1][:2] == (person, ref)
                    seen = place
                self.seen[person] = seen
            case Push():
                self.pushes[person] -= 1
            case _:
                raise AssertionError(f"{person} got {frame}")

    @rule(who=PEOPLE, knows=st.booleans(), back=st.integers(0, 8), asks=st.booleans())
    def join(self, who: int, knows: bool, back: int, asks: bool) -> None:
        person = self.people[who]
        seq = self.seen[person] if person in self.target.members else max(0, len(self.log) - back)
        since = ("e", seq or 0) if knows else None
        effects = self.target.join(person, JOIN_REF if asks else None, since)
        if person not in self.target.members:
            raise AssertionError("a join subscribes")
        # A cursor is where the client is: what comes next continues from there.
        pays = [effect for effect in effects if isinstance(effect, Pay)]
        perform([effect for effect in effects if effect not in pays])
        self.check()
        if since is not None:
            self.seen[person] = since[1]
        perform(pays)
        self.check()

    @rule(who=PEOPLE)
    def leave(self, who: int) -> None:
        person = self.people[who]
        perform(self.target.leave(person, JOIN_REF))
        self.check()
        self.seen[person] = None

    @rule(who=PEOPLE, value=st.integers(0, 12), wants_answer=st.booleans())
    def post(self, who: int, value: int, wants_answer: bool) -> None:
        person = self.people[who]
        if person not in self.target.members:
            return
        self.refs[person] += 1
        ref = self.refs[person] if wants_answer else 0
        assert post(self.target, person, ref, value) == []
        self.log.append((person, ref, value))

    @rule(drain=st.lists(st.tuples(st.one_of(st.none(), PEOPLE), st.integers(0, 12)), min_size=2, max_size=6))
    def drain(self, drain: list[tuple[int | None, int]]) -> None:
        for who, value in drain:
            if who is None:
                self.dispatch(value)
            else:
                self.post(who, value, True)
        self.flush()

    @rule(value=st.integers(0, 12))
    def dispatch(self, value: int) -> None:
        assert dispatch(self.target, value) == []
        self.log.append((None, 0, value))

    @rule(who=PEOPLE)
    def post_poison(self, who: int) -> None:
        person = self.people[who]
        if person in self.target.members:
            (crash,) = post(self.target, person, 1, POISON)
            assert crash.author is person
            self.check()

    @rule(excluded=PEOPLE)
    def push(self, excluded: int) -> None:
        for person in self.target.subscribers:
            self.pushes[person] += person is not self.people[excluded]
        perform(self.target.push(CODEC.encode_message("hi"), exclude=self.people[excluded]))
        self.check()

    @rule()
    def flush(self) -> None:
        flush(self.target)
        self.check()
        for person in self.target.subscribers:
            assert self.seen[person] == len(self.log)

    @precondition(lambda self: hasattr(self, "target"))
    @invariant()
    def position_is_what_was_applied(self) -> None:
        assert self.target.order is not None
        assert self.target.order.position == (sum(value for _, _, value in self.log), len(self.log))
        assert set(self.pushes.values()) == {0}

    def teardown(self) -> None:
        if hasattr(self, "target"):
            self.flush()


TestOrderIsKept = Order_is_kept.TestCase
TestOrderIsKept.settings = settings(max_examples=150, stateful_step_count=30)
