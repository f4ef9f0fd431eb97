from __future__ import annotations

from functools import reduce

import pytest

from nuphar.demo.people import PEOPLE, Arrive, Introduce, Leave, Message, People, Person, update


def after(*messages: Message) -> People:
    return reduce(update, messages, People())


def test_people_are_listed_in_the_order_of_their_arrival() -> None:
    assert after(Arrive("b"), Arrive("a"), Introduce("a", "Ada", 2)).people == (
        Person("b", "", 0),
        Person("a", "Ada", 2),
    )


def test_who_arrives_twice_is_here_once() -> None:
    assert after(Arrive("a"), Introduce("a", "Ada", 2), Arrive("a")).people == (Person("a", "Ada", 2),)


def test_who_leaves_is_gone() -> None:
    assert after(Arrive("a"), Arrive("b"), Leave("a")).people == (Person("b", "", 0),)


def test_an_introduction_after_the_end_makes_no_ghost() -> None:
    assert after(Arrive("a"), Leave("a"), Introduce("a", "Ada", 2)).people == ()


@pytest.mark.parametrize(
    "message",
    [Introduce("a", "", 0), Introduce("a", "x" * 25, 0), Introduce("a", "Ada", 8), Introduce("a", "Ada", -1), "else"],
)
def test_what_no_page_sends_is_refused(message: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        update(People(), message)  # type: ignore[arg-type]


def test_only_so_many_people_are_counted() -> None:
    crowd = People(tuple(Person(str(n), "", 0) for n in range(PEOPLE)))
    with pytest.raises(ValueError, match="at most 500"):
        update(crowd, Arrive("one more"))
