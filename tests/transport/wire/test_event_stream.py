"""Server-sent events, written and read."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport.wire.batches import Batch
from nuphar.transport.wire.event_stream import COMMENT, START, EventReader, StreamEvent, write_batch, write_close


def read(data: bytes) -> list[StreamEvent]:
    return list(EventReader(100_000).feed(data))


def test_a_batch_of_json_is_its_lines() -> None:
    data = write_batch(Batch(7, b"[7,1]\n[7,2]\n"), is_text=True)
    assert data == b"id: 7\ndata: [7,1]\ndata: [7,2]\n\n"
    assert read(data) == [StreamEvent("message", "7", "[7,1]\n[7,2]")]


@given(st.binary(min_size=1))
def test_a_batch_of_cbor_is_base64url(data: bytes) -> None:
    (event,) = read(write_batch(Batch(1, data), is_text=False))
    assert urlsafe_b64decode(event.data + "=" * (-len(event.data) % 4)) == data


def test_the_end_is_an_event_of_its_own_on_one_line() -> None:
    assert read(write_close("4400 expected\na line")) == [StreamEvent("close", None, "4400 expected a line")]


def test_comments_and_retry_are_no_events() -> None:
    assert read(START + COMMENT + COMMENT) == []


@given(st.lists(st.integers(1, 40), min_size=1))
def test_a_stream_is_read_the_same_however_it_is_cut(sizes: list[int]) -> None:
    whole = (
        START + write_batch(Batch(1, b"abc"), is_text=False) + COMMENT + write_batch(Batch(2, b"[]\n"), is_text=True)
    )
    reader, events, at = EventReader(1_000), [], 0
    for size in [*sizes, len(whole)]:
        events += reader.feed(whole[at : at + size])
        at += size
    assert events == read(whole)
    assert [event.id for event in events] == ["1", "2"]


@pytest.mark.parametrize("data", [b"data: " + b"x" * 101, b"data: 1234567890\n" * 20, b"x" * 200 + b"\n"])
def test_an_event_over_the_limit_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="at most 100 bytes"):
        list(EventReader(100).feed(data))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        read(b"data: \xff\n\n")


def test_lines_may_end_as_windows_ends_them() -> None:
    assert read(b"id: 1\r\ndata: a\r\n\r\n") == [StreamEvent("message", "1", "a")]
