"""The book of sessions that can be resumed: who is in it, and whose time is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.kept import Kept

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.session_book import MemoryBook, Resumable
from nuphar.actors.sessions.tokens import Tokens
from nuphar.transport.server.framing import BARE


def new(id: str, lost_at: float | None = None, weight: int = 0) -> Resumable:
    session = Session(id, BARE, Kept([]), Mailbox(), Kinds())
    resumable = Resumable(id, session, Tokens(id), lambda code, reason: None)
    resumable.lost_at = lost_at
    resumable.weight = weight
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


def test_a_flood_of_sessions_that_hold_nothing_puts_out_nobody_who_holds_something() -> None:
    book = MemoryBook(1e6, 100)
    away = [new(f"away {n}", float(n), weight=1_000) for n in range(60)]
    for each in away:
        book.save(each)
    gone = []
    for n in range(10_000):
        book.save(new(f"flood {n}", 60.0 + n))
        gone += book.expire(60.0 + n)
    assert len(gone) == 10_060 - 100
    assert not set(gone) & set(away)
    assert gone[0].id == "flood 0"
    more = [new(f"more {n}", 1e5, weight=1_000) for n in range(50)]
    for each in more:
        book.save(each)
    gone = book.expire(1e5)
    assert [each.id for each in gone[40:]] == [f"away {n}" for n in range(10)]  # when nobody is left who holds nothing


def test_of_too_many_bytes_the_heaviest_go_and_of_these_who_has_waited_longest() -> None:
    book = MemoryBook(1e6, 1_000, 10_000)
    weights = [10, 5_000, 0, 4_500, 300, 7_000]  # 4,096 to 8,191 are alike
    for at, weight in enumerate(weights):
        book.save(new(str(weight), float(at), weight))
    assert book.detached_bytes == sum(weights)
    assert [each.weight for each in book.expire(10.0)] == [5_000, 4_500]
    assert book.detached_bytes == 7_310


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.booleans()), max_size=40),
    st.integers(1, 10),
    st.integers(1, 10_000),
)
def test_bounds_hold_and_the_sum_of_the_weights_is_true(
    losses: list[tuple[int, bool]], bound: int, bytes_bound: int
) -> None:
    book = MemoryBook(1e6, bound, bytes_bound)
    inside: dict[str, Resumable] = {}
    for at, (weight, comes_back) in enumerate(losses):
        one = new(str(at), float(at), weight)
        book.save(one)
        inside[one.id] = one
        for gone in book.expire(float(at)):
            del inside[gone.id]
        if comes_back and one.id in inside:
            assert book.take(one.id) is one
            del inside[one.id]
        assert book.detached == len(inside) <= bound
        assert book.detached_bytes == sum(each.weight for each in inside.values()) <= bytes_bound
        assert sorted(id for alike in book._by_weight.values() for id in alike) == sorted(inside)
