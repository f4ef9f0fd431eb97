"""A client's WebSocket without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.raw import BINARY, CLOSE, PING, PONG, TEXT, websocket_frame

from nuphar import UsageError
from nuphar.transport.client.connectors.urls import Address
from nuphar.transport.client.connectors.websocket_machine import ClientWire, ConnectionEnd, FrameArrived, Opened
from nuphar.transport.wire.upgrade import accept_key
from nuphar.transport.wire.websocket_frames import WebSocketPing, WebSocketPong
from nuphar.transport.wire.websocket_reader import FrameReader

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    f"sec-websocket-accept: {accept_key(KEY)}\r\nSec-WebSocket-Protocol: nuphar.v1.cbor\r\n\r\n"
).encode()


def zeros(count: int) -> bytes:
    return bytes(count)


def make_wire() -> ClientWire:
    wire = ClientWire(Address.of("ws://127.0.0.1:8000/live?x=1"), (("Authorization", "Bearer x"),), zeros)
    assert f"Sec-WebSocket-Key: {KEY}\r\n".encode() in wire.take()
    return wire


def opened() -> ClientWire:
    wire = make_wire()
    assert wire.receive_data(ANSWER) == [Opened()]
    return wire


def from_server(opcode: int, payload: bytes) -> bytes:
    return websocket_frame(opcode, payload, masked=False)


def close(code: int, reason: str = "") -> bytes:
    return from_server(CLOSE, code.to_bytes(2, "big") + reason.encode())


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://h/live", Address("h", 80, False, "h", "/live")),
        ("wss://h", Address("h", 443, True, "h", "/")),
        ("ws://me:pw@h:81/a?b=c", Address("h", 81, False, "h:81", "/a?b=c")),
        ("ws://[::1]:8000/", Address("::1", 8000, False, "[::1]:8000", "/")),
    ],
)
def test_a_url_is_cut_apart(url: str, address: Address) -> None:
    assert Address.of(url) == address


@pytest.mark.parametrize("url", ["", "http://h", "ws://", "ws://h:99999", "ws://h:0", "h:80"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="ws://"):
        Address.of(url)


@given(st.data())
def test_however_the_bytes_are_cut_the_events_are_the_same(data: st.DataObject) -> None:
    stream = (
        ANSWER + from_server(BINARY, b"one") + from_server(PING, b"?") + from_server(TEXT, b"two") + close(4403, "no")
    )
    wire = make_wire()
    events = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        events += wire.receive_data(stream[:size])
        stream = stream[size:]
    assert events == [Opened(), FrameArrived(b"one"), FrameArrived(b"two"), ConnectionEnd(4403, "no")]
    out = FrameReader(1_000).feed(wire.take())
    assert out[0] == WebSocketPong(b"?")
    assert out[1:] == [type(out[1])(4403, "")]


@given(st.binary(max_size=300))
def test_any_bytes_at_all_never_raise(data: bytes) -> None:
    make_wire().receive_data(data)
    opened().receive_data(data)


def test_a_hang_up_is_an_end_that_it_comes_back_from() -> None:
    for wire in (make_wire(), opened()):
        (ended,) = wire.receive_data(b"")
        assert ended == ConnectionEnd(0, "the server hung up")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4404, 4500, 4529])
def test_these_codes_are_no_reason_to_stay_away(code: int) -> None:
    assert opened().receive_data(close(code, "later")) == [ConnectionEnd(0, f"closed with {code}: later")]


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4409, 4499])
def test_these_codes_are_for_good(code: int) -> None:
    assert opened().receive_data(close(code, "no")) == [ConnectionEnd(code, "no")]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("403 Forbidden", 403), ("404", 404), ("503 Later", 0), ("500 x", 0),
        ("408 Request Timeout", 0), ("425 Too Early", 0), ("429 Too Many Requests", 0),
    ],
)  # fmt: skip
def test_a_refused_upgrade_is_for_good_below_500_unless_it_came_too_soon(status: str, code: int) -> None:
    (ended,) = make_wire().receive_data(f"HTTP/1.1 {status}\r\nContent-Length: 7\r\n\r\nbecause".encode())
    assert isinstance(ended, ConnectionEnd)
    assert ended.code == code
    assert "because" in ended.why


def test_a_server_that_takes_what_we_send_is_not_silent() -> None:
    wire = opened()
    assert wire.silence() is None
    assert wire.silence(is_taking=True) is None
    assert isinstance(wire.silence(), ConnectionEnd)


def test_a_message_that_arrives_for_a_heartbeat_is_answered_by_a_ping() -> None:
    wire, server = opened(), FrameReader(1_000)
    wire.heed(100.0, [Opened()], 20.0)
    message = from_server(BINARY, bytes(50_000))
    for now, at in ((110.0, 0), (119.0, 100), (121.0, 200), (130.0, 300), (141.0, 400)):
        wire.heed(now, wire.receive_data(message[at : at + 100]), 20.0)
        assert server.feed(wire.take()) == ([WebSocketPing(b"")] if now in (121.0, 141.0) else [])
    wire.heed(142.0, wire.receive_data(message[500:]), 20.0)
    wire.heed(170.0, wire.receive_data(from_server(PONG, b"")), 20.0)  # nothing is on its way
    assert wire.take() == b""


def test_the_second_silence_in_a_row_is_the_end() -> None:
    wire = opened()
    assert wire.silence() is None
    assert FrameReader(100).feed(wire.take()) == [WebSocketPing(b"")]
    wire.receive_data(from_server(BINARY, b"x"))
    assert wire.silence() is None
    assert isinstance(wire.silence(), ConnectionEnd)


def test_what_it_sends_is_masked() -> None:
    assert FrameReader(100).feed(opened().message(b"\x82\x07\x01")) == [b"\x82\x07\x01"]
