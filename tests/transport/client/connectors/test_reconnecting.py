"""The loop of every connector, as data: what is told, in which order, and how long it waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.ended import ConnectionEnd
from nuphar.transport.client.connectors.reconnecting import (
    LOOP,
    Dial,
    Happening,
    LoopEffect,
    LoopState,
    Reconnecting,
    Rest,
    TellConnected,
    TellDisconnected,
    TellFault,
    TellOver,
)

LOST, REFUSED = ConnectionEnd(0, "lost"), ConnectionEnd(4403, "forbidden")
TELL: dict[Happening, Callable[[Reconnecting], list[LoopEffect] | None]] = {
    Happening.STARTED: lambda loop: loop.started(),
    Happening.OPENED: lambda loop: loop.opened(),
    Happening.LOST: lambda loop: loop.ended(LOST),
    Happening.REFUSED: lambda loop: loop.ended(REFUSED),
    Happening.RESTED: lambda loop: loop.rested(),
    Happening.CLOSED: lambda loop: loop.closed(),
    Happening.RENEWED: lambda loop: loop.renewed(),
}


def loop(chance: float = 1.0) -> Reconnecting:
    return Reconnecting(ReconnectBackoff(1.0, 2.0, 30.0), lambda: chance)


def told(happenings: list[Happening], by: Reconnecting) -> list[LoopEffect]:
    return [effect for happening in happenings for effect in TELL[happening](by) or []]


def test_a_connection_that_is_lost_is_told_and_made_again() -> None:
    line = loop()
    assert line.started() == [Dial()]
    assert line.opened() == [TellConnected()]
    assert line.ended(LOST) == [TellFault("lost"), TellDisconnected(), Rest(1.0)]
    assert line.rested() == [Dial()]
    assert line.ended(LOST) == [TellFault("lost"), Rest(2.0)]


def test_an_end_for_good_is_told_behind_the_loss() -> None:
    line = loop()
    told([Happening.STARTED, Happening.OPENED], line)
    assert line.ended(REFUSED) == [TellFault("forbidden"), TellDisconnected(), TellOver(4403, "forbidden")]
    assert line.is_over
    assert told(list(Happening), line) == []


@pytest.mark.parametrize(
    ("before", "then", "is_told"),
    [
        ([], Happening.STARTED, []),
        ([Happening.STARTED], Happening.OPENED, []),
        ([Happening.STARTED], Happening.REFUSED, []),
        ([Happening.STARTED, Happening.OPENED], Happening.LOST, [TellDisconnected()]),
        ([Happening.STARTED, Happening.OPENED], Happening.REFUSED, [TellDisconnected()]),
        ([Happening.STARTED, Happening.LOST], Happening.RESTED, []),
    ],
)
def test_after_the_program_s_close_nothing_is_told_but_the_loss(
    before: list[Happening], then: Happening, is_told: list[LoopEffect]
) -> None:
    line = loop()
    told(before, line)
    line.closed()
    assert line.is_over
    assert told([then, *Happening], line) == is_told


def test_a_frame_makes_the_pauses_short_again() -> None:
    line = loop()
    told([Happening.STARTED, Happening.LOST, Happening.RESTED, Happening.LOST, Happening.RESTED], line)
    line.opened()
    line.received()
    assert line.ended(LOST)[-1] == Rest(1.0)


def test_a_pause_that_the_server_asks_for_is_kept_once_with_chance_on_top() -> None:
    line = loop(chance=0.5)
    line.started()
    line.pause(10.0)
    assert line.ended(LOST)[-1] == Rest(15.0)
    line.rested()
    assert line.ended(LOST)[-1] == Rest(1.0)


def test_a_try_comes_no_sooner_than_the_end_before_it_has_asked_for() -> None:
    line = loop(chance=0.0)
    line.started()
    assert line.ended(ConnectionEnd(0, "full", 10.0)) == [TellFault("full"), Rest(10.0)]
    line.rested()
    assert line.ended(LOST)[-1] == Rest(0.0)


@pytest.mark.parametrize("end", [LOST, REFUSED])
def test_what_is_opened_anew_is_ended_first_and_its_end_is_no_fault(end: ConnectionEnd) -> None:
    line = loop()
    line.started()
    line.renewed()
    assert line.is_unwanted
    assert line.opened() == []
    assert line.ended(end) == [Dial()]
    assert not line.is_unwanted
    line.opened()
    line.renewed()
    assert line.ended(end) == [TellDisconnected(), Dial()]


def test_what_is_opened_anew_forgets_the_pauses_and_whoever_was_closed_meanwhile_stays_so() -> None:
    line = loop()
    told([Happening.STARTED, Happening.LOST, Happening.RESTED, Happening.LOST], line)
    line.renewed()
    line.rested()
    assert line.ended(LOST)[-1] == Rest(1.0)
    line.rested()
    line.renewed()
    line.closed()
    assert line.ended(LOST) == []
    assert line.is_over


def test_the_table_names_no_state_that_cannot_be_reached_or_left() -> None:
    assert {state for state, _ in LOOP} == {*LoopState} - {LoopState.OVER}
    assert {state for state, _ in LOOP.values()} == {*LoopState} - {LoopState.IDLE}


@given(st.lists(st.sampled_from(list(Happening)), max_size=60))
def test_whatever_happens_a_handler_hears_a_sound_story(happenings: list[Happening]) -> None:
    line = loop()
    story = [type(effect) for effect in told(happenings, line)]
    comings = [each for each in story if each in (TellConnected, TellDisconnected)]
    assert comings == [TellConnected, TellDisconnected] * (len(comings) // 2) + [TellConnected] * (len(comings) % 2)
    assert story.count(TellOver) <= 1
    assert TellOver not in story[:-1]  # nothing is told behind it
    steps = [each for each in story if each in (Dial, Rest)]
    assert all(then is Dial for step, then in itertools.pairwise(steps) if step is Rest)  # one at a time
    assert Happening.RENEWED in happenings or Dial not in [
        then for step, then in itertools.pairwise(steps) if step is Dial
    ]
    assert line.is_over or Happening.CLOSED not in happenings


@given(st.lists(st.sampled_from([Happening.OPENED, Happening.LOST, Happening.RESTED]), max_size=40), st.floats(0, 1))
def test_no_pause_is_longer_than_the_most(happenings: list[Happening], chance: float) -> None:
    line = loop(chance)
    line.started()
    assert all(0 <= effect.seconds <= 30.0 for effect in told(happenings, line) if isinstance(effect, Rest))
