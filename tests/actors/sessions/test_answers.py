"""The answers to a session's last messages: against a plain dict, and at the edges of the window."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from nuphar.actors.sessions.answers import FORGOTTEN, REFUSALS, WINDOW, Answers, Applied, RefFate, Refusal

PLACES = [("topic:a", "e1"), ("topic:a", "e2"), ("topic:b", ""), ("session", "e3")]
REFUSED = Refusal("topic:a", "denied", "no", None)


def applied(*refs: int, place: tuple[str, str] = PLACES[0]) -> Answers:
    """Return answers in which ``refs`` were applied, one seq each."""
    answers = Answers()
    for seq, ref in enumerate(refs, 1):
        assert answers.begin(ref, place[0]) is RefFate.NEW
        answers.settle(ref, place, seq)
    return answers


def test_only_a_new_ref_has_a_fate_that_is_false() -> None:
    assert [fate for fate in RefFate if not fate] == [RefFate.NEW]


def test_a_ref_that_is_repeated_is_known_before_and_after_its_answer() -> None:
    answers = Answers()
    assert answers.begin(1, "topic:a") is RefFate.NEW
    assert answers.begin(1, "topic:a") is RefFate.KNOWN
    assert answers.answer(1) is None
    answers.settle(1, PLACES[0], 7)
    assert answers.begin(1, "topic:a") is RefFate.KNOWN
    assert answers.answer(1) == Applied(PLACES[0], 7)


def test_a_ref_may_jump() -> None:
    answers = applied(1, 500, 2**53 - 1)
    assert answers.answer(2**53 - 1) == Applied(PLACES[0], 3)
    assert answers.begin(500, "topic:a") is RefFate.FORGOTTEN


def test_a_ref_that_was_jumped_over_goes_backward() -> None:
    assert applied(1, 5).begin(3, "topic:a") is RefFate.BACKWARD


@pytest.mark.parametrize(("behind", "fate"), [(WINDOW - 1, RefFate.KNOWN), (WINDOW, RefFate.FORGOTTEN)])
def test_the_window_has_a_sharp_edge(behind: int, fate: RefFate) -> None:
    highest = 5 * WINDOW
    assert applied(highest - behind, highest).begin(highest - behind, "topic:a") is fate


def test_a_ref_that_nobody_began_counts_as_new_again() -> None:
    answers = Answers()
    answers.begin(1, "topic:a")
    answers.begin(2, "topic:a")
    answers.release(1)
    assert answers.begin(1, "topic:a") is RefFate.NEW
    assert answers.begin(1, "topic:a") is RefFate.KNOWN


def test_a_ref_that_left_the_window_while_it_waited_has_an_unknown_outcome() -> None:
    answers = Answers()
    answers.begin(1, "topic:a")
    for ref in range(2, WINDOW + 2):
        answers.begin(ref, "topic:b")
        answers.settle(ref, PLACES[1], ref)
    assert answers.answer(1) == FORGOTTEN


def test_an_answered_ref_is_not_released() -> None:
    answers = applied(1)
    answers.release(1)
    assert answers.begin(1, "topic:a") is RefFate.KNOWN


def test_the_first_answer_stays() -> None:
    answers = applied(1)
    answers.refuse(1, REFUSED)
    answers.settle(1, PLACES[1], 9)
    assert answers.answer(1) == Applied(PLACES[0], 1)


def test_what_was_never_begun_is_not_remembered() -> None:
    answers = Answers()
    for ref in (0, 1, 5):
        answers.settle(ref, PLACES[0], 1)
        answers.refuse(ref, REFUSED)
        answers.release(ref)
    assert answers.highest == 0
    assert answers.own(PLACES[0], 0) == {}


def test_of_many_refusals_the_old_ones_keep_their_code() -> None:
    answers = Answers()
    for ref in range(1, REFUSALS + 2):
        answers.begin(ref, "topic:a")
        answers.refuse(ref, REFUSED)
    first, second = answers.answer(1), answers.answer(2)
    assert isinstance(first, Refusal)
    assert (first.code, first.details) == ("denied", None)
    assert second == REFUSED
    assert (answers.target_of(1), answers.target_of(2)) == (None, "topic:a")


def test_many_are_settled_at_once_and_only_those_that_wait() -> None:
    answers = Answers()
    outcomes = [(None, 5, 1, b""), (None, 6, 2, b""), (None, 0, 3, b""), (None, 7, 4, b"")]
    answers.settle_all(PLACES[0], outcomes, [0, 1, 2, 3])
    for ref in (5, 6, 7):
        answers.begin(ref, "topic:a")
    answers.refuse(6, REFUSED)
    answers.settle_all(PLACES[0], outcomes, [0, 1, 2])
    assert answers.answer(5) == Applied(PLACES[0], 1)
    assert answers.answer(6) == REFUSED
    assert answers.answer(7) is None


def test_its_own_messages_are_found_by_place_and_seq() -> None:
    answers = applied(3, 4, 9)
    answers.begin(10, "topic:b")
    answers.settle(10, PLACES[2], 0)
    assert answers.own(PLACES[0], 0) == {1: 3, 2: 4, 3: 9}
    assert answers.own(PLACES[0], 2) == {3: 9}
    assert answers.own(PLACES[1], 0) == {}


def test_own_messages_below_the_window_are_not_told() -> None:
    assert applied(1, 2 + WINDOW // 2, 2 + WINDOW).own(PLACES[0], 0) == {2: 2 + WINDOW // 2, 3: 2 + WINDOW}


@given(refs=st.lists(st.integers(1, 3_000), min_size=1, unique=True).map(sorted))
def test_memory_is_bounded_by_the_window_and_by_what_was_sent(refs: list[int]) -> None:
    answers = applied(*refs)
    assert len(answers._refs) == len(answers._seqs) == len(answers._places) <= WINDOW
    remembered = [ref for ref in refs if ref > refs[-1] - WINDOW]
    assert all(answers.begin(ref, "topic:a") is RefFate.KNOWN for ref in remembered)


class AgainstADict(RuleBasedStateMachine):
    """The same, kept in a dict that never forgets, and a window that is looked at from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = Answers()
        self.known: dict[int, Any] = {}  # a ref's answer, None while it waits, "released"
        self.highest = 0

    def fate(self, ref: int) -> RefFate:
        if ref > self.highest:
            return RefFate.NEW
        if ref <= self.highest - WINDOW:
            return RefFate.FORGOTTEN
        if ref not in self.known:
            return RefFate.BACKWARD
        return RefFate.NEW if self.known[ref] == "released" else RefFate.KNOWN

    def near(self, behind: int) -> int:
        return max(1, self.highest - behind)

    @rule(step=st.one_of(st.integers(1, 3), st.integers(1, 2 * WINDOW)))
    def rise(self, step: int) -> None:
        self.begin(self.highest + step)

    @rule(behind=st.one_of(st.integers(0, 8), st.integers(0, WINDOW + 2)))
    def repeat(self, behind: int) -> None:
        self.begin(self.near(behind))

    def begin(self, ref: int) -> None:
        expected = self.fate(ref)
        assert self.answers.begin(ref, "topic:a") is expected
        if expected is RefFate.NEW:
            self.known[ref] = None
        self.highest = max(self.highest, ref)
        assert self.answers.highest == self.highest
        if expected is RefFate.KNOWN:
            assert self.answers.answer(ref) == self.known[ref]

    @rule(behind=st.integers(0, 8), place=st.sampled_from(PLACES), seq=st.integers(0, 50))
    def settle(self, behind: int, place: tuple[str, str], seq: int) -> None:
        ref = self.near(behind)
        self.answers.settle(ref, place, seq)
        if self.known.get(ref, "never") is None:
            self.known[ref] = Applied(place, seq)

    @rule(behind=st.integers(0, 8), code=st.sampled_from(["denied", "busy"]))
    def refuse(self, behind: int, code: str) -> None:
        ref, refusal = self.near(behind), Refusal("topic:a", code, "no", None)
        self.answers.refuse(ref, refusal)
        if self.known.get(ref, "never") is None:
            self.known[ref] = refusal

    @rule(behind=st.integers(0, 8))
    def release(self, behind: int) -> None:
        ref = self.near(behind)
        self.answers.release(ref)
        if self.known.get(ref, "never") is None:
            self.known[ref] = "released"

    @rule(place=st.sampled_from(PLACES), after=st.integers(0, 50))
    def own(self, place: tuple[str, str], after: int) -> None:
        found = self.answers.own(place, after)
        window = range(max(1, self.highest - WINDOW + 1), self.highest + 1)
        mine = [(ref, self.known.get(ref)) for ref in window]
        expected = {
            (answer.seq, ref)
            for ref, answer in mine
            if isinstance(answer, Applied) and answer.place == place and answer.seq > after
        }
        assert set(found.items()) <= expected
        assert set(found) == {seq for seq, _ in expected}


TestAgainstADict = AgainstADict.TestCase


def test_what_was_refused_for_now_is_new_when_it_comes_again() -> None:
    answers = Answers()
    assert answers.begin(1, "topic:t") is RefFate.NEW
    answers.refuse(1, Refusal("topic:t", "rate_limited", "slowly", {"retry_after": 1.0}))
    assert answers.begin(1, "topic:t") is RefFate.NEW
    answers.refuse(1, Refusal("topic:t", "busy", "full", None))
    assert answers.begin(1, "topic:t") is RefFate.KNOWN


def test_a_ref_that_has_left_the_window_is_forgotten_even_if_no_newer_one_has_its_row() -> None:
    answers = Answers()
    answers.begin(1, "t")
    answers.begin(WINDOW + 2, "t")
    answers.refuse(1, Refusal("t", "busy", "too late", None))
    assert answers.answer(1) == FORGOTTEN
