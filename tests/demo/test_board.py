from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.demo.board import (
    CARDS,
    FIRST_BOARD,
    LONGEST_CARD,
    Add,
    Board,
    Card,
    Column,
    Delete,
    Edit,
    Heart,
    Move,
    find_card,
    update,
)

SMALL = Board(
    (
        Column("left", "Left", (Card("a", "A", 0), Card("b", "B", 1), Card("c", "C", 2))),
        Column("right", "Right", (Card("d", "D", 3),)),
    )
)


def order(board: Board) -> list[str]:
    return ["".join(card.id for card in column.cards) for column in board.columns]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Move("a", "left", "c"), ["bac", "d"]),
        (Move("a", "left", None), ["bca", "d"]),
        (Move("c", "left", "a"), ["cab", "d"]),
        (Move("a", "right", "d"), ["bc", "ad"]),
        (Move("a", "right", None), ["bc", "da"]),
        (Move("a", "right", "b"), ["bc", "da"]),
        (Move("gone", "right", None), ["abc", "d"]),
        (Add("e", "right", "E", 0), ["abc", "de"]),
        (Add("a", "right", "again", 0), ["abc", "d"]),
        (Delete("b"), ["ac", "d"]),
        (Delete("gone"), ["abc", "d"]),
        (Edit("gone", "text"), ["abc", "d"]),
        (Heart("gone"), ["abc", "d"]),
    ],
)
def test_a_message_leaves_the_cards_in_this_order(message: object, expected: list[str]) -> None:
    assert order(update(SMALL, message)) == expected  # type: ignore[arg-type]


def test_an_edit_changes_nothing_but_the_text() -> None:
    assert find_card(update(SMALL, Edit("b", "new")), "b") == Card("b", "new", 1, 0)


def test_hearts_add_up() -> None:
    assert find_card(update(update(SMALL, Heart("b")), Heart("b")), "b") == Card("b", "B", 1, 2)


def test_a_moved_card_keeps_its_hearts() -> None:
    board = update(update(SMALL, Heart("b")), Move("b", "right", None))
    assert find_card(board, "b") == Card("b", "B", 1, 1)


def test_two_who_move_one_card_leave_it_where_the_second_put_it() -> None:
    board = update(update(SMALL, Move("a", "right", "d")), Move("a", "left", "c"))
    assert order(board) == ["bac", "d"]


@pytest.mark.parametrize(
    "message",
    [
        Add("e", "right", "", 0),
        Add("e", "right", "x" * (LONGEST_CARD + 1), 0),
        Add("", "right", "E", 0),
        Add("e" * 41, "right", "E", 0),
        Add("e", "nowhere", "E", 0),
        Add("e", "right", "E", 8),
        Add("e", "right", "E", -1),
        Edit("a", ""),
        Edit("a", "x" * (LONGEST_CARD + 1)),
        Move("a", "nowhere", None),
        "something else",
    ],
)
def test_what_no_page_sends_is_refused(message: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        update(SMALL, message)  # type: ignore[arg-type]


def test_a_full_board_takes_no_more_cards() -> None:
    board = Board((Column("left", "Left", tuple(Card(str(n), "x", 0) for n in range(CARDS))),))
    with pytest.raises(ValueError, match="200 cards"):
        update(board, Add("one more", "left", "x", 0))


@given(
    st.sampled_from("abcd"),
    st.sampled_from(["left", "right"]),
    st.sampled_from([*"abcd", "gone", None]),
)
def test_a_move_disturbs_no_other_card(card: str, column: str, before: str | None) -> None:
    without = [cards.replace(card, "") for cards in order(SMALL)]
    assert [cards.replace(card, "") for cards in order(update(SMALL, Move(card, column, before)))] == without


def test_the_first_board_has_cards_in_every_column() -> None:
    assert all(column.cards for column in FIRST_BOARD.columns)
