"""What a client is still to name: which targets wait, for how long, and what each naming brings."""

from __future__ import annotations

import random

from nuphar.actors.sessions.unnamed import PATIENCE, Follow, NotThere, Restore, Unnamed
from nuphar.actors.words.target_names import Cursor

A, B, C, GONE = "topic:a", "topic:b", "topic:c", "topic:gone"
MEMBERS = (A, B, C)


def test_who_is_named_is_restored_from_its_cursor_and_the_others_wait() -> None:
    unnamed = Unnamed(MEMBERS, 0.0)
    assert unnamed.name({B: ("e", 7), A: None}, MEMBERS) == [Restore(B, ("e", 7)), Restore(A, None)]
    assert list(unnamed.waiting) == [C]


def test_a_target_that_was_named_is_named_again_like_any() -> None:
    unnamed = Unnamed(MEMBERS, 0.0)
    unnamed.name({A: ("e", 7)}, MEMBERS)
    assert unnamed.name({A: ("e", 8)}, MEMBERS) == [Follow(A, ("e", 8))]


def test_a_target_that_the_session_is_not_in_is_answered_with_out() -> None:
    unnamed = Unnamed(MEMBERS, 0.0)
    assert unnamed.name({GONE: ("e", 1), A: ("e", 1)}, MEMBERS) == [NotThere(GONE), Restore(A, ("e", 1))]
    unnamed.end()
    assert unnamed.name({GONE: ("e", 1)}, MEMBERS) == [NotThere(GONE)]


def test_who_is_spoken_to_waits_no_longer_and_only_once() -> None:
    unnamed = Unnamed(MEMBERS, 0.0)
    assert unnamed.wake(B, ("e", 2)) == [Restore(B, ("e", 2))]
    assert unnamed.wake(B, None) == []
    assert unnamed.wake(GONE, None) == []
    assert list(unnamed.waiting) == [A, C]


def test_the_end_brings_what_is_left_without_a_cursor_and_only_once() -> None:
    unnamed = Unnamed(MEMBERS, 0.0)
    unnamed.name({B: ("e", 7)}, MEMBERS)
    assert unnamed.end() == [Restore(A, None), Restore(C, None)]
    assert unnamed.end() == []


def test_it_is_due_when_its_time_is_over_and_not_before() -> None:
    unnamed = Unnamed(MEMBERS, 5.0)
    assert not unnamed.is_due(5.0 + PATIENCE - 0.001)
    assert unnamed.is_due(5.0 + PATIENCE)


def test_whatever_is_named_in_any_order_every_membership_is_restored_once() -> None:
    rng = random.Random(7)
    for _ in range(200):
        members = [f"topic:{n}" for n in range(rng.randrange(12))]
        unnamed = Unnamed(members, 0.0)
        restored: list[str] = []
        for _ in range(rng.randrange(6)):
            named: dict[str, Cursor | None] = {f"topic:{rng.randrange(14)}": ("e", 1) for _ in range(rng.randrange(5))}
            steps = unnamed.name(named, members)
            assert [step.target for step in steps] == list(named)
            assert all(isinstance(step, NotThere) == (step.target not in members) for step in steps)
            if rng.random() < 0.3:
                steps += unnamed.wake(f"topic:{rng.randrange(14)}", None)
            restored += [step.target for step in steps if isinstance(step, Restore)]
        restored += [step.target for step in unnamed.end()]
        assert sorted(restored) == sorted(members)
