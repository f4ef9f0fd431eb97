from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nuphar.load.stream import KnownBytes, Stream
from nuphar.transport.wire import websocket_frames as wire
from nuphar.transport.wire.codec import write
from nuphar.transport.wire.frames import Acknowledge, Frame, ServerMessage

TOPIC = "topic:load:0"


def on_the_wire(*frames: Frame) -> bytes:
    return b"".join(wire.encode_frame(wire.BINARY, write(frame)) for frame in frames)


def message(seq: int, size: int = 20) -> ServerMessage:
    return ServerMessage(TOPIC, seq, bytes(size))


def test_what_another_client_got_is_known_and_is_the_same() -> None:
    known = KnownBytes()
    data = on_the_wire(message(1), message(2))

    first, second = Stream(known).feed(data), Stream(known).feed(data)

    assert first == [message(1), message(2)]
    assert second is first


def test_an_answer_is_for_one_client_and_not_kept() -> None:
    known = KnownBytes()
    data = on_the_wire(message(1), Acknowledge(TOPIC, 2, [2], False))

    Stream(known).feed(data)

    assert known.find(data) is None


def test_known_bytes_in_the_middle_of_a_message_are_not_mistaken_for_one() -> None:
    known = KnownBytes()
    inner = on_the_wire(message(1))
    Stream(known).feed(inner)
    outer = ServerMessage(TOPIC, 7, b"<" + inner + b">")
    head, middle, tail = on_the_wire(outer).partition(inner)
    stream = Stream(known)

    assert [*stream.feed(head), *stream.feed(middle), *stream.feed(tail)] == [outer]


def test_known_bytes_within_a_fragmented_message_break_it() -> None:
    known = KnownBytes()
    whole = on_the_wire(message(1))
    Stream(known).feed(whole)
    stream = Stream(known)
    stream.feed(b"\x02\x00")  # a message's first fragment, empty

    (item,) = stream.feed(whole)

    assert isinstance(item, wire.FramingFailed)


def test_nothing_is_read_behind_a_close_though_it_is_known() -> None:
    known = KnownBytes()
    data = on_the_wire(message(1))
    Stream(known).feed(data)
    stream = Stream(known)

    assert stream.feed(wire.encode_close(1000)) == [wire.WebSocketClose(1000, "")]
    assert stream.feed(data) == []


def test_what_is_no_frame_is_the_last_and_names_its_fault() -> None:
    broken = wire.encode_frame(wire.BINARY, b"\xff")

    items = Stream(KnownBytes()).feed(on_the_wire(message(1)) + broken + on_the_wire(message(2)))

    assert items[0] == message(1)
    assert isinstance(items[1], wire.FramingFailed)
    assert len(items) == 2


def test_what_is_known_is_bounded() -> None:
    known = KnownBytes()
    first = on_the_wire(message(1))
    for seq in range(1, 5_000):
        Stream(known).feed(on_the_wire(message(seq)))

    assert known.find(first) is None
    assert known.find(on_the_wire(message(4_999))) is not None


@given(st.lists(st.integers(0, 70_000), max_size=4), st.lists(st.integers(0, 200), max_size=4))
def test_however_it_is_cut_everybody_reads_the_same(sizes: list[int], cuts: list[int]) -> None:
    frames = [message(seq, size) for seq, size in enumerate(sizes, 1)]
    data = on_the_wire(*frames)
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    known = KnownBytes()

    for stream in (Stream(known), Stream(known)):
        got = [item for start, stop in pairwise(places) for item in stream.feed(data[start:stop])]
        assert got == frames
