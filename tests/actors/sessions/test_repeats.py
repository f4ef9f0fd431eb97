"""Refs that come again: each gets the answer of the first time, in its turn, as often as it was said."""

from __future__ import annotations

from typing import Any

from support.kept import Kept

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.membership_table import Close, Grant, Refuse
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.messages import Leave, Repeat
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import read
from nuphar.transport.wire.frames import Acknowledge, Frame, Rejected

T = "topic:t"
PLACE = (T, "e")


class Subscribed:
    """A session in a target whose mailbox nobody serves."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.router, self.mailbox = Mailbox(), Mailbox()
        self.session = Session("c", BARE, Kept(self.sent), self.router, Kinds())
        self.session.subscribe(1, T, None)
        self.session.step(T, Grant(self.mailbox, None))
        self.router.drain()

    def say(self, ref: int, times: int = 1) -> None:
        for _ in range(times):
            self.session.post(ref, T, "a", b"\x61a")

    def take(self) -> list[Frame]:
        sent, self.sent[:] = list(self.sent), []
        return [read(frame) for frame in sent]


def test_a_repeat_waits_behind_the_message_itself() -> None:
    one = Subscribed()
    one.say(2, times=2)
    first, again = one.mailbox.drain()
    assert first.ref == 2
    assert again == Repeat(one.session, 2, T)
    assert one.take() == []


def test_every_repeat_has_its_answer_and_one_place_in_the_mailbox() -> None:
    one = Subscribed()
    one.say(2, times=4)
    assert len(one.mailbox.drain()) == 2
    one.session.answers.settle(2, PLACE, 7)
    one.session.repeats.answer(2, T, PLACE)
    assert one.take() == [Acknowledge(T, 7, [2], False)] * 3
    one.say(2)
    one.session.repeats.answer(2, T, PLACE)
    assert one.take() == [Acknowledge(T, 7, [2], False)], "those before have theirs"


def test_a_repeat_of_what_nobody_answered_is_told_so_each_time() -> None:
    one = Subscribed()
    one.say(2, times=3)
    one.session.repeats.answer(2, T, None)
    one.session.repeats.answer(2, T, None)
    rejected = one.take()
    assert [type(frame) for frame in rejected] == [Rejected] * 3
    assert {frame[:3] for frame in rejected} == {(2, T, "unknown_outcome")}


def test_the_seq_of_another_epoch_is_not_said_again() -> None:
    one = Subscribed()
    one.say(2, times=2)
    one.session.answers.settle(2, PLACE, 7)
    one.session.repeats.answer(2, T, (T, "other"))
    assert one.take() == [Acknowledge(T, 0, [2], False)]


def test_a_target_that_owes_something_answers_itself() -> None:
    one, owed = Subscribed(), list[Any]()

    def later(session: Session, ref: int, seq: int) -> bool:
        owed.append((session, ref, seq))
        return True

    one.say(2, times=3)
    one.session.answers.settle(2, PLACE, 7)
    one.session.repeats.answer(2, T, PLACE, later)
    assert one.take() == []
    assert owed == [(one.session, 2, 7)] * 2


def test_a_repeat_whose_subscribe_is_refused_is_still_answered_by_who_has_the_message() -> None:
    one = Subscribed()
    one.say(2)
    one.session.step(T, Close(Leave(one.session, None)))  # it is out, and the target has not come to its message
    one.session.subscribe(3, T, None)
    one.say(2, times=2)
    one.router.drain()
    one.session.step(T, Refuse(Leave(one.session, None)))
    assert one.take() == []
    assert one.router.drain() == [Repeat(one.session, 2, T)]
    one.session.answers.settle(2, PLACE, 7)
    one.session.repeats.answer(2, T, PLACE)
    assert one.take() == [Acknowledge(T, 7, [2], False)] * 2


def test_a_repeat_whose_subscribe_is_refused_has_the_answer_that_is_known() -> None:
    one = Subscribed()
    one.say(2)
    one.session.step(T, Close(Leave(one.session, None)))
    one.session.subscribe(3, T, None)
    one.say(2)
    one.router.drain()
    one.session.answers.settle(2, PLACE, 7)
    one.session.step(T, Refuse(Leave(one.session, None)))
    assert one.take() == [Acknowledge(T, 0, [2], False)]
    assert one.router.drain() == []
