"""Whose turn it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.runtime.turns import Bounds, Turns
from nuphar.actors.words.errors import Busy


def test_a_job_begins_at_once_while_there_is_room() -> None:
    turns = Turns(Bounds(at_once=2, at_once_each=2))
    assert turns.enter("a", 1) == [1]
    assert turns.enter("a", 2) == [2]
    assert turns.enter("a", 3) == []
    assert (turns.running, turns.waiting) == (2, 1)
    assert turns.leave("a") == [("a", 3)]
    assert turns.leave("a") == turns.leave("a") == []
    assert (turns.running, turns.waiting) == (0, 0)


def test_an_owner_has_its_share_and_no_more() -> None:
    turns = Turns(Bounds(at_once=10, at_once_each=2))
    assert [turns.enter("a", n) for n in range(4)] == [[0], [1], [], []]
    assert turns.enter("b", "b") == ["b"]  # a flood of one keeps nobody else waiting
    assert turns.leave("a") == [("a", 2)]


def test_owners_that_wait_take_turns() -> None:
    turns = Turns(Bounds(at_once=1, at_once_each=1))
    turns.enter("a", 0)
    for job in range(3):
        turns.enter("a", f"a{job}")
    turns.enter("b", "b0")
    turns.enter("c", "c0")
    begun: list[str] = []
    owner = "a"
    while batch := turns.leave(owner):
        ((owner, job),) = batch
        begun.append(job)
    assert begun.index("b0") < begun.index("a1")
    assert begun.index("c0") < begun.index("a1")
    assert [job for job in begun if job[0] == "a"] == ["a0", "a1", "a2"]
    assert len(begun) == 5


def test_too_many_that_wait_are_busy_and_those_of_the_end_are_taken_anyway() -> None:
    turns = Turns(Bounds(at_once=1, at_once_each=1, waiting=3, waiting_each=2))
    turns.enter("a", 0)
    turns.enter("a", 1)
    turns.enter("a", 2)
    with pytest.raises(Busy, match="2 calls of hooks wait for this session"):
        turns.enter("a", 3)
    turns.enter("b", 1)
    assert turns.is_full
    with pytest.raises(Busy, match="3 calls of hooks wait already"):
        turns.enter("c", 1)
    assert turns.enter_anyway("c", 1) == []
    assert turns.waiting == 4


@given(
    st.lists(st.one_of(st.integers(0, 4), st.none()), max_size=200),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 5),
    st.integers(0, 3),
)
def test_whatever_comes_and_ends_bounds_hold_and_nobody_is_forgotten(
    steps: list[int | None], at_once: int, each: int, waiting: int, waiting_each: int
) -> None:
    turns = Turns(Bounds(at_once, each, waiting, waiting_each))
    running: list[tuple[int, int]] = []
    taken: Counter[int] = Counter()
    begun: Counter[int] = Counter()
    last: dict[int, int] = {}

    def note(batch: list[tuple[int, int]]) -> None:
        for owner, job in batch:
            running.append((owner, job))
            begun[owner] += 1
            assert job > last.get(owner, -1)  # in its order
            last[owner] = job

    for number, owner in enumerate([*steps, *[None] * len(steps)]):
        if owner is None:
            if running:
                note(turns.leave(running.pop(0)[0]))
        else:
            try:
                note([(owner, job) for job in turns.enter(owner, number)])
            except Busy:
                continue
            taken[owner] += 1
        shares = Counter(who for who, _ in running)
        assert turns.running == len(running) <= at_once
        assert all(count <= each for count in shares.values())
        assert turns.waiting <= waiting
        if len(running) < at_once:
            assert all(shares[who] == each for who in turns._waiting)  # nobody waits for no reason
    while running:
        note(turns.leave(running.pop(0)[0]))
    assert begun == taken
    assert (turns.running, turns.waiting, turns._waiting, turns._running) == (0, 0, {}, {})
