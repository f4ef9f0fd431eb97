"""Who looks at the board, and what their hands do. Pure. ``page/people.js`` is its twin.

The server says who arrives and who leaves; a page only introduces itself. So there are no ghosts: an introduction
that comes after its author has left, as one that waited in an offline page, finds nobody and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .board import TINTS

PEOPLE = 500
"""People who are counted at once."""

LONGEST_NAME = 24
"""Characters of a name."""


@dataclass(frozen=True, slots=True)
class Person:
    """``name`` is empty until the person's page has introduced itself."""

    client_id: str
    name: str
    tint: int


@dataclass(frozen=True, slots=True)
class People:
    """In the order of their arrival."""

    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrive:
    client_id: str


@dataclass(frozen=True, slots=True)
class Introduce:
    client_id: str
    name: str
    tint: int


@dataclass(frozen=True, slots=True)
class Leave:
    client_id: str


@dataclass(frozen=True, slots=True)
class Hand:
    """Where a person points, relayed and never kept: ``x`` in thousandths of a column's width, ``y`` in pixels."""

    client_id: str
    doing: Literal["point", "drag", "write", "away"]
    column: str
    x: int
    y: int
    card: str | None


Message = Arrive | Introduce | Leave


def update(people: People, message: Message) -> People:
    """Apply one message.

    Raises: ValueError for what no page of ours sends.
    """
    everybody = people.people
    match message:
        case Arrive(client_id):
            if any(person.client_id == client_id for person in everybody):
                return people
            if len(everybody) >= PEOPLE:
                raise ValueError(f"expected at most {PEOPLE} people")
            return People((*everybody, Person(client_id, "", 0)))
        case Introduce(client_id, name, tint):
            if not 1 <= len(name) <= LONGEST_NAME:
                raise ValueError(f"name: expected 1 to {LONGEST_NAME} characters, got {len(name)}")
            if not 0 <= tint < TINTS:
                raise ValueError(f"expected a tint from 0 to {TINTS - 1}, got {tint}")
            known = Person(client_id, name, tint)
            return People(tuple(known if person.client_id == client_id else person for person in everybody))
        case Leave(client_id):
            return People(tuple(person for person in everybody if person.client_id != client_id))
        case _:
            raise ValueError(f"expected a message about people, got {type(message).__name__}")
