"""The frame reader over tables and over any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.wire.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameEvent,
    FramingFailed,
    WebSocketClose,
    WebSocketPing,
    WebSocketPong,
    encode_frame,
)
from nuphar.transport.wire.websocket_reader import MAX_FRAGMENTS, FrameReader

KEY = b"\x01\x80\xff\x37"
LIMIT = 70_000


def masked(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    frame = bytearray(encode_frame(opcode, payload, KEY))
    if not final:
        frame[0] &= 0x7F
    return bytes(frame)


def header(first: int, second: int, extended: bytes = b"") -> bytes:
    return bytes((first, second)) + extended


def by_byte(reader: FrameReader, data: bytes) -> list[FrameEvent]:
    return [event for at in range(len(data)) for event in reader.feed(data[at : at + 1])]


def outline(events: list[FrameEvent]) -> list[object]:
    """Events without the words of a failure."""
    return [event.close_code if isinstance(event, FramingFailed) else event for event in events]


SAMPLES = {
    "text": (masked(TEXT, "grün".encode()), ["grün"]),
    "empty text": (masked(TEXT), [""]),
    "binary": (masked(BINARY, b"\x00\xff"), [b"\x00\xff"]),
    "125 bytes": (masked(BINARY, b"a" * 125), [b"a" * 125]),
    "126 bytes": (masked(BINARY, b"a" * 126), [b"a" * 126]),
    "65535 bytes": (masked(BINARY, b"a" * 65535), [b"a" * 65535]),
    "65536 bytes": (masked(BINARY, b"a" * 65536), [b"a" * 65536]),
    "three in a row": (
        masked(TEXT, b"1") + masked(BINARY, b"2") + masked(TEXT, b"3"),
        ["1", b"2", "3"],
    ),
    "fragments that split a character": (
        masked(TEXT, b"\xc3", final=False) + masked(CONTINUATION, b"", final=False) + masked(CONTINUATION, b"\xbc"),
        ["ü"],
    ),
    "a ping between fragments": (
        masked(BINARY, b"a", final=False) + masked(PING, b"p") + masked(CONTINUATION, b"b"),
        [WebSocketPing(b"p"), b"ab"],
    ),
    "pong": (masked(PONG, b"x"), [WebSocketPong(b"x")]),
    "close": (masked(CLOSE, b"\x03\xe8bye"), [WebSocketClose(1000, "bye")]),
    "close without a code": (masked(CLOSE), [WebSocketClose(1005, "")]),
    "close of an application": (masked(CLOSE, b"\x13\x87"), [WebSocketClose(4999, "")]),
    "close of 1 byte": (masked(CLOSE, b"\x03"), [1002]),
    "close with 1005": (masked(CLOSE, b"\x03\xed"), [1002]),
    "close with 1015": (masked(CLOSE, b"\x03\xf7"), [1002]),
    "close with 2999": (masked(CLOSE, b"\x0b\xb7"), [1002]),
    "close with 5000": (masked(CLOSE, b"\x13\x88"), [1002]),
    "close with a reason that is no text": (masked(CLOSE, b"\x03\xe8\xff"), [1007]),
    "text that is no text": (masked(TEXT, b"ok") + masked(TEXT, b"\xff"), ["ok", 1007]),
    "surrogates": (masked(TEXT, b"\xed\xa0\x80"), [1007]),
    "unmasked": (encode_frame(TEXT, b"x"), [1002]),
    "first reserved bit": (header(0xC1, 0x80), [1002]),
    "last reserved bit": (header(0x91, 0x80), [1002]),
    "reserved opcode": (header(0x83, 0x80), [1002]),
    "reserved control opcode": (header(0x8B, 0x80), [1002]),
    "fragmented ping": (header(0x09, 0x80), [1002]),
    "ping of 126 bytes": (header(0x89, 0xFE), [1002]),
    "length 125 in two bytes": (header(0x82, 0xFE, b"\x00\x7d"), [1002]),
    "length 65535 in eight bytes": (header(0x82, 0xFF, b"\x00\x00\x00\x00\x00\x00\xff\xff"), [1002]),
    "length over 63 bits": (header(0x82, 0xFF, b"\x80\x00\x00\x00\x00\x00\x00\x00"), [1002]),
    "continuation of nothing": (masked(CONTINUATION, b"x"), [1002]),
    "message inside a message": (masked(TEXT, b"a", final=False) + masked(TEXT, b"b"), [1002]),
    "one byte too many": (header(0x82, 0xFF, (LIMIT + 1).to_bytes(8, "big")), [1009]),
    "one byte too many in all": (
        masked(BINARY, b"a" * (LIMIT - 9), final=False) + header(0x80, 0x8A),
        [1009],
    ),
    "endless empty fragments": (
        masked(BINARY, final=False) + masked(CONTINUATION, final=False) * MAX_FRAGMENTS,
        [1009],
    ),
}
samples = pytest.mark.parametrize(("data", "expected"), SAMPLES.values(), ids=SAMPLES.keys())


@samples
def test_a_sample_fed_whole_gives_its_events(data: bytes, expected: list[object]) -> None:
    assert outline(FrameReader(LIMIT).feed(data)) == expected


@samples
def test_a_sample_fed_byte_by_byte_gives_the_same_events(data: bytes, expected: list[object]) -> None:
    assert by_byte(FrameReader(LIMIT), data) == FrameReader(LIMIT).feed(data)


@samples
def test_a_sample_with_a_tail_gives_the_same_events_and_then_the_tails(data: bytes, expected: list[object]) -> None:
    tail = masked(PONG, b"tail")
    ended = isinstance(expected[-1], int | WebSocketClose)

    assert outline(FrameReader(LIMIT).feed(data + tail)) == expected + ([] if ended else [WebSocketPong(b"tail")])


@samples
def test_a_sample_cut_anywhere_gives_the_same_events(data: bytes, expected: list[object]) -> None:
    for at in range(min(len(data), 40)):
        reader = FrameReader(LIMIT)
        assert outline(reader.feed(data[:at]) + reader.feed(data[at:])) == expected


@given(st.lists(st.binary(max_size=40)), st.booleans())
def test_any_bytes_at_all_never_raise_and_do_not_depend_on_the_cuts(chunks: list[bytes], client: bool) -> None:
    reader, whole = FrameReader(30, client=client), FrameReader(30, client=client)

    assert [event for chunk in chunks for event in reader.feed(chunk)] == whole.feed(b"".join(chunks))


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 8, 9, 10, 3]), st.binary(max_size=20), st.booleans()), max_size=8),
    st.integers(min_value=1, max_value=50),
)
def test_any_order_of_frames_keeps_within_the_limit(frames: list[tuple[int, bytes, bool]], step: int) -> None:
    data = b"".join(masked(opcode, payload, final=final) for opcode, payload, final in frames)
    reader, events = FrameReader(30), []
    for at in range(0, len(data), step):
        events += reader.feed(data[at : at + step])
        assert reader.buffered <= 30 + 14 + 30

    assert events == FrameReader(30).feed(data)
    assert all(len(event) <= 30 for event in events if isinstance(event, bytes | str))


@given(st.binary(max_size=300), st.sampled_from([BINARY, PING, PONG]), st.booleans())
def test_what_is_encoded_is_read_again(payload: bytes, opcode: int, client: bool) -> None:
    payload = payload if opcode == BINARY else payload[:125]
    frame = encode_frame(opcode, payload, None if client else KEY)

    (event,) = FrameReader(LIMIT, client=client).feed(frame)

    assert (event if isinstance(event, bytes) else event[-1]) == payload


def test_a_client_refuses_a_masked_frame_of_its_server() -> None:
    assert outline(FrameReader(LIMIT, client=True).feed(masked(TEXT, b"x"))) == [1002]


def test_an_oversized_header_is_refused_before_its_payload_is_kept() -> None:
    reader = FrameReader(1000)

    assert outline(reader.feed(header(0x82, 0xFF, (1 << 40).to_bytes(8, "big")))) == [1009]
    assert reader.feed(b"x" * 100_000) == []
    assert reader.buffered == 0


def test_an_announced_payload_takes_only_the_memory_of_what_has_come() -> None:
    reader = FrameReader(1 << 30)

    assert reader.feed(header(0x82, 0xFF, (1 << 29).to_bytes(8, "big")) + KEY) == []
    assert reader.buffered == 14


def test_nothing_is_kept_after_the_end() -> None:
    reader = FrameReader(LIMIT)
    reader.feed(masked(BINARY, b"a" * 5000, final=False))
    reader.feed(masked(CLOSE) + b"and more")

    assert reader.buffered == 0


STEPS = [
    masked(PING),
    masked(BINARY, b"small"),
    masked(TEXT, b"t" * 200),
    masked(TEXT, b"fir", final=False) + masked(PONG) + masked(CONTINUATION, b"st"),
    masked(CLOSE),
]


@given(st.binary(max_size=200), st.lists(st.sampled_from(STEPS), max_size=30), st.integers(1, 5))
def test_frames_that_are_cut_in_steps_give_the_same_events(tail: bytes, frames: list[bytes], at_once: int) -> None:
    data = b"".join(frames) + tail
    reader = FrameReader(LIMIT, at_once=at_once)
    events = reader.feed(data)
    assert len(events) <= at_once + 1  # a fault is an event besides
    while reader.has_more:
        events += (step := reader.feed(b""))
        assert len(step) <= at_once + 1
    assert events == FrameReader(LIMIT).feed(data)


def test_a_reader_that_has_more_takes_more_bytes_behind_it() -> None:
    reader = FrameReader(LIMIT, at_once=1)
    assert reader.feed(masked(TEXT, b"a") + masked(TEXT, b"b")) == ["a"]
    assert reader.has_more
    assert reader.feed(masked(TEXT, b"c")) == ["b"]
    assert reader.feed(b"") == ["c"]
    assert not reader.has_more
