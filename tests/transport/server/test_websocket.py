"""One WebSocket over a real socket pair, whose other end speaks well, badly, late or not at all."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from typing import Any

import gevent
import geventwebsocket.websocket
import pytest
from gevent import socket as gevent_socket
from geventwebsocket.exceptions import WebSocketError
from support.hosts import AtTime, InTurns

from nuphar.transport.server.limits import Limits
from nuphar.transport.server.websocket import WebSocket
from nuphar.transport.wire.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameEvent,
    WebSocketClose,
    WebSocketPong,
    encode_close,
    encode_frame,
)
from nuphar.transport.wire.websocket_reader import AT_ONCE, FrameReader

LIMIT = 10.0  # seconds that any wait here may take
KEY = b"\x01\x80\xff\x37"
PATIENT = Limits(close=60.0)
HASTY = Limits(close=0.02)


class Peer:
    """The client's end: writes raw bytes, reads events."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.reader = FrameReader(1 << 20, client=True)

    def send(self, opcode: int, payload: bytes = b"") -> None:
        self.sock.sendall(encode_frame(opcode, payload, KEY))

    def read(self) -> list[FrameEvent]:
        """Everything up to the end of TCP."""
        events = []
        while data := self.sock.recv(65536):
            events += self.reader.feed(data)
        return events


@pytest.fixture
def ends() -> Iterator[tuple[Any, Peer]]:
    ours, theirs = gevent_socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with gevent.Timeout(LIMIT):
        yield ours, Peer(theirs)
    ours.close()
    theirs.close()


def test_one_read_brings_many_messages(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    peer.sock.sendall(encode_frame(TEXT, b"a", KEY) + encode_frame(BINARY, b"b", KEY))

    websocket = WebSocket(ours)

    assert websocket.receive() == ["a", b"b"]
    websocket.abort()


def test_a_frame_cut_at_each_byte_is_put_together(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)
    frame = encode_frame(BINARY, b"payload", KEY)

    for at in range(1, len(frame)):
        receiving = gevent.spawn(websocket.receive)
        peer.sock.sendall(frame[:at])
        gevent.idle()
        assert not receiving.ready()
        peer.sock.sendall(frame[at:])
        assert receiving.get() == [b"payload"]
    websocket.abort()


def test_early_bytes_come_before_the_sockets(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    frame = encode_frame(TEXT, b"early", KEY)
    peer.sock.sendall(frame[5:])

    websocket = WebSocket(ours, early=frame[:5])

    assert websocket.receive() == ["early"]
    websocket.abort()


def test_a_ping_is_answered_while_the_reader_waits_on(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)
    receiving = gevent.spawn(websocket.receive)
    peer.send(PING, b"now")

    assert peer.reader.feed(peer.sock.recv(100)) == [WebSocketPong(b"now")]
    assert not receiving.ready()
    websocket.abort()
    assert receiving.get() is None


def test_a_flood_of_pings_gets_one_answer_for_each_read(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    pings = b"".join(encode_frame(PING, b"%d" % at, KEY) for at in range(100))
    peer.sock.sendall(pings + encode_frame(TEXT, b"end", KEY))
    websocket = WebSocket(ours)

    assert websocket.receive() == ["end"]
    assert peer.reader.feed(peer.sock.recv(65536)) == [WebSocketPong(b"99")]
    websocket.abort()


def test_many_frames_of_one_read_are_cut_in_steps_between_which_others_run(ends: tuple[Any, Peer]) -> None:
    ours, _ = ends
    steps: list[None] = []
    pings = encode_frame(PING, b"", KEY) * (3 * AT_ONCE)
    host = InTurns(1.0, lambda: steps.append(None))
    websocket = WebSocket(ours, early=pings + encode_frame(TEXT, b"end", KEY), host=host)

    assert websocket.receive() == ["end"]
    assert len(steps) == 3
    websocket.abort()


def test_written_frames_go_out_as_they_are(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)

    assert websocket.write(encode_frame(TEXT, b"a") + encode_frame(BINARY, b"b"))

    assert peer.reader.feed(peer.sock.recv(100)) == ["a", b"b"]
    websocket.abort()


def test_send_makes_one_message_of_text_or_bytes(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)

    websocket.send("grün")
    websocket.send(b"\xff")
    websocket.send(b"plain", binary=False)

    expected = ["grün", b"\xff", "plain"]
    assert peer.reader.feed(peer.sock.recv(100)) == expected
    websocket.abort()


def test_send_on_a_closed_socket_says_so(ends: tuple[Any, Peer]) -> None:
    websocket = WebSocket(ends[0])
    websocket.abort()

    with pytest.raises(WebSocketError, match="closed True"):
        websocket.send("x")
    assert not websocket.write(b"x")


@pytest.mark.parametrize(
    ("payload", "answer", "code"),
    [
        (b"", WebSocketClose(1005, ""), 1005),
        (b"\x03\xe8bye", WebSocketClose(1000, ""), 1000),
        (b"\x0f\xa0", WebSocketClose(4000, ""), 4000),
    ],
)
def test_the_peers_close_is_answered_and_ends_tcp(
    ends: tuple[Any, Peer], payload: bytes, answer: WebSocketClose, code: int
) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=PATIENT)
    peer.send(TEXT, b"last")
    peer.send(CLOSE, payload)

    assert websocket.receive() == ["last"]
    assert websocket.receive() is None
    assert websocket.receive() is None
    assert websocket.closed
    assert websocket.close_code == code
    assert peer.read() == [answer]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (encode_frame(TEXT, b"unmasked"), 1002),
        (encode_frame(CONTINUATION, b"", KEY), 1002),
        (encode_frame(TEXT, b"\xff", KEY), 1007),
        (encode_frame(BINARY, bytes(65537), KEY), 1009),
        (b"\x82\xff" + (1 << 40).to_bytes(8, "big"), 1009),
    ],
)
def test_a_broken_rule_closes_with_its_code_and_what_follows_is_thrown_away(
    ends: tuple[Any, Peer], data: bytes, code: int
) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=PATIENT)
    receiving = gevent.spawn(websocket.receive)
    peer.sock.sendall(data)
    peer.sock.sendall(bytes(1_000_000))  # goes through only if it is read

    (event,) = peer.read()
    assert isinstance(event, WebSocketClose)
    assert event.code == websocket.close_code == code
    peer.sock.close()
    assert receiving.get() is None


def test_an_oversized_header_keeps_no_memory(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=PATIENT)
    receiving = gevent.spawn(websocket.receive)
    peer.sock.sendall(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + bytes(2_000_000))

    assert websocket._frames.buffered == 0
    websocket.abort()
    assert receiving.get() is None


def test_close_sends_code_and_reason_and_wakes_the_reader_when_the_peer_answers(
    ends: tuple[Any, Peer],
) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=PATIENT)
    receiving = gevent.spawn(websocket.receive)
    gevent.idle()

    websocket.close(1001, "going away")

    assert websocket.closed
    assert peer.reader.feed(peer.sock.recv(100)) == [WebSocketClose(1001, "going away")]
    peer.send(TEXT, b"too late")
    peer.send(CLOSE, b"\x03\xe9")
    assert receiving.get() is None
    assert peer.sock.recv(100) == b""
    assert websocket.close_code == 1001


def test_a_peer_that_never_answers_a_close_is_cut_off(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=HASTY)
    receiving = gevent.spawn(websocket.receive)
    gevent.idle()

    websocket.close(4401)

    assert receiving.get() is None
    assert peer.read() == [WebSocketClose(4401, "")]


def test_a_half_open_peer_that_never_reads_is_cut_off_too(ends: tuple[Any, Peer]) -> None:
    ours, _peer = ends
    websocket = WebSocket(ours, limits=HASTY)
    receiving = gevent.spawn(websocket.receive)
    websocket.write(encode_frame(BINARY, bytes(500_000)))

    websocket.close(1001)

    assert receiving.get() is None
    assert websocket.outbox.pending == 0


def test_what_was_written_goes_before_the_close_frame(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=PATIENT)
    websocket.write(encode_frame(BINARY, bytes(500_000)))
    websocket.write(encode_frame(TEXT, b"bye"))

    websocket.close(1001)
    lingering = gevent.spawn(websocket.linger)
    events: list[FrameEvent] = []
    while len(events) < 3:
        events += peer.reader.feed(peer.sock.recv(65536))
    peer.send(CLOSE)
    lingering.join()

    assert events == [bytes(500_000), "bye", WebSocketClose(1001, "")]


def test_a_client_that_is_too_slow_gets_whole_frames_and_the_close_frame_once_it_reads(
    ends: tuple[Any, Peer],
) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=Limits(close=60.0, outbox=300_000))
    frame = encode_frame(BINARY, bytes(3000))
    taken = 0
    while websocket.write(frame):
        taken += 1

    websocket.close(4513, "too slow")
    lingering = gevent.spawn(websocket.linger)
    events: list[FrameEvent] = []
    while not events or not isinstance(events[-1], WebSocketClose):
        events += peer.reader.feed(peer.sock.recv(65536))
    peer.send(CLOSE)
    lingering.join()

    assert events[-1] == WebSocketClose(4513, "too slow")
    assert all(event == bytes(3000) for event in events[:-1])
    assert len(events) < taken / 2


def test_a_second_close_changes_nothing(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours, limits=HASTY)

    websocket.close(4409, "first")
    websocket.close(1000, "second")
    websocket.linger()

    assert websocket.close_code == 4409
    assert peer.read() == [WebSocketClose(4409, "first")]


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000])
def test_a_code_that_no_close_frame_may_carry_is_an_error(ends: tuple[Any, Peer], code: int) -> None:
    websocket = WebSocket(ends[0])

    with pytest.raises(ValueError, match=str(code)):
        websocket.close(code)
    assert not websocket.closed
    websocket.abort()


def test_the_end_of_tcp_without_a_close_frame_is_1006(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)
    peer.sock.sendall(b"\x82")
    peer.sock.close()

    assert websocket.receive() is None
    assert websocket.close_code == 1006


def test_abort_wakes_reader_and_writer(ends: tuple[Any, Peer]) -> None:
    ours, _peer = ends
    websocket = WebSocket(ours)
    receiving = gevent.spawn(websocket.receive)
    websocket.write(bytes(500_000))
    flushing = gevent.spawn(websocket.outbox.flush, LIMIT)
    gevent.idle()

    websocket.abort()

    assert receiving.get() is None
    assert flushing.get() is False


def test_a_write_that_finds_the_peer_gone_ends_the_connection(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)
    peer.sock.close()

    assert not websocket.write(b"x")
    assert websocket.closed
    assert websocket.receive() is None


def test_each_read_notes_its_time(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    times = [10.0]
    websocket = WebSocket(ours, host=AtTime(lambda: times[-1]))
    assert websocket.last_received == 10.0

    times.append(20.0)
    peer.send(PONG)
    peer.send(TEXT, b"x")
    websocket.receive()

    assert websocket.last_received == 20.0
    websocket.abort()


def test_a_forgotten_websocket_touches_no_socket(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    websocket = WebSocket(ours)
    assert isinstance(websocket, geventwebsocket.websocket.WebSocket)

    del websocket
    gc.collect()

    ours.sendall(b"still open")
    assert peer.sock.recv(100) == b"still open"


def test_a_greenlet_that_lingers_gives_way_to_one_that_receives(ends: tuple[Any, Peer]) -> None:
    ours, _peer = ends
    websocket = WebSocket(ours, limits=PATIENT)
    receiving = gevent.spawn(websocket.receive)
    gevent.idle()

    websocket.linger()

    assert receiving.get() is None


def test_a_close_frame_of_ours_reads_back_as_it_was_written(ends: tuple[Any, Peer]) -> None:
    ours, peer = ends
    ours.sendall(encode_close(4400, "malformed"))

    assert peer.reader.feed(peer.sock.recv(100)) == [WebSocketClose(4400, "malformed")]
