"""Which transport is used: the best that opens, and back up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.client.connectors.transport_choice import (
    LONGEST_PAUSE,
    GiveUp,
    ProbeRank,
    StopRank,
    TransportChoice,
    UseRank,
)


def down() -> TransportChoice:
    """Return a choice that has come down to rank 1 at the time 0."""
    choice = TransportChoice(2, tries=1, again=60.0)
    assert choice.failed(0, 0.0) == [UseRank(1)]
    choice.opened(1, 0.0)
    return choice


def test_one_that_never_opens_is_left_after_some_tries() -> None:
    choice = TransportChoice(2, tries=3)
    assert [choice.failed(0, 0.0) for _ in range(3)] == [[], [], [UseRank(1)]]


def test_one_that_opens_is_kept_and_its_failures_are_forgotten() -> None:
    choice = TransportChoice(2, tries=2)
    for _ in range(5):
        assert choice.failed(0, 0.0) == []
        assert choice.opened(0, 0.0) == []


def test_behind_the_last_comes_the_first_again() -> None:
    choice = TransportChoice(2, tries=1)
    assert choice.failed(0, 0.0) == [UseRank(1)]
    assert choice.failed(1, 0.0) == [UseRank(0)]


def test_the_first_is_tried_again_later_and_used_when_it_opens() -> None:
    choice = down()
    assert choice.tick(59.0) == []
    assert choice.due(50.0) == 10.0
    assert choice.tick(60.0) == [ProbeRank(0)]
    assert choice.tick(61.0) == []
    assert choice.opened(0, 62.0) == [UseRank(0)]
    assert choice.rank == 0
    assert choice.due(62.0) is None


def test_a_probe_that_fails_is_stopped_and_waits_twice_as_long() -> None:
    choice, now = down(), 60.0
    for wait in (120.0, 240.0, 480.0):
        assert choice.tick(now) == [ProbeRank(0)]
        assert choice.failed(0, now) == [StopRank(0)]
        assert choice.due(now) == wait
        now += wait
    for _ in range(20):
        choice.tick(now)
        choice.failed(0, now)
        now += choice.due(now) or 0.0
    assert choice.tick(now) == [ProbeRank(0)]
    choice.failed(0, now)
    assert choice.due(now) == LONGEST_PAUSE


def test_each_better_one_gets_its_look_in_turn() -> None:
    choice = TransportChoice(3, tries=1, again=10)
    choice.failed(0, 0.0)
    choice.failed(1, 0.0)
    assert choice.rank == 2
    now, looked, waits = 0.0, [], []
    for _ in range(6):
        wait = choice.due(now)
        assert wait is not None
        waits.append(wait)
        now += wait
        (probe,) = choice.tick(now)
        assert isinstance(probe, ProbeRank)
        looked.append(probe.rank)
        choice.failed(probe.rank, now)
    assert looked == [0, 1, 0, 1, 0, 1]
    assert waits == [10, 10, 20, 20, 40, 40]


def test_one_that_is_refused_is_left_at_once() -> None:
    choice = TransportChoice(2, tries=3)
    assert choice.failed(0, 0.0, is_refused=True) == [UseRank(1)]


def test_refused_by_all_it_gives_up() -> None:
    choice = TransportChoice(2)
    assert choice.failed(0, 0.0, is_refused=True) == [UseRank(1)]
    assert choice.failed(1, 0.0, is_refused=True) == [GiveUp()]


def test_a_probe_ends_with_the_rank_that_it_was_made_beside() -> None:
    choice = TransportChoice(3, tries=1, again=1.0)
    assert choice.failed(0, 0.0) == [UseRank(1)]
    assert choice.tick(1.0) == [ProbeRank(0)]
    assert choice.failed(1, 1.0) == [UseRank(2)]
    assert choice.failed(2, 1.0) == [UseRank(0)]
    assert choice.failed(0, 1.0) == [UseRank(1)]


def test_what_another_rank_says_is_not_heard() -> None:
    choice = TransportChoice(3, tries=1)
    assert choice.failed(2, 0.0) == []
    assert choice.opened(1, 0.0) == []
    assert choice.rank == 0


@given(st.lists(st.tuples(st.sampled_from(["open", "fail", "refuse", "tick"]), st.integers(0, 2))))
def test_whatever_happens_there_is_one_in_use_and_at_most_one_probe(steps: list[tuple[str, int]]) -> None:
    choice, alive, now = TransportChoice(3, tries=2, again=1.0), {0}, 0.0
    for what, rank in steps:
        now += 1.0
        match what:
            case "open":
                decisions = choice.opened(rank, now) if rank in alive else []
            case "fail":
                decisions = choice.failed(rank, now) if rank in alive else []
            case "refuse":
                decisions = choice.failed(rank, now, is_refused=True) if rank in alive else []
            case _:
                decisions = choice.tick(now)
        for decision in decisions:
            match decision:
                case UseRank(new):
                    alive = {new}
                case ProbeRank(new):
                    alive.add(new)
                case StopRank(old):
                    alive.remove(old)
        assert choice.rank in alive
        assert len(alive) <= 2
