"""The demo's board: its model, its messages, its update. Pure. ``page/board.js`` is its twin, and a test compares them.

What two people do at the same time is never an error: a message about a card that somebody has deleted meanwhile
changes nothing. What no page of ours sends (texts too long, unknown columns) is refused with a ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CARDS = 200
"""Cards on the whole board: as many as a browser moves about smoothly."""

LONGEST_CARD = 280
"""Characters on a card."""

ID = 40
"""Characters of a card's id, which the page that adds it has made up."""

TINTS = 8
"""Colours of cards and people."""


@dataclass(frozen=True, slots=True)
class Card:
    """``tint`` is the colour of whoever added it."""

    id: str
    text: str
    tint: int
    hearts: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    id: str
    title: str
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """A new card at the end of a column; nothing if there is one with this id already."""

    card: str
    column: str
    text: str
    tint: int


@dataclass(frozen=True, slots=True)
class Edit:
    card: str
    text: str


@dataclass(frozen=True, slots=True)
class Move:
    """To a column, in front of the card ``before``; to its end for None, or if that card is not there any more."""

    card: str
    column: str
    before: str | None


@dataclass(frozen=True, slots=True)
class Heart:
    card: str


@dataclass(frozen=True, slots=True)
class Delete:
    card: str


Message = Add | Edit | Move | Heart | Delete


def update(board: Board, message: Message) -> Board:
    """Apply one message.

    Raises: ValueError for what no page of ours sends.
    """
    match message:
        case Add(card, column, text, tint):
            _check("id", card, ID)
            _check("text", text, LONGEST_CARD)
            _check_column(board, column)
            if not 0 <= tint < TINTS:
                raise ValueError(f"expected a tint from 0 to {TINTS - 1}, got {tint}")
            if find_card(board, card) is not None:
                return board
            if sum(len(column.cards) for column in board.columns) >= CARDS:
                raise ValueError(f"the board is full: it holds {CARDS} cards")
            return _put(board, Card(card, text, tint), column, None)
        case Edit(card, text):
            _check("text", text, LONGEST_CARD)
            found = find_card(board, card)
            return board if found is None else _swap(board, replace(found, text=text))
        case Move(card, column, before):
            _check_column(board, column)
            found = find_card(board, card)
            return board if found is None else _put(_without(board, card), found, column, before)
        case Heart(card):
            found = find_card(board, card)
            return board if found is None else _swap(board, replace(found, hearts=found.hearts + 1))
        case Delete(card):
            return _without(board, card)
        case _:
            raise ValueError(f"expected a message for the board, got {type(message).__name__}")


def find_card(board: Board, card_id: str) -> Card | None:
    """Return the card with this id."""
    return next((card for column in board.columns for card in column.cards if card.id == card_id), None)


def _check(what: str, text: str, limit: int) -> None:
    if not 1 <= len(text) <= limit:
        raise ValueError(f"{what}: expected 1 to {limit} characters, got {len(text)}")


def _check_column(board: Board, column_id: str) -> None:
    if all(column.id != column_id for column in board.columns):
        raise ValueError(f"expected one of the columns {[column.id for column in board.columns]}, got {column_id!r}")


def _without(board: Board, card_id: str) -> Board:
    return Board(
        tuple(replace(column, cards=tuple(c for c in column.cards if c.id != card_id)) for column in board.columns)
    )


def _swap(board: Board, card: Card) -> Board:
    return Board(
        tuple(
            replace(column, cards=tuple(card if c.id == card.id else c for c in column.cards))
            for column in board.columns
        )
    )


def _put(board: Board, card: Card, column_id: str, before: str | None) -> Board:
    def with_it(cards: tuple[Card, ...]) -> tuple[Card, ...]:
        at = next((index for index, other in enumerate(cards) if other.id == before), len(cards))
        return (*cards[:at], card, *cards[at:])

    return Board(
        tuple(
            replace(column, cards=with_it(column.cards)) if column.id == column_id else column
            for column in board.columns
        )
    )


FIRST_BOARD = Board(
    (
        Column(
            "dreams",
            "Wild ideas",
            (
                Card("window", "Open this page in a second window. Then drag me.", 0, 3),
                Card("ducks", "Learn the names of all the ducks", 6, 7),
                Card("raft", "Build a raft. A small one. Fine, a plank.", 3, 2),
                Card("stars", "Stay until the stars are out", 4, 9),
            ),
        ),
        Column(
            "plans",
            "We bring",
            (
                Card("lemonade", "Lemonade, the cloudy kind", 7, 4),
                Card("blanket", "A blanket big enough for nine", 1, 5),
                Card("ukulele", "Ukulele (three songs at most)", 2, 1),
            ),
        ),
        Column(
            "packed",
            "Packed",
            (
                Card("cake", "Plum cake. Nobody touches it before Saturday!", 5, 12),
                Card("boat", "Paper boats, one each", 2, 6),
            ),
        ),
    )
)
"""What a visitor finds."""
