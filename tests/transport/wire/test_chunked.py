"""The framing of chunked bodies, without a socket. What the rules are is in tests/conformance/http."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.wire.chunked import CONTENT_PER_FRAMING, FREE, BodyFraming
from nuphar.transport.wire.http_head import BadRequest


def chunks_until_refused(size: int, most: int) -> int:
    """How many chunks of this size pass, at most ``most``."""
    framing = BodyFraming()
    for count in range(most):
        try:
            framing.size(b"%x\r\n" % size)
        except BadRequest:
            return count
    return most


@given(st.integers(1, 2**60 - 1))
def test_a_size_is_read_as_it_was_written(size: int) -> None:
    assert BodyFraming().size(b"%x\r\n" % size) == BodyFraming().size(b"0%X ;a=b\r\n" % size) == size


def test_chunks_of_one_byte_pass_until_the_free_framing_is_used_up() -> None:
    assert chunks_until_refused(1, 100_000) == FREE // 5


def test_chunks_that_pay_for_their_framing_pass_for_ever() -> None:
    assert chunks_until_refused(5 * CONTENT_PER_FRAMING, 100_000) == 100_000


def test_one_large_chunk_pays_for_many_small_ones() -> None:
    framing = BodyFraming()
    framing.size(b"100000\r\n")
    for _ in range(100_000):
        framing.size(b"1\r\n")


def test_trailers_cost_as_much_as_sizes() -> None:
    framing = BodyFraming()
    framing.size(b"0\r\n")
    for _ in range((FREE - 5) // 6):
        assert not framing.is_last(b"X: y\r\n")
    with pytest.raises(BadRequest):
        framing.is_last(b"X: y\r\n")


def test_behind_the_last_chunk_come_trailers_and_an_empty_line() -> None:
    framing = BodyFraming()
    assert framing.size(b"0\r\n") == 0
    assert not framing.is_last(b"X: y\r\n")
    assert framing.is_last(b"\r\n")


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), st.integers(0, 10))
def test_whole_chunks_are_taken_and_what_is_cut_off_is_left(pieces: list[bytes], missing: int) -> None:
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    data = b"".join(chunks)
    data = data[: max(0, len(data) - missing)]
    content, used = BodyFraming().whole(data)
    assert b"".join(pieces).startswith(content)
    assert data[:used] in [b"".join(chunks[:count]) for count in range(len(chunks) + 1)]
    assert len(data) - used < max(map(len, chunks), default=1)


@pytest.mark.parametrize("data", [b"", b"3\r\nab", b"3;x\r\nabc\r\n", b"0\r\n\r\n", b"3\r\nabcd\r\n", b"+3\r\nabc\r\n"])
def test_what_is_no_plain_chunk_is_left(data: bytes) -> None:
    assert BodyFraming().whole(data) == (b"", 0)
    assert BodyFraming().whole(b"1\r\nx\r\n" + data) == (b"x", 6)


def test_plain_chunks_cost_the_same_in_a_row() -> None:
    framing = BodyFraming()
    framing.whole(b"1\r\nx\r\n" * (FREE // 5))
    with pytest.raises(BadRequest):
        framing.whole(b"1\r\nx\r\n")


@given(st.binary())
def test_any_line_is_judged(line: bytes) -> None:
    """Nothing but a refusal is ever raised."""
    for judge in (BodyFraming().size, BodyFraming().whole, BodyFraming().end, BodyFraming().is_last):
        with contextlib.suppress(BadRequest):
            judge(line)
