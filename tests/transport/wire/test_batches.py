"""What waits for a client over HTTP: its bounds, and batches that are sent again until they have arrived."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.wire.batches import LARGEST, Batch, Batches


def make(bound: int = 100, max_age: float = 30.0) -> Batches:
    return Batches(bound, max_age)


def test_what_waits_is_one_batch_with_the_next_number() -> None:
    batches = make()
    assert batches.next(0) is None
    batches.write(b"a", 0.0)
    batches.write(b"b", 0.0)
    assert batches.next(0) == Batch(1, b"ab")
    assert batches.next(1) is None
    batches.write(b"c", 0.0)
    assert batches.next(1) == Batch(2, b"c")


def test_a_batch_is_sent_again_until_it_has_arrived() -> None:
    batches = make()
    batches.write(b"a", 0.0)
    assert batches.next(0) == batches.next(0) == Batch(1, b"a")
    batches.acknowledge(1)
    assert batches.is_known(1)
    assert not batches.is_known(0)
    assert batches.next(1) is None


def test_a_batch_that_is_sent_again_is_the_same_whatever_came_meanwhile() -> None:
    batches = make()
    batches.write(b"a", 0.0)
    batches.next(0)
    batches.write(b"b", 0.0)
    assert batches.next(0) == Batch(1, b"a")
    assert batches.next(1) == Batch(2, b"b")


def test_an_empty_one_takes_one_piece_of_any_size_and_then_only_up_to_the_bound() -> None:
    batches = make(bound=10)
    assert batches.write(b"x" * 50, 0.0)
    assert batches.write(b"y" * 7, 0.0, bound=7)
    assert not batches.write(b"y", 0.0, bound=7)
    assert batches.write(b"y" * 3, 0.0)
    assert not batches.write(b"y", 0.0)
    assert batches.pending == 60
    batches.next(0)
    assert batches.pending == 0


def test_what_waits_is_not_too_slow_as_long_as_something_is_taken() -> None:
    batches = make(max_age=30.0)
    batches.write(b"a", 0.0)
    batches.moved(25.0)
    assert not batches.is_too_slow(50.0)
    assert batches.write(b"b", 50.0)
    assert batches.is_too_slow(55.1)


def test_nothing_is_taken_while_nothing_moves() -> None:
    batches = make(max_age=30.0)
    batches.write(b"a", 0.0)
    assert not batches.is_too_slow(30.0)
    assert batches.write(b"b", 30.0)
    assert batches.is_too_slow(30.1)
    assert not batches.write(b"c", 30.1)
    batches.next(0)
    assert not batches.is_too_slow(99.0)


def test_batches_on_their_way_are_bounded_too_and_the_oldest_goes_first() -> None:
    batches = make(bound=10)
    for n in range(1, 5):
        batches.write(b"xxxx", 0.0)
        batches.next(n - 1)
    assert batches.settled == 2
    assert not batches.is_known(1)
    assert batches.next(2) == Batch(3, b"xxxx")


def test_a_large_backlog_is_several_batches() -> None:
    batches = make(bound=10 * LARGEST)
    piece = b"x" * (LARGEST // 2)
    for _ in range(3):
        batches.write(piece, 0.0)
    sizes = [len(batch.data) for n in (0, 1) if (batch := batches.next(n)) is not None]
    assert sizes == [LARGEST, LARGEST // 2]


def test_after_the_end_what_waits_is_still_given() -> None:
    batches = make()
    batches.write(b"a", 0.0)
    batches.finish()
    assert not batches.write(b"b", 0.0)
    assert not batches.is_over(0)
    assert batches.next(0) == Batch(1, b"a")
    assert not batches.is_over(0)
    assert batches.is_over(1)


def test_dropped_is_what_has_not_been_sent() -> None:
    batches = make()
    batches.write(b"a", 0.0)
    batches.next(0)
    batches.write(b"b", 0.0)
    batches.finish(drop=True)
    assert batches.pending == 0
    assert batches.next(0) == Batch(1, b"a")
    assert batches.next(1) is None
    batches.clear()
    assert batches.next(0) is None


@given(st.lists(st.tuples(st.sampled_from(["write", "poll", "lose"]), st.binary(min_size=1, max_size=9)), max_size=60))
def test_whatever_is_lost_a_client_that_asks_again_gets_every_byte_once(steps: list[tuple[str, bytes]]) -> None:
    batches = make(bound=10_000)
    sent, got, position = b"", b"", 0
    for step, piece in [*steps, *[("poll", b"")] * 3]:
        match step:
            case "write":
                assert batches.write(piece, 0.0)
                sent += piece
            case "poll":
                assert batches.is_known(position)
                batches.acknowledge(position)
                if (batch := batches.next(position)) is not None:
                    got += batch.data
                    position = batch.number
            case "lose":
                batches.acknowledge(position)
                batches.next(position)
    assert got == sent
