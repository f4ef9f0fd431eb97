"""A target and its log, pure: what leaves when, and what becomes of a batch that failed."""

from __future__ import annotations

from typing import Any

from nuphar import Refused, Store, automatic
from nuphar.actors.sessions.answers import Answers
from nuphar.actors.targets import appends
from nuphar.actors.targets.appends import Appends
from nuphar.actors.targets.effects import Append, Crash, LookUp, Send, Visit
from nuphar.actors.targets.lane import Outcome
from nuphar.actors.targets.log import Appended, Failed, Record, Unknown
from nuphar.actors.targets.messages import Dispatch, More, Post, Room
from nuphar.actors.targets.pace import Pace
from nuphar.actors.targets.target import Target
from nuphar.actors.targets.tentative import Tentative
from nuphar.actors.words import delivery
from nuphar.testing.logs import ScriptedLog
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import Acknowledge, Frame, ServerMessage

NAME = "topic:t"
CODEC = Codec(automatic())


def update(model: int, message: int) -> int:
    if message == 13:
        raise Refused("no", "not thirteen")
    return model + message


class Someone:
    encoding = BARE

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.answers = Answers()
        self.pace = Pace()


def begun() -> tuple[Target, Someone, Someone]:
    target = Target(NAME, CODEC, Tentative(Store(0, update), "e", Appends(ScriptedLog(), "accepted")))
    author, other = Someone("a"), Someone("b")
    target.attach(author)
    target.attach(other)
    return target, author, other


def post(target: Target, author: Someone | None, ref: int, message: int) -> list[Any]:
    return list(target.post(author, ref, message, CODEC.encode_message(message)))


def frames(effects: list[Any], to: Any) -> list[Frame]:
    return [
        read(frame)
        for effect in effects
        if isinstance(effect, Send) and to in effect.subscribers
        for frame in effect.joined
    ]


def test_a_flush_appends_and_sends_nothing() -> None:
    target, author, _ = begun()
    assert post(target, author, 7, 5) == []
    assert post(target, None, 0, 6) == []
    (append,) = target.flush()
    assert append == Append(1, [Record(1, b"\x05", None, None, "a", 7), Record(2, b"\x06", None, None, None, None)])
    assert target.is_waiting
    assert target.flush() == []


def test_what_the_log_has_is_sent_to_everybody() -> None:
    target, author, other = begun()
    post(target, author, 7, 5)
    target.flush()
    effects = target.settle(1, Appended(1))
    assert frames(effects, author) == [Acknowledge(NAME, 1, [7], False)]
    assert frames(effects, other) == [ServerMessage(NAME, 1, 5)]
    assert not target.is_waiting


def test_what_failed_and_what_is_behind_it_is_refused_and_the_model_goes_back() -> None:
    target, author, other = begun()
    for ref, message in ((7, 5), (8, 6), (9, 7)):
        post(target, author, ref, message)
    target.flush()
    assert target.appends is not None
    target.appends.hold(Post(other, 3, 1, b"\x01"))  # type: ignore[arg-type]
    target.appends.hold(Room(other))  # type: ignore[arg-type]
    effects = target.settle(1, Failed(2, "no space left"))
    assert frames(effects, author) == [Acknowledge(NAME, 1, [7], False)]
    crashes = [effect for effect in effects if isinstance(effect, Crash)]
    assert [(crash.author, crash.ref, crash.error.code) for crash in crashes] == [  # type: ignore[attr-defined]
        (author, 8, "busy"),
        (author, 9, "busy"),
        (other, 3, "busy"),
    ]
    assert "no space left" in str(crashes[0].error)
    assert target.appends.put_back(9) == [Room(other), More()]  # type: ignore[arg-type]
    assert target.order is not None
    assert target.order.position == (5, 1)


def test_a_refusal_that_rests_on_what_is_on_its_way_waits_and_shares_its_fate() -> None:
    for outcome, code in ((Appended(1), "no"), (Failed(1, "full"), "busy")):
        target, author, _ = begun()
        post(target, author, 7, 5)
        (append,) = post(target, author, 8, 13)
        assert isinstance(append, Append)
        effects = target.settle(1, outcome)
        assert isinstance(effects[-1], Crash)
        assert (effects[-1].ref, effects[-1].error.code) == (8, code)  # type: ignore[attr-defined]


def test_a_refusal_with_nothing_on_its_way_is_told_at_once() -> None:
    target, author, _ = begun()
    (crash,) = post(target, author, 8, 13)
    assert isinstance(crash, Crash)


def test_an_unknown_outcome_is_looked_up_at_once_and_then_ever_later() -> None:
    target, author, _ = begun()
    post(target, author, 7, 5)
    (append,) = target.flush()
    assert isinstance(append, Append)
    waits = []
    for _ in range(9):
        (look_up,) = target.settle(1, Unknown("lost"))
        assert isinstance(look_up, LookUp)
        assert look_up[:2] == append
        waits.append(look_up.after)
    assert waits[:4] == [0.0, 0.1, 0.2, 0.4]
    assert waits[-1] == 5.0
    assert frames(target.settle(1, Appended(1)), author) == [Acknowledge(NAME, 1, [7], False)]


def test_an_answer_that_makes_no_sense_is_an_unknown_one() -> None:
    for nonsense in (Appended(1), Appended(3), Failed(0, ""), Failed(3, ""), None):
        target, author, _ = begun()
        post(target, author, 7, 5)
        post(target, author, 8, 5)
        target.flush()
        (look_up,) = target.settle(1, nonsense)  # type: ignore[arg-type]
        assert isinstance(look_up, LookUp)


def test_an_answer_to_an_earlier_batch_changes_nothing() -> None:
    target, author, _ = begun()
    post(target, author, 7, 5)
    target.flush()
    target.settle(1, Failed(1, "full"))
    assert target.settle(1, Appended(1)) == []
    post(target, author, 8, 6)
    target.flush()
    assert target.settle(1, Appended(1)) == []
    assert target.is_waiting
    assert frames(target.settle(2, Appended(1)), author) == [Acknowledge(NAME, 1, [8], False)]


def test_nobody_who_is_behind_is_looked_after_while_something_is_on_its_way() -> None:
    target, author, other = begun()
    target.join(other, 1, None, delivery.latest())
    post(target, author, 7, 5)
    assert [type(effect) for effect in target.visits()] == [Append]
    assert target.visits() == []
    assert Visit in map(type, target.settle(1, Appended(1)))


def test_what_waits_is_bounded_in_bytes_and_what_is_no_message_always_waits() -> None:
    it = Appends(ScriptedLog(), "accepted")
    large = b"x" * (appends.HELD_BEHIND // 4)
    held = [it.hold(Post(None, ref, None, large)) for ref in range(5)]  # type: ignore[arg-type]
    assert held == [True, True, True, False, False]
    assert it.hold(Room(None))  # type: ignore[arg-type]
    assert not it.is_full
    assert it.hold(Dispatch(None, large))
    assert it.is_full
    assert len(it.put_back(9)) == 6
    assert it.held_bytes == 0


def test_a_batch_is_bounded_in_bytes() -> None:
    it = Appends(ScriptedLog(), "accepted")
    large = Dispatch(None, b"x" * (appends.BATCH // 2))
    assert not it.ends_batch(large)
    assert it.ends_batch(large)
    assert it.ends_batch(Room(None))  # type: ignore[arg-type]


def test_a_batch_ends_when_it_has_enough_messages() -> None:
    it = Appends(ScriptedLog(), "accepted")
    ends = [it.ends_batch(Dispatch(None, b"x")) for _ in range(appends.RECORDS + 1)]
    assert ends == [False] * appends.RECORDS + [True]
    it.begin([Outcome(None, 0, 1, b"x")])
    assert not it.ends_batch(Dispatch(None, b"x"))


def test_a_successor_asks_again_only_what_may_not_have_been_asked() -> None:
    target, author, _ = begun()
    assert target.appends is not None
    assert target.appends.resume() == []
    post(target, author, 7, 5)
    (append,) = target.flush()
    assert isinstance(append, Append)
    assert target.appends.resume() == [LookUp(*append, 0.0)]
    target.settle(1, Failed(1, "it is not in the log"))
    post(target, author, 8, 5)
    target.flush()
    target.appends.asked()
    assert target.appends.resume() == []


def test_what_is_put_back_and_has_to_wait_again_keeps_its_place() -> None:
    it = Appends(ScriptedLog(), "accepted")
    first, second, third, fourth = (Dispatch(number, b"") for number in range(4))
    it.begin([Outcome(None, 0, 1, b"")])
    for message in (first, second, third):
        it.hold(message)
    it.end()
    assert it.put_back(2) == [first, second, More()]
    assert not it.holds
    it.begin([Outcome(None, 0, 1, b"")])  # with the first
    it.hold(second)
    it.close()
    it.hold(fourth)
    it.end()
    assert it.put_back(9) == [second, third, fourth, More()]
    it.close()
    assert not it.holds
    assert it.put_back(9) == []


def test_what_comes_waits_behind_what_was_not_put_back() -> None:
    it = Appends(ScriptedLog(), "accepted")
    it.begin([Outcome(None, 0, 1, b"")])
    for number in range(3):
        it.hold(Dispatch(number, b""))
    it.end()
    it.put_back(1)
    it.close()
    assert it.holds


def overdue(target: Target) -> list[Any]:
    assert target.appends is not None
    target.appends.patience.ask(0.0, 1.0)
    return target.appends.overdue()


def test_silence_is_an_unknown_outcome() -> None:
    target, author, other = begun()
    post(target, author, 7, 5)
    (append,) = target.flush()
    assert isinstance(append, Append)
    assert overdue(target) == [LookUp(1, append.records, 0.0)]
    assert target.appends is not None
    assert not target.appends.patience.is_stuck  # a look-up may answer at once
    assert target.appends.hold(Post(other, 3, 1, b"\x01"))  # type: ignore[arg-type]
    assert frames(target.settle(1, Appended(1)), author) == [Acknowledge(NAME, 1, [7], False)]


def test_a_look_up_that_nobody_answers_is_asked_again_ever_later_and_no_more_may_come() -> None:
    target, author, other = begun()
    post(target, author, 7, 5)
    target.flush()
    waits = [overdue(target)[0].after for _ in range(9)]
    assert waits[:4] == [0.0, 0.1, 0.2, 0.4]
    assert waits[-1] == 5.0
    appends_ = target.appends
    assert appends_ is not None
    assert appends_.patience.is_stuck
    assert not appends_.hold(Post(other, 3, 1, b"\x01"))  # type: ignore[arg-type]
    assert appends_.hold(Room(other))  # type: ignore[arg-type]
    assert appends_.why_not(NAME) == "the log of topic:t does not answer: try again later"
    assert frames(target.settle(1, Appended(1)), author) == [Acknowledge(NAME, 1, [7], False)]
    assert appends_.put_back(9) == [Room(other), More()]  # type: ignore[arg-type]
    assert appends_.hold(Post(other, 4, 1, b"\x01"))  # type: ignore[arg-type]


def test_a_log_that_never_knows_lets_no_more_come_either() -> None:
    target, author, _ = begun()
    post(target, author, 7, 5)
    target.flush()
    assert target.appends is not None
    for _ in range(appends.MOST_LOOK_UPS):
        assert not target.appends.patience.is_stuck
        target.settle(1, Unknown("lost"))
    target.settle(1, Unknown("lost"))
    assert target.appends.patience.is_stuck


def test_of_the_answer_to_an_older_question_only_what_is_certain_counts() -> None:
    target, author, _ = begun()
    post(target, author, 7, 5)
    target.flush()
    assert target.appends is not None
    patience = target.appends.patience
    append = patience.ask(0.0, 1.0)
    target.appends.overdue()
    look_up = patience.ask(1.0, 1.0)
    assert target.settle(1, Unknown("the append was lost"), append) == []
    assert target.settle(1, Unknown("deaf"), look_up) != []
    assert frames(target.settle(1, Appended(1), append), author) == [Acknowledge(NAME, 1, [7], False)]


def test_who_stops_without_the_log_s_word_says_that_it_does_not_know_and_ends_at_what_is_confirmed() -> None:
    target, author, other = begun()
    post(target, author, 7, 5)
    target.flush()
    target.settle(1, Appended(1))
    for ref, message in ((8, 6), (9, 7), (10, 13)):
        post(target, author, ref, message)
    assert target.appends is not None
    stop = object()
    for message in (Post(other, 3, 1, b"\x01"), stop):  # type: ignore[arg-type]
        target.appends.hold(message)
    target.appends.patience.hold_stop(stop, None, 0.0)
    crashes = target.give_up()
    assert [(crash.author, crash.ref, crash.error.code) for crash in crashes] == [  # type: ignore[union-attr]
        (author, 8, "unknown_outcome"),
        (author, 9, "unknown_outcome"),
        (author, 10, "gone"),  # it was refused, whatever became of the others
    ]
    assert target.order is not None
    assert target.order.position == (5, 1)
    assert not target.is_waiting
    assert not target.appends.holds
    assert target.settle(2, Appended(3)) == []
    assert frames(target.stop(final=True), other) == [Acknowledge(NAME, 1, [], True)]
    assert target.appends.take_all() == [Post(other, 3, 1, b"\x01")]  # type: ignore[arg-type]


class Waits:
    """A program that waits for what becomes of its message."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def accept(self, seq: int) -> None:
        self.heard.append(seq)

    def fail(self, error: BaseException) -> None:
        self.heard.append(error)


def test_of_the_program_s_own_messages_that_are_held_those_are_refused_that_somebody_waits_for() -> None:
    target, author, _ = begun()
    post(target, author, 7, 5)
    target.flush()
    assert target.appends is not None
    caller = Waits()
    awaited, unheard = Dispatch(1, b"\x01", caller), Dispatch(2, b"\x02")
    for message in (awaited, unheard):
        assert target.appends.hold(message)
    effects = target.settle(1, Failed(1, "no space left"))
    told = [(effect.author, effect.caller, effect.error.code) for effect in effects if isinstance(effect, Crash)]  # type: ignore[attr-defined]
    assert told == [(author, None, "busy"), (None, caller, "busy")]
    assert target.appends.put_back(9) == [unheard, More()]
    assert target.appends.held_bytes == 0
