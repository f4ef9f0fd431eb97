"""Frames to bytes and back: the wire protocol's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import LocalProtocolError, RemoteProtocolError, UnregisteredType, automatic
from nuphar.transport import decode, encode, frames
from nuphar.transport.wire.codec import Codec, read, write
from nuphar.transport.wire.frame_table import CODES, FRAME_KINDS, FRAMES
from nuphar.transport.wire.frames import MAX_INTEGER, Frame
from nuphar.transport.wire.strict import dump_cbor
from nuphar.transport.wire.strict_json import dump_json


@dataclass(frozen=True)
class Say:
    text: str


SERIALISER = automatic(Say)

TARGETS = st.sampled_from(["session", "tree", "topic:chat", "topic:room:7", "page:home", "topic:é"])
REFS = st.integers(1, MAX_INTEGER)
SEQS = st.integers(0, MAX_INTEGER)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
CURSORS = st.tuples(TEXT, SEQS)
VALUES = st.integers(-1000, 1000) | TEXT | st.none() | st.lists(st.integers(0, 9), max_size=3) | st.builds(Say, TEXT)
SECONDS = st.floats(0, 1e6) | st.integers(0, 1000)
PLAIN_MAPS = st.dictionaries(TEXT, st.integers(0, 9), max_size=3)

AUTHORS, TIMES = st.none() | TEXT, st.none() | SECONDS
EXTRAS = st.none() | st.fixed_dictionaries({"author": AUTHORS}, optional={"at": TIMES})


@st.composite
def acknowledges(draw: st.DrawFn) -> frames.Acknowledge:
    refs = draw(st.lists(SEQS, max_size=3))
    parallel = {name: st.lists(each, min_size=len(refs), max_size=len(refs)) for name, each in
                (("author", AUTHORS), ("at", TIMES))}  # fmt: skip
    extra = draw(st.none() | st.fixed_dictionaries({"at": parallel["at"]}, optional={"author": parallel["author"]}))
    return frames.Acknowledge(draw(TARGETS), draw(SEQS), refs, draw(st.booleans()), extra)


EVERY_FRAME: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        frames.Hello,
        SEQS,
        st.none() | TEXT,
        st.none() | TEXT,
        st.dictionaries(TARGETS, CURSORS, max_size=3),
        PLAIN_MAPS,
    ),
    st.builds(frames.Subscribe, REFS, TARGETS, st.none() | CURSORS, st.none() | PLAIN_MAPS),
    st.builds(frames.Unsubscribe, REFS, TARGETS),
    st.builds(frames.ClientMessage, SEQS, TARGETS, VALUES, st.none()),
    st.builds(frames.Resync, st.dictionaries(TARGETS, st.none() | CURSORS, max_size=3)),
    st.builds(frames.Call, REFS, TEXT, VALUES),
    st.builds(frames.Ping, SEQS),
    st.builds(
        frames.Welcome,
        TEXT,
        TEXT,
        TEXT,
        st.booleans(),
        PLAIN_MAPS,
        SECONDS,
        TEXT,
        st.none() | st.fixed_dictionaries({"user": TEXT}),
    ),
    acknowledges(),
    st.builds(frames.Rejected, SEQS, st.none() | TARGETS, TEXT, TEXT, st.none() | PLAIN_MAPS),
    st.builds(frames.ServerMessage, TARGETS, SEQS, VALUES, EXTRAS),
    st.builds(frames.Push, TARGETS, VALUES),
    st.builds(frames.Snapshot, TARGETS, TEXT, SEQS, VALUES, TEXT),
    st.builds(frames.Reply, REFS, VALUES),
    st.builds(frames.Failure, REFS, TEXT, TEXT, st.none() | TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=2)),
    st.builds(frames.Presence, TARGETS, st.lists(TEXT, max_size=2), st.lists(TEXT, max_size=2), st.booleans()),
    st.builds(frames.Pong, SEQS),
    st.builds(frames.Bye, TEXT, SECONDS),
    st.builds(frames.Out, TARGETS, TEXT, TEXT, SEQS),
)


@given(EVERY_FRAME)
def test_every_frame_survives_cbor(frame: Frame) -> None:
    decoded = decode(encode(frame, SERIALISER), SERIALISER)
    assert decoded == frame
    assert type(decoded) is type(frame)


@given(EVERY_FRAME)
def test_every_frame_survives_json(frame: Frame) -> None:
    data = encode(frame, SERIALISER, json=True)
    assert decode(data, SERIALISER) == frame
    assert decode(data.decode(), SERIALISER) == frame


@given(EVERY_FRAME, st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_fields_that_a_later_version_adds_are_ignored(frame: Frame, more: list[int]) -> None:
    plain: list[Any] = [CODES[type(frame)], *read_plain(frame)]
    if len(plain) <= len(FRAMES[type(frame)].fields):
        plain.append({})  # its extra stands in front of them
    plain += more
    assert decode(dump_cbor(plain), SERIALISER) == frame


def read_plain(frame: Frame) -> list[Any]:
    from nuphar.transport.wire.strict import load_cbor

    return load_cbor(encode(frame, SERIALISER))[1:]  # type: ignore[no-any-return]


@given(EVERY_FRAME, st.data())
def test_a_frame_with_a_field_too_few_says_how_many_it_expected(frame: Frame, data: st.DataObject) -> None:
    plain = read_plain(frame)[: FRAMES[type(frame)].least]
    short = plain[: data.draw(st.integers(0, len(plain) - 1))]
    with pytest.raises(RemoteProtocolError, match=f"expected {len(plain)} fields, got {len(short)}") as caught:
        decode(dump_cbor([CODES[type(frame)], *short]), SERIALISER)
    assert (caught.value.code, caught.value.close_code) == ("malformed", 4400)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_a_protocol_error(data: bytes) -> None:
    try:
        decode(data, SERIALISER)
    except RemoteProtocolError as error:
        assert error.code in ("malformed", "unknown_type")  # noqa: PT017


@given(
    st.sampled_from(sorted(FRAME_KINDS)),
    st.lists(st.none() | VALUES.filter(lambda v: not isinstance(v, Say)), max_size=8),
)
def test_fields_of_any_kind_are_a_frame_or_a_protocol_error(code: int, fields: list[Any]) -> None:
    for data in (dump_cbor([code, *fields]), dump_json([code, *fields])):
        try:
            decode(data, SERIALISER)
        except RemoteProtocolError as error:
            assert error.code == "malformed"  # noqa: PT017


@pytest.mark.parametrize("plain", [5, "text", [], {}, ["1"], [True, 1], [1.0], None])
def test_what_is_not_an_array_with_a_type_is_malformed(plain: Any) -> None:
    with pytest.raises(RemoteProtocolError, match="a frame is an array that begins with its type"):
        read(dump_cbor(plain))


@pytest.mark.parametrize("code", [0, 8, 15, 28, 255, -1])
def test_an_unknown_type_is_said_to_be_so(code: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"no frame of type {code}") as caught:
        read(dump_cbor([code, 1]))
    assert caught.value.code == "unknown_type"


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ([2, 0, "topic:t", None, None], "expected an integer from 1"),
        ([2, MAX_INTEGER + 1, "topic:t", None, None], "expected an integer"),
        ([2, True, "topic:t", None, None], "expected an integer"),
        ([2, 1.0, "topic:t", None, None], "expected an integer"),
        ([2, 1, "chat", None, None], "the target is ill-formed: expected session"),
        ([2, 1, "topic:", None, None], "expected 1 to 255 bytes, got 0"),
        ([2, 1, b"topic:t", None, None], "expected text"),
        ([2, 1, "topic:t", ["e"], None], r"expected \[epoch, seq\]"),
        ([2, 1, "topic:t", ["e", -1], None], "expected an integer from 0"),
        ([2, 1, "topic:t", [1, 1], None], "expected text"),
        ([5, []], "expected a map"),
        ([5, {"nowhere": None}], "the target is ill-formed"),
        ([1, 1, None, None, {"topic:t": None}, {}], "expected"),
        ([17, "topic:t", 1, 5, False], "expected an array"),
        ([17, "topic:t", 1, [-1], False], "expected an integer from 0"),
        ([17, "topic:t", 1, [1], 0], "expected true or false"),
        ([23, 1, "c", "t", None, [["only one"]]], "pairs"),
        ([26, "bye", -1], "expected seconds"),
        ([26, "bye", True], "expected seconds"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(plain: list[Any], says: str) -> None:
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        read(dump_cbor(plain))
    assert str(caught.value).startswith(FRAME_KINDS[plain[0]].__name__)


WITH_OWN_REF = [
    '[4,7,"topic:t",{"_":"$bytes","0":"!!"}]',
    '[4,7,"topic:t",18446744073709551616]',
    '[4,7,"topic:t",1e999]',
    '[4,7,"topic:t",' + "9" * 5_000 + "]",
    '[4,7,"topic:t","\\ud800"]',
    '[4,7,"topic:t",{"a":1,"a":2}]',
    '[4,7,"topic:t",NaN]',
    '[4,7,"nowhere",1]',
    '[4,7,"topic:t",' + "[" * 16 + "]" * 16 + "]",
    '[4,7,"topic:t",' + "[" * 5_000 + "]" * 5_000 + "]",
    '[ 4 ,\t7\n, "topic:t", 1e999]',
    '[2,7,"topic:t",null,{"a":1e999}]',
    '[2,7,"topic:\\u0000",null,null]',
    '[2,7,"topic:t",["e",-1],null]',
    "[3,7,5]",
    "[3,7]",
    '[6,7,"add",[18446744073709551616]]',
    '[4,7,"topic:t',
    bytes.fromhex("840407666e6f74617267f6"),
    bytes.fromhex("8504070000"),
    bytes.fromhex("840407") + dump_cbor("topic:t") + b"\xc1\x00",
    bytes.fromhex("840419000767746f7069633a74") + b"\x81" * 16 + b"\x01",
    bytes.fromhex("850207") + dump_cbor("topic:t") + b"\xf6" + b"\x81" * 16 + b"\x01",
    bytes.fromhex("840607") + dump_cbor("add") + b"\x81" * 1_000 + b"\x01",
    bytes.fromhex("840607") + dump_cbor("add") + b"\xa2\x61k\x01\x61k\x02",
    bytes.fromhex("840607") + dump_cbor("add") + b"\x3b" + b"\xff" * 8,
    bytes.fromhex("840607") + dump_cbor("add") + b"\xf9\x7e\x00",
    bytes.fromhex("8203076466"),
]


@pytest.mark.parametrize("data", WITH_OWN_REF, ids=range(len(WITH_OWN_REF)))
def test_what_cannot_be_read_behind_its_ref_is_refused_with_its_ref(data: bytes | str) -> None:
    for form in (data, data.encode()) if isinstance(data, str) else (data,):
        for pulse in (None, lambda *_: None):
            with pytest.raises(RemoteProtocolError) as refused:
                read(form, pulse)
            assert (refused.value.code, refused.value.ref) == ("malformed", 7)


@pytest.mark.parametrize(
    "data",
    [
        "[7,7,", "[5,7]", "[1,7]", "[99,7]", "[22,7,1e999]", "[18,7]", "[4,0,1e999]", "[4,9007199254740992,1e999]",
        "[4,7.5,1e999]", "[4,-7,1e999]", "[4,true,1e999]", '[4,"7",1e999]', "[4,7", "[", "", "4,7,", '{"4":7}',
        "[[4,7]]", b"\x82\x05\x07", b"\x84\x04\x00", b"\x84\x04", b"\x84", b"\x84\xf4\x07", b"\x84\x04\xf5",
        b"\x84\x04\x81\x07", b" [4,7,", b"\x9f\x04\x07\xff", b"\x84\x04\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x04\x07", b"\xff",
    ],
)  # fmt: skip
def test_what_has_no_ref_or_none_that_can_be_read_has_none(data: bytes | str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read(data)
    assert refused.value.ref == 0


@given(st.binary(max_size=30) | st.text(max_size=30).map(lambda text: "[" + text))
def test_whatever_is_refused_a_ref_is_one_that_may_be_sent(data: bytes | str) -> None:
    try:
        read(data)
    except RemoteProtocolError as error:
        assert 0 <= error.ref <= MAX_INTEGER  # noqa: PT017


def test_messages_and_models_go_through_the_serialiser() -> None:
    frame = frames.ClientMessage(1, "topic:t", Say("hi"))
    assert decode(encode(frame, SERIALISER), SERIALISER) == frame
    assert read(encode(frame, SERIALISER)).payload == {"_": "Say", "0": "hi"}  # type: ignore[union-attr]


def test_a_message_that_the_serialiser_does_not_know_is_refused_both_ways() -> None:
    frame = frames.Push("topic:t", Say("hi"))
    with pytest.raises(UnregisteredType):
        encode(frame, automatic())
    with pytest.raises(RemoteProtocolError):
        decode(encode(frame, SERIALISER), automatic())


def test_a_payload_is_so_shallow_that_it_fits_into_every_frame() -> None:
    codec = Codec(automatic())
    deepest: Any = 1
    for _ in range(15):
        deepest = [deepest]
    payload = dump_cbor(deepest)
    assert codec.decode_message(payload) == deepest
    assert read(b"\x84\x13\x67topic:t\x01" + payload) == frames.ServerMessage("topic:t", 1, deepest)
    with pytest.raises(RemoteProtocolError):
        codec.decode_message(dump_cbor([deepest]))  # as part of a frame, nobody could read it


@pytest.mark.parametrize("way", ["encode_message", "encode_model"])
def test_what_no_client_could_read_is_not_written(way: str) -> None:
    deepest: Any = 1
    for _ in range(15):
        deepest = [deepest]
    encode_value = getattr(Codec(automatic()), way)
    assert encode_value(deepest) == dump_cbor(deepest)
    with pytest.raises(LocalProtocolError, match="expected at most 15 levels of nesting, got more"):
        encode_value({"more": deepest})


def test_a_frame_of_plain_data_is_written_without_a_serialiser() -> None:
    hello = frames.Hello(1, "s", "t", {"topic:é": ("ë", 0xC3)}, {})
    message = frames.ClientMessage(2, "topic:chat", b"bytes")

    assert [read(write(frame)) for frame in (hello, message)] == [hello, message]
