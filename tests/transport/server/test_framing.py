"""How the server writes frames: by hand, and exactly as the codec would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import automatic
from nuphar.transport import encode
from nuphar.transport.server.framing import BARE, CborFraming, JsonFraming, write_to_each
from nuphar.transport.server.subprotocols import FRAMINGS
from nuphar.transport.wire.frames import Acknowledge, Failure, Frame, Push, Rejected, Reply, ServerMessage, Snapshot
from nuphar.transport.wire.strict import dump_cbor
from nuphar.transport.wire.websocket_frames import BINARY, TEXT, encode_frame

SERIALISER = automatic()
SEQS = st.sampled_from([0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53 - 1]) | st.integers(0, 2**53 - 1)
TARGETS = st.sampled_from(["session", "topic:t", "topic:" + "x" * 255, "topic:été"])
VALUES = st.integers().filter(lambda n: abs(n) < 2**53) | st.text(max_size=5) | st.lists(st.booleans(), max_size=3)

CBOR, JSON = CborFraming(bytes, list, write_to_each), JsonFraming(bytes, list, write_to_each)


def check(pieces: tuple[bytes, bytes], frame: Frame) -> None:
    """Compare what the CBOR and the JSON framing wrote with what the codec writes."""
    assert pieces[0] == encode(frame, SERIALISER)
    assert pieces[1] == encode(frame, SERIALISER, json=True)


@given(TARGETS, SEQS, st.lists(SEQS, max_size=4), st.booleans())
def test_an_acknowledge_is_written_as_the_codec_would(target: str, seq: int, refs: list[int], final: bool) -> None:
    pieces = CBOR.acknowledge(target, seq, refs, final), JSON.acknowledge(target, seq, refs, final)
    check(pieces, Acknowledge(target, seq, refs, final))


@given(TARGETS, SEQS, VALUES)
def test_messages_and_pushes_are_written_as_the_codec_would(target: str, seq: int, value: Any) -> None:
    payload = dump_cbor(value)
    pieces = CBOR.server_message(target, seq, payload), JSON.server_message(target, seq, payload)
    check(pieces, ServerMessage(target, seq, value))
    check((CBOR.push(target, payload), JSON.push(target, payload)), Push(target, value))


@given(TARGETS, st.text(max_size=8), SEQS, VALUES)
def test_a_snapshot_is_written_as_the_codec_would(target: str, epoch: str, seq: int, value: Any) -> None:
    state = dump_cbor(value)
    pieces = CBOR.snapshot(target, epoch, seq, state, "behind"), JSON.snapshot(target, epoch, seq, state, "behind")
    check(pieces, Snapshot(target, epoch, seq, value, "behind"))


@given(SEQS, st.none() | TARGETS, st.none() | st.dictionaries(st.text(max_size=3), SEQS, max_size=2))
def test_a_rejection_is_written_as_the_codec_would(ref: int, target: str | None, details: Any) -> None:
    pieces = CBOR.rejected(ref, target, "busy", "why", details), JSON.rejected(ref, target, "busy", "why", details)
    check(pieces, Rejected(ref, target, "busy", "why", details))


@given(SEQS, VALUES)
def test_the_answers_to_a_call_are_written_as_the_codec_would(ref: int, value: Any) -> None:
    payload = dump_cbor(value)
    check((CBOR.reply(ref, payload), JSON.reply(ref, payload)), Reply(ref, value))
    failed = ref, "malformed", "why", "trace", [("[0].x", "expected int, got str")]
    check((CBOR.failure(*failed), JSON.failure(*failed)), Failure(*failed))
    failed = ref, "not_found", "why", None, []
    check((CBOR.failure(*failed), JSON.failure(*failed)), Failure(*failed))


def test_bare_frames_are_joined_as_a_list() -> None:
    pieces = [BARE.push("topic:t", b"\x01"), BARE.push("topic:t", b"\x02")]
    assert BARE.join(pieces) == pieces


@pytest.mark.parametrize(("name", "opcode"), [("nuphar.v1.cbor", BINARY), ("nuphar.v1.json", TEXT)])
def test_a_websocket_s_frames_are_joined_as_one_bytes_object_of_messages(name: str, opcode: int) -> None:
    framing = FRAMINGS[name]
    joined = framing.join([framing.push("topic:t", b"\x01"), framing.push("topic:t", b"\x02")])
    assert isinstance(joined, bytes)
    frames = [encode(Push("topic:t", n), SERIALISER, json=opcode == TEXT) for n in (1, 2)]
    assert joined == b"".join(encode_frame(opcode, frame) for frame in frames)


def test_cbor_is_what_we_like_best() -> None:
    assert next(iter(FRAMINGS)) == "nuphar.v1.cbor"
