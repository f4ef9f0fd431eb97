"""Bodies of whole frames: cut within every limit, and never read before."""

from __future__ import annotations

import tracemalloc

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport.wire.sequences import MOST_FRAMES, SEQUENCES, head, join_cbor, split_cbor, split_json

LARGEST = 70_000


@given(st.lists(st.binary(max_size=300)))
def test_what_is_joined_is_cut_again(frames: list[bytes]) -> None:
    assert split_cbor(b"".join(map(join_cbor, frames)), LARGEST) == frames


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), min_size=1, max_size=50)))
def test_lines_are_cut_again(frames: list[str]) -> None:
    body = "\n".join(frames).encode()
    assert split_json(body, LARGEST) == frames
    assert split_json(body + b"\n" if frames else body, LARGEST) == frames


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65_535, 65_536])
def test_the_head_is_what_a_cbor_library_writes(size: int) -> None:
    assert head(size) + bytes(size) == cbor2.dumps(bytes(size)) == join_cbor(bytes(size))


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_or_refused(body: bytes) -> None:
    for sequence in SEQUENCES.values():
        try:
            frames = sequence.split(body, 50)
        except RemoteProtocolError:
            continue
        assert sum(map(len, frames)) <= len(body)


@pytest.mark.parametrize(
    "body", [b"\x58", b"\x59\x00", b"\x42a", b"\x00", b"\x5b" + bytes(8), b"\x5f\xff", b"\x80", b"\xff"]
)
def test_what_is_no_sequence_of_byte_strings_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as error:
        split_cbor(body, LARGEST)
    assert error.value.close_code == 4400


@pytest.mark.parametrize("body", [b"\n", b"[]\n\n", b"\n[]", b"\xff\n"])
def test_empty_lines_and_lines_that_are_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as error:
        split_json(body, LARGEST)
    assert error.value.close_code == 4400


@pytest.mark.parametrize("content_type", SEQUENCES)
def test_a_frame_above_the_limit_is_1009(content_type: str) -> None:
    body = {"application/cbor-seq": join_cbor(b"x" * 11), "application/x-ndjson": b"x" * 11}[content_type]
    with pytest.raises(RemoteProtocolError, match="at most 10 bytes") as error:
        SEQUENCES[content_type].split(body, 10)
    assert (error.value.code, error.value.close_code) == ("too_large", 1009)


def test_a_declared_length_is_judged_before_its_bytes_are_there() -> None:
    with pytest.raises(RemoteProtocolError, match="at most 10 bytes"):
        split_cbor(b"\x5a\xff\xff\xff\xff", 10)


@pytest.mark.parametrize(("split", "one"), [(split_cbor, b"\x41x"), (split_json, b"x\n")])
def test_too_many_frames_are_1009(split, one) -> None:  # type: ignore[no-untyped-def]
    assert len(split(one * MOST_FRAMES, LARGEST)) == MOST_FRAMES
    with pytest.raises(RemoteProtocolError, match="at most 1000 frames") as error:
        split(one * (MOST_FRAMES + 1), LARGEST)
    assert error.value.close_code == 1009


@pytest.mark.parametrize(("split", "body"), [(split_json, b"\n" * 8_000_000), (split_cbor, b"\x40" * 8_000_000)])
def test_eight_megabytes_of_nothing_take_no_memory(split, body) -> None:  # type: ignore[no-untyped-def]
    tracemalloc.start()
    with pytest.raises(RemoteProtocolError):
        split(body, LARGEST)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000
