"""What users and addresses share, and for how long it is kept."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.session import Session
from nuphar.actors.words.rates import Rate, Rates
from nuphar.transport.server import rate_book
from nuphar.transport.server.framing import BARE
from nuphar.transport.server.rate_book import FULL, RateBook, TurnedAway, Visit

ADDRESS = "203.0.113.7"
SMALL = Rates(connections=2, sessions=Rate(1, 3))


class Drop:
    """A sink that keeps nothing."""

    pending = 0

    def write(self, joined: Any) -> None: ...

    def offer(self, joined: Any) -> bool:
        return True

    def on_empty(self, callback: Any) -> None: ...


def session() -> Session:
    return Session("c", BARE, Drop(), Mailbox(), Kinds())


def enter(book: RateBook, now: float = 0.0, address: str = ADDRESS) -> Visit:
    visit = book.enter(now, address)
    assert isinstance(visit, Visit)
    return visit


def test_one_connection_too_many_from_an_address_is_turned_away_until_one_is_over() -> None:
    book = RateBook(SMALL)
    first = enter(book)
    enter(book)
    assert book.enter(0.0, ADDRESS) == TurnedAway("there are 2 connections from your address already", FULL)
    enter(book, address="203.0.113.8")
    first.leave(0.0)
    first.leave(0.0)
    enter(book)
    assert isinstance(book.enter(0.0, ADDRESS), TurnedAway)


def test_new_sessions_beyond_their_rate_are_told_when_to_come() -> None:
    book = RateBook(SMALL)
    for _ in range(3):
        enter(book).leave(0.0)
    assert book.enter(0.0, ADDRESS) == TurnedAway("too many clients have come from your address at once", 1)
    enter(book, 1.0).leave(1.0)


def test_who_comes_back_is_no_new_session() -> None:
    book = RateBook(SMALL)
    for _ in range(10):
        visit = enter(book)
        visit.measure(0.0, session(), None, resumed=True)
        visit.leave(0.0)


def test_an_exempt_address_and_none_have_no_limit() -> None:
    book = RateBook(SMALL)
    for address in ("127.0.0.1", "10.1.2.3", ""):
        for _ in range(10):
            enter(book, address=address)
    assert len(book) == 0


def test_the_sessions_of_a_user_share_one_flow_and_strangers_share_none() -> None:
    book = RateBook(Rates(frames=Rate(1, 10), user=1.5, messages=None))

    def passed(user: str | None) -> int:
        meter = book.nobody().measure(0.0, session(), user, resumed=False)
        return sum(meter.is_on_credit(None, 9_999) or meter.judge(0.0, 9_999) is None for _ in range(20))

    assert [passed("ada"), passed("ada"), passed("bob"), passed(None), passed(None)] == [10, 5, 10, 10, 10]


def test_a_session_keeps_its_meter_when_it_comes_back() -> None:
    book, known = RateBook(Rates()), session()
    first = book.nobody().measure(0.0, known, "ada", resumed=False)
    assert book.nobody().measure(0.0, known, "ada", resumed=True) is first


def test_who_is_gone_is_forgotten_once_its_buckets_are_full_again() -> None:
    book = RateBook(Rates(frames=Rate(10, 100), bytes=None, subscribes=None, sessions=None))
    visit = enter(book)
    visit.measure(0.0, session(), "ada", resumed=False)
    book.tick(1_000.0)
    assert len(book) == 2  # it is still there
    visit.leave(1_000.0)
    book.tick(1_019.0)
    assert len(book) == 2
    book.tick(1_020.0)
    assert len(book) == 0


def test_who_comes_back_in_time_is_not_forgotten() -> None:
    book = RateBook(Rates())
    enter(book).leave(0.0)
    enter(book, 1.0)
    book.tick(1_000.0)
    assert len(book) == 1


def test_idle_owners_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_book, "IDLE", 50)
    book = RateBook(Rates())
    for at in range(500):
        enter(book, address=f"203.0.{at // 250}.{at % 250}").leave(0.0)
    assert len(book) == 50


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_connections_are_counted_whatever_comes_and_goes(steps: list[tuple[int, bool]]) -> None:
    book, inside = RateBook(Rates(connections=2, sessions=None)), dict[int, list[Visit]]()
    for now, (which, comes) in enumerate(steps):
        visits = inside.setdefault(which, [])
        if comes:
            visit = book.enter(float(now), f"203.0.113.{which}")
            assert isinstance(visit, Visit) is (len(visits) < 2)
            if isinstance(visit, Visit):
                visits.append(visit)
        elif visits:
            visits.pop().leave(float(now))
        book.tick(float(now))
    for visit in functools.reduce(operator.iadd, inside.values(), []):
        visit.leave(100.0)
    book.tick(1e6)
    assert len(book) == 0
