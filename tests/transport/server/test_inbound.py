"""What one client sends: the quick way for its messages says the same as the thorough one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kept import Kept

from nuphar import RemoteProtocolError, automatic
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.session import Session
from nuphar.transport import decode, encode
from nuphar.transport.server.framing import BARE
from nuphar.transport.server.inbound import BAD_IN_A_ROW, Inbound, split_client_message
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import Call, ClientMessage, Frame, Hello, Ping, Pong, Rejected
from nuphar.transport.wire.strict import dump_cbor, load_cbor

SERIALISER = automatic()
TARGETS = st.sampled_from(["session", "topic:t", "topic:" + "x" * 255, "topic:" + "é" * 20, "page:p", "tree"])
REFS = st.sampled_from([0, 1, 23, 24, 255, 256, 65535, 65536, 2**32, 2**53 - 1]) | st.integers(0, 2**53 - 1)
VALUES = st.none() | st.integers(0, 999) | st.text(max_size=4) | st.lists(st.integers(0, 9), max_size=3)


class Closed(list[tuple[int, str]]):
    """What ``close`` was called with."""

    def __call__(self, code: int, reason: str) -> None:
        self.append((code, reason))


class Client:
    """An `Inbound` with a session that nobody serves."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = Closed()
        session = Session("c", BARE, Kept(self.sent), Mailbox(), Kinds())
        self.inbound = Inbound(session, BARE, Codec(SERIALISER), self.closed)

    def receive(self, frame: Frame | bytes | str) -> list[Frame]:
        self.inbound.receive(frame if isinstance(frame, bytes | str) else encode(frame, SERIALISER))
        sent, self.sent[:] = list(self.sent), []
        return [decode(each, SERIALISER) for each in sent]


@given(REFS, TARGETS, VALUES)
def test_a_client_message_is_cut_as_the_general_reader_reads_it(ref: int, target: str, value: Any) -> None:
    data = encode(ClientMessage(ref, target, value), SERIALISER)
    cut = split_client_message(data)
    assert cut == (ref, target, dump_cbor(value)) or (cut is None and len(target.encode()) > 255)
    assert read(data) == ClientMessage(ref, target, value)


@given(st.binary(max_size=40).map(lambda data: b"\x84\x04" + data) | st.binary(max_size=40))
def test_whatever_the_cut_takes_the_general_reader_reads_alike(data: bytes) -> None:
    cut = split_client_message(data)
    if cut is None:
        return
    ref, target, payload = cut
    try:
        value = load_cbor(payload)
    except RemoteProtocolError:
        with pytest.raises(RemoteProtocolError):
            read(data)
        return
    assert read(data) == ClientMessage(ref, target, value)


@given(st.binary(max_size=60))
def test_any_bytes_are_answered_or_taken_and_never_raise(data: bytes) -> None:
    client = Client()
    client.receive(data)


def test_a_ping_is_answered_with_its_number() -> None:
    assert Client().receive(Ping(7)) == [Pong(7)]


def test_a_pong_is_not_answered() -> None:
    assert Client().receive(Pong(7)) == []


def test_json_is_understood_too() -> None:
    assert Client().receive("[7,5]") == [Pong(5)]
    assert Client().receive(b"[7,5]") == [Pong(5)]


def test_a_call_that_does_not_exist_is_a_failure() -> None:
    (failure,) = Client().receive(Call(3, "x" * 1000, None))
    assert failure[:2] == (3, "not_found")
    assert len(failure.text) < 200  # type: ignore[union-attr]


def test_a_second_hello_is_malformed() -> None:
    (rejected,) = Client().receive(Hello(1, None, None, {}, {}))
    assert isinstance(rejected, Rejected)
    assert rejected[:3] == (0, None, "malformed")


def test_bad_frames_in_a_row_close_and_a_good_one_between_them_forgives() -> None:
    client = Client()
    for _ in range(2):
        for _ in range(BAD_IN_A_ROW - 1):
            client.receive(b"")
        client.receive(Ping(1))
    assert client.closed == []
    for _ in range(BAD_IN_A_ROW):
        client.receive(b"")
    ((code, reason),) = client.closed
    assert code == 4400
    assert "4 frames in a row" in reason


@pytest.mark.parametrize("payload", [b"\xc1\x01", b"\x9f\x01\xff", b"\x01\x01", b"\xa1\x01\x01"])
def test_a_bad_payload_in_a_sound_frame_names_the_frame_and_closes_nothing(payload: bytes) -> None:
    client = Client()
    for _ in range(BAD_IN_A_ROW + 1):
        (rejected,) = client.receive(b"\x84\x04\x09\x67topic:t" + payload)
        assert rejected[:3] == (9, "topic:t", "malformed")
    assert client.closed == []


@pytest.mark.parametrize(
    "data",
    [
        '[4,9,"topic:t",{"_":"$bytes","0":"!!"}]',
        '[4,9,"topic:t",1e999]',
        '[4,9,"topic:t",' + "[" * 16 + "]" * 16 + "]",
        b"\x84\x04\x09\x67topic:t" + b"\x81" * 16 + b"\x01",
        '[4,9,"nowhere",1]',
        b"\x84\x04\x09\x67nowhere\x01",
    ],
)
def test_what_is_refused_by_its_value_is_answered_with_its_ref_and_does_not_count(data: bytes | str) -> None:
    client = Client()
    for _ in range(BAD_IN_A_ROW + 1):
        (rejected,) = client.receive(data)
        assert (rejected[0], rejected[2]) == (9, "malformed")
    assert client.closed == []


def test_a_malformed_repeat_takes_nothing_from_the_message_that_waits_under_its_ref() -> None:
    client = Client()
    answers = client.inbound.session.answers
    answers.begin(9, "topic:t")
    for data in ('[4,9,"topic:t",1e999]', b"\x84\x04\x09\x67topic:t\xf7"):
        (rejected,) = client.receive(data)
        assert (rejected[0], rejected[2]) == (9, "malformed")
    assert answers.answer(9) is None


def test_a_large_message_of_who_went_on_with_another_connection_meanwhile_is_left_to_that() -> None:
    client = Client()
    session = client.inbound.session

    def go_on_elsewhere(weight: int = 1) -> None:
        session.closed = True

    client.inbound = Inbound(session, BARE, Codec(SERIALISER), client.closed, None, go_on_elsewhere)
    assert client.receive(ClientMessage(1, "topic:t", [[]] * 5_000)) == []
    assert client.receive(ClientMessage(2, "topic:t", [{"_": "$nothing"}] * 5_000)) == []
    assert session.answers.highest == 0
