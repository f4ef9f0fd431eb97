"""The book of sessions that can be resumed: who is in it, and whose time is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.kept import Kept

from nuphar.actors.runtime.hooks import ServerHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.session_book import MemoryBook, Resumable
from nuphar.actors.sessions.tokens import Tokens
from nuphar.transport.server.framing import BARE


def new(id: str, lost_at: float | None = None) -> Resumable:
    session = Session(id, BARE, Kept([]), Mailbox(), ServerHooks())
    resumable = Resumable(id, session, Tokens(id), None, lambda code, reason: None)
    resumable.lost_at = lost_at
    return resumable


def test_what_was_saved_is_found_until_it_is_taken() -> None:
    book, one = MemoryBook(10.0), new("a")
    book.save(one)
    assert book.get("a") is one
    assert book.take("a") is one
    assert book.get("a") is book.take("a") is None
    assert len(book) == 0


def test_who_has_a_connection_never_expires() -> None:
    book = MemoryBook(10.0, 1)
    for id in "abc":
        book.save(new(id))
    assert book.expire(1e9) == []
    assert (len(book), book.detached) == (3, 0)


def test_a_session_expires_when_its_window_is_over() -> None:
    book, early, late = MemoryBook(10.0), new("a", 100.0), new("b", 105.0)
    book.save(early)
    book.save(late)
    assert book.expire(109.9) == []
    assert book.expire(110.0) == [early]
    assert book.expire(1000.0) == [late]
    assert len(book) == 0


def test_of_too_many_the_one_that_has_waited_longest_goes() -> None:
    book = MemoryBook(10.0, 2)
    for at, id in enumerate("abc"):
        book.save(new(id, float(at)))
    assert [each.id for each in book.expire(3.0)] == ["a"]
    assert book.detached == 2


def test_who_comes_back_and_leaves_again_waits_anew() -> None:
    book, one, other = MemoryBook(10.0), new("a", 0.0), new("b", 1.0)
    book.save(one)
    book.save(other)
    book.take("a")
    one.lost_at = None
    book.save(one)
    assert book.expire(11.0) == [other]
    book.take("a")
    one.lost_at = 12.0
    book.save(one)
    assert book.expire(21.9) == []
    assert book.expire(22.0) == [one]


@given(losses=st.lists(st.floats(0, 100)).map(sorted), now=st.floats(100, 300), bound=st.integers(1, 5))
def test_exactly_those_whose_time_is_over_or_who_are_too_many_expire(
    losses: list[float], now: float, bound: int
) -> None:
    book = MemoryBook(50.0, bound)
    everybody = [new(str(at), lost_at) for at, lost_at in enumerate(losses)]
    for each in everybody:
        book.save(each)
    gone = book.expire(now)
    stay = everybody[len(gone) :]
    assert gone + stay == everybody
    assert len(stay) <= bound
    assert all(now - each.lost_at < 50.0 for each in stay if each.lost_at is not None)
    over = [each for each in everybody if each.lost_at is not None and now - each.lost_at >= 50.0]
    assert len(gone) == max(len(over), len(everybody) - bound)
    assert book.expire(now) == []
