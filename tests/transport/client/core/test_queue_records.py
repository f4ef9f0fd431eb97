"""Records one after the other: a torn end is told from damage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.client.core.queue_records import (
    ADDED,
    ANSWERED,
    BEGINNING,
    SENT,
    WELCOMED,
    find_record,
    read_records,
    seal_record,
)

NUMBERS = st.integers(1, 2**53 - 1)
BODIES = st.one_of(
    st.tuples(st.just(ADDED), NUMBERS, NUMBERS, st.just("topic:t"), st.binary(max_size=40)),
    st.tuples(st.just(SENT), st.lists(st.tuples(NUMBERS, NUMBERS).map(list), max_size=3)),
    st.tuples(st.just(ANSWERED), NUMBERS),
    st.tuples(st.just(WELCOMED), st.text("abc", max_size=8), st.text("abc", max_size=8), NUMBERS, st.booleans()),
).map(list)
FILES = st.lists(BODIES, min_size=1, max_size=6).map(lambda bodies: [seal_record(BEGINNING), *map(seal_record, bodies)])


@given(FILES, st.data())
def test_a_file_that_is_cut_anywhere_has_a_torn_end(records: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(records)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    assert find_record(cut, read_records(cut)[1]) is None


@given(FILES, st.data())
def test_a_flipped_bit_before_a_whole_record_is_damage(records: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(b"".join(records))
    end = len(whole) - len(records[-1])
    whole[data.draw(st.integers(0, end - 1))] ^= 1 << data.draw(st.integers(0, 7))
    bodies, at = read_records(bytes(whole))
    starts = [len(b"".join(records[:n])) for n in range(len(records))]
    assert at == starts[len(bodies)]
    assert find_record(bytes(whole), at) == starts[len(bodies) + 1]


@given(FILES, st.integers(0, 100))
def test_zeros_behind_the_records_are_a_torn_end(records: list[bytes], count: int) -> None:
    whole = b"".join(records)
    assert read_records(whole + bytes(count))[1] == len(whole)
    assert find_record(whole + bytes(count), len(whole)) is None
