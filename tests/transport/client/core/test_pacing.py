"""What the server wants later is sent again no sooner than it said, in order, and nothing passes by it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.following import RESUMED, WELCOME, Core, T

from nuphar import Refused
from nuphar.transport import frames as f
from nuphar.transport.client.core.events import Answered, Denied, Ending, Paused
from nuphar.transport.client.core.pacing import LATE, SOON, Pacing, seconds_in

U = "topic:u"


def never(ref: int) -> bool:
    return False


def limited(ref: int, seconds: Any = 0.5, target: str = T) -> f.Rejected:
    return f.Rejected(ref, target, "rate_limited", "too much at once", {"retry_after": seconds})


# The machine.


def test_what_is_held_comes_when_its_time_is_over_and_not_before_what_is_held_in_front_of_it() -> None:
    pacing = Pacing()
    assert pacing.hold(5, 2.0) == Paused(1, 2.0)
    assert pacing.hold(6, 1.0) is None
    assert pacing.hold(7, 3.0) is None  # from the same beginning: nobody knows how much of the pause is over
    assert pacing.rested(1, never) == ([5], Paused(2, 1.0))
    pacing.forget(5)
    assert pacing.rested(2, never) == ([6], Paused(3, 2.0))
    pacing.forget(6)
    assert pacing.rested(3, never) == ([7], None)
    assert not pacing.held


def test_many_that_are_due_soon_after_each_other_go_at_once() -> None:
    pacing = Pacing()
    for ref in range(1, 6):
        pacing.hold(ref, 0.001)
    due, paused = pacing.rested(1, never)
    assert (due, paused) == ([1], Paused(2, SOON))
    assert pacing.rested(2, never) == ([], Paused(3, SOON))  # the first has no answer yet
    pacing.forget(1)
    assert pacing.rested(3, never) == ([2, 3, 4, 5], None)


def test_the_end_of_a_pause_before_a_loss_is_none() -> None:
    pacing = Pacing()
    pacing.hold(1, 5.0)
    pacing.clear()
    assert pacing.hold(1, 7.0) == Paused(2, 7.0)
    assert pacing.rested(1, never) == ([], None)
    assert pacing.rested(2, never) == ([1], None)
    assert pacing.rested(2, never) == ([], None)


def test_what_may_be_overtaken_waits_a_little_longer() -> None:
    pacing = Pacing()
    pacing.hold(1, 1.0)
    assert pacing.rested(1, lambda ref: True) == ([], Paused(2, SOON))
    assert pacing.rested(2, never) == ([1], None)


def test_no_pause_is_longer_than_the_latest() -> None:
    assert Pacing().hold(1, 1e9) == Paused(1, LATE)


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ({"retry_after": 2}, 2.0),
        ({"retry_after": 0.25, "more": 1}, 0.25),
        *((each, 1.0) for each in (None, 3, [], {}, {"retry_after": -1}, {"retry_after": True}, {"retry_after": "2"})),
        ({"retry_after": float("nan")}, 1.0),
        ({"retry_after": float("inf")}, 1.0),
    ],
)
def test_details_that_say_no_time_are_a_second(details: Any, seconds: float) -> None:
    assert seconds_in(details) == seconds


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 3)), max_size=30), st.data())
def test_whatever_is_refused_is_sent_once_in_order_and_never_early(held: list[tuple[int, float]], data: Any) -> None:
    pacing = Pacing()
    wanted = dict(held)
    now, turn = 0.0, None
    for ref, seconds in wanted.items():
        turn = pacing.hold(ref, seconds) or turn
    sent: list[int] = []
    early = iter(data.draw(st.lists(st.booleans(), max_size=20)))
    while turn is not None:
        now += turn.seconds
        due, turn = pacing.rested(turn.turn, lambda ref: next(early, False))
        assert all(now >= wanted[ref] - 1e-9 for ref in due)
        sent += due
        for ref in due:
            pacing.forget(ref)
    assert sent == sorted(wanted)


# The core.


def test_a_message_that_was_too_much_is_kept_shown_and_sent_again_under_its_ref() -> None:
    core = Core(T).go_live()
    own = core.post(T, 1)
    core.take()
    assert core.get(limited(2)) == [Paused(1, 0.5)]
    assert core.take() == []
    assert core.replicas[T].model == (1,)
    assert core.rested(1) == []
    assert core.take() == [f.ClientMessage(2, T, 1)]
    assert core.get(f.Acknowledge(T, 1, [2], False)) == [Answered(own, 1, None)]


def test_what_is_dispatched_meanwhile_waits_behind_it_in_order() -> None:
    core = Core(T, U).go_live()
    core.post(T, 1)
    core.take()
    core.get(limited(3))
    core.post(T, 2)
    core.post(U, 3)
    core.unsubscribe(U)
    assert core.take() == []
    core.rested(1)
    assert core.take() == [f.ClientMessage(3, T, 1)]
    core.get(f.Acknowledge(T, 1, [3], False))
    assert core.take() == [
        f.ClientMessage(4, T, 2),
        f.ClientMessage(5, U, 3),
        f.Unsubscribe(6, U),
    ]


def test_those_behind_it_are_awaited_before_it_goes_again() -> None:
    core = Core(T).go_live()
    for message in range(3):
        core.post(T, message)
    core.take()
    core.get(limited(2))
    assert core.rested(1) == [Paused(2, SOON)]  # 3 and 4 may still be refused: they were sent before it was heard
    core.get(limited(3, 0.0), limited(4, 0.0))
    core.rested(2)
    assert [frame.ref for frame in core.take()] == [2, 3, 4]


def test_messages_to_others_are_not_awaited() -> None:
    core = Core(T, U).go_live()
    core.post(T, 1)
    core.post(U, 2)
    core.take()
    core.get(limited(3))
    assert core.rested(1) == []
    assert core.take() == [f.ClientMessage(3, T, 1)]


def test_a_subscribe_that_was_too_much_is_asked_again_and_the_program_does_not_hear_of_it() -> None:
    core = Core(T)
    core.open()
    core.get(WELCOME)
    core.take()
    assert core.get(limited(1)) == [Paused(1, 0.5)]
    assert not core.is_settled()
    core.rested(1)
    assert core.take() == [f.Subscribe(1, T, None, None)]


def test_what_was_too_much_before_a_loss_is_sent_again_with_everything_else() -> None:
    core = Core(T).go_live()
    core.post(T, 1)
    core.post(T, 2)
    core.take()
    core.get(limited(2))
    core.post(T, 3)
    core.lose()
    core.open()
    core.take()
    core.get(RESUMED)
    assert core.take() == [f.ClientMessage(2, T, 1), f.ClientMessage(3, T, 2), f.ClientMessage(4, T, 3)]
    assert core.rested(1) == []
    assert core.take() == []


def test_what_is_over_in_another_session_is_answered() -> None:
    core = Core(T).go_live()
    own = core.post(T, 1)
    core.get(limited(2))
    core.lose()
    core.open()
    answered = [event for event in core.get(WELCOME) if isinstance(event, Answered)]
    assert [(each.own, each.refused.code if each.refused else None) for each in answered] == [(own, "unknown_outcome")]
    assert not core.exchange.pacing.held


def test_an_answer_that_comes_all_the_same_counts() -> None:
    core = Core(T).go_live()
    core.post(T, 1)
    core.take()
    core.get(limited(2), f.Acknowledge(T, 1, [2], False))
    core.rested(1)
    assert core.take() == []
    core.post(T, 2)
    assert core.take() == [f.ClientMessage(3, T, 2)]


def test_a_connection_that_is_too_much_ends_and_says_when_to_come_back() -> None:
    core = Core(T).go_live()
    (denied, ending) = core.get(f.Rejected(0, None, "rate_limited", "too many frames", {"retry_after": 3}))
    assert isinstance(denied, Denied)
    assert ending == Ending(3.0)


def test_a_ref_that_nobody_waits_for_holds_nothing() -> None:
    core = Core(T).go_live()
    assert core.get(limited(9)) == []
    core.post(T, 1)
    assert core.take() == [f.ClientMessage(2, T, 1)]


def test_other_refusals_are_the_program_s() -> None:
    core = Core(T).go_live()
    own = core.post(T, 1)
    core.take()
    events = core.get(f.Rejected(2, T, "busy", "later", {"retry_after": 3}))
    assert [(each.own, each.refused) for each in events if isinstance(each, Answered)] == [(own, events[0].refused)]
    assert isinstance(events[0].refused, Refused)


def test_nothing_new_goes_before_what_went_again_is_answered() -> None:
    core = Core(T).go_live()
    core.post(T, 1)
    core.take()
    core.get(limited(2))
    core.rested(1)
    core.post(T, 2)
    assert [frame.ref for frame in core.take()] == [2]
    core.get(limited(2))  # it was refused once more, before its time or behind another
    core.rested(2)
    assert [frame.ref for frame in core.take()] == [2]
    core.get(f.Acknowledge(T, 1, [2], False))
    assert [frame.ref for frame in core.take()] == [3]


def test_what_is_asked_meanwhile_waits_behind_what_was_asked_and_was_too_much() -> None:
    core = Core(T).go_live()
    core.unsubscribe(T)
    core.take()
    core.get(limited(2))
    core.subscribe(T, None)
    assert core.take() == []
    assert not core.is_settled(), "it is still to be asked for"
    core.rested(1)
    assert core.take() == [f.Unsubscribe(2, T)]
    core.get(f.Acknowledge(T, 0, [2], False))
    assert core.take() == [f.Subscribe(3, T, None, None)]
    core.get(f.Acknowledge(T, 1, [3], False))
    assert core.is_settled()
