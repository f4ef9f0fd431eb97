from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nuphar.load.rising import AGAIN, LATE, NEXT, Rising


def test_a_number_after_a_gap_is_no_fault_yet() -> None:
    rising = Rising(0)

    assert [rising.see(1), rising.see(4)] == [NEXT, NEXT]
    assert rising.missing == {2, 3}


def test_a_number_that_fills_a_gap_is_late() -> None:
    rising = Rising(0)
    rising.see(2)

    assert rising.see(1) == LATE
    assert rising.missing == set()


def test_a_number_that_was_there_comes_again_even_if_it_came_late() -> None:
    rising = Rising(0)

    assert [rising.see(number) for number in (2, 1, 1, 2)] == [NEXT, LATE, AGAIN, AGAIN]


def test_a_number_from_before_the_beginning_comes_again() -> None:
    assert Rising(5).see(5) == AGAIN


def test_what_never_came_are_gaps_and_the_tail_but_for_the_excused() -> None:
    rising = Rising(0)
    rising.see(1)
    rising.see(4)

    assert rising.never_came(7, excused=set()) == 5
    assert rising.never_came(7, excused={1, 2, 6}) == 3


@given(st.lists(st.integers(1, 30), max_size=60))
def test_every_number_is_either_taken_once_or_never_came(numbers: list[int]) -> None:
    rising = Rising(0)

    taken = sum(rising.see(number) != AGAIN for number in numbers)

    assert taken == len(set(numbers))
    assert taken + rising.never_came(30, excused=set()) == 30
