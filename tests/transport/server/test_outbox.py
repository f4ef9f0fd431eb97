"""The writer of one socket, over real socket pairs whose other end reads late, never, or is gone."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as gevent_socket
from gevent import ssl as gevent_ssl
from support.hosts import AtTime

from nuphar.transport.server.fan_out import write_to_all
from nuphar.transport.server.outbox import Outbox
from nuphar.transport.wire.websocket_frames import BINARY, WebSocketClose, encode_close, encode_frame
from nuphar.transport.wire.websocket_reader import FrameReader

LIMIT = 10.0  # seconds that any wait here may take


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    ours, theirs = gevent_socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with gevent.Timeout(LIMIT):
        yield ours, theirs
    ours.close()
    theirs.close()


def never() -> None:
    raise AssertionError("the socket is not broken")


def read(sock: Any, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = sock.recv(min(65536, size - len(data)))
        if not chunk:
            break
        data += chunk
    return bytes(data)


def fill(outbox: Outbox, piece: bytes) -> int:
    """Write until a piece is refused; how many were taken?"""
    count = 0
    while outbox.write(piece):
        count += 1
    return count


def test_what_fits_is_written_at_once_and_starts_no_greenlet(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 1000, never)

    assert outbox.write(b"hello")
    assert outbox.pending == 0
    assert theirs.recv(100) == b"hello"


def test_a_writer_never_waits_for_a_peer_that_never_reads(pair: tuple[Any, Any]) -> None:
    outbox = Outbox(pair[0], 50_000, never)

    fill(outbox, bytes(1000))

    assert 50_000 < outbox.pending <= 51_000  # the piece under way, and the bound behind it
    outbox.close()


def test_what_had_to_wait_arrives_complete_and_in_order(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 1 << 20, never)
    pieces = [bytes([at % 256]) * (at % 700 + 1) for at in range(2000)]

    assert all(outbox.write(piece) for piece in pieces)
    assert outbox.pending > 0
    whole = b"".join(pieces)
    assert read(theirs, len(whole)) == whole
    assert outbox.flush(LIMIT)


def test_a_refused_piece_leaves_no_trace(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 20_000, never)
    taken = fill(outbox, b"a" * 999)

    assert not outbox.write(b"b" * 999)
    assert outbox.write(b"c")
    assert read(theirs, taken * 999 + 1) == b"a" * 999 * taken + b"c"


def test_an_empty_outbox_takes_a_piece_above_the_bound(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 1000, never)

    assert outbox.write(b"x" * 500_000)
    assert not outbox.write(b"y" * 1001)
    assert read(theirs, 500_000) == b"x" * 500_000


def test_an_answer_finds_room_behind_a_large_piece_and_behind_all_that_was_only_offered(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 1000, never)

    assert outbox.write(b"x" * 500_000)
    assert outbox.offer(b"y" * 750)
    assert not outbox.offer(b"z")
    assert outbox.write(b"a" * 250)
    assert not outbox.write(b"b")
    assert read(theirs, 501_000) == b"x" * 500_000 + b"y" * 750 + b"a" * 250


def test_a_client_that_takes_some_bytes_is_not_too_slow_however_long_the_rest_has_waited(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    clock = Clock()
    outbox = Outbox(ours, 1 << 20, never, max_age=30.0, host=AtTime(clock))
    outbox.write(bytes(600_000))
    for _ in range(4):
        clock.now += 25
        before = outbox.pending
        while outbox.pending == before:
            read(theirs, 10_000)
        assert not outbox.too_slow
    clock.now += 31
    assert outbox.too_slow
    outbox.moved()  # of what the kernel had
    assert not outbox.too_slow
    outbox.close()


def test_a_piece_that_does_not_move_stops_new_ones_until_it_is_gone(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    clock = Clock()
    outbox = Outbox(ours, 1 << 20, never, max_age=30.0, host=AtTime(clock))
    outbox.write(bytes(200_000))
    clock.now += 29
    assert outbox.write(b"young")
    assert not outbox.too_slow

    clock.now += 2
    assert outbox.too_slow
    assert not outbox.write(b"late")
    read(theirs, 200_005)
    assert outbox.flush(LIMIT)
    assert not outbox.too_slow
    assert outbox.write(b"again")


def test_flush_says_whether_everything_was_written(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 1 << 20, never)
    assert outbox.flush(0.0)
    outbox.write(bytes(300_000))
    assert not outbox.flush(0.01)

    reader = gevent.spawn(read, theirs, 300_000)
    assert outbox.flush(LIMIT)
    reader.join()


def test_a_peer_that_is_gone_is_reported_once(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    broken: list[str] = []
    outbox = Outbox(ours, 1000, lambda: broken.append("broken"))
    theirs.close()

    assert not outbox.write(b"a")
    assert not outbox.write(b"b")
    assert broken == ["broken"]


def test_a_peer_that_goes_while_bytes_wait_is_reported_once(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    broken: list[str] = []
    outbox = Outbox(ours, 1 << 20, lambda: broken.append("broken"))
    outbox.write(bytes(300_000))
    theirs.close()

    assert not outbox.flush(LIMIT)
    assert broken == ["broken"]
    assert outbox.pending == 0


def test_a_closed_outbox_never_writes_to_a_descriptor_that_was_used_again() -> None:
    ours, theirs = gevent_socket.socketpair()
    outbox = Outbox(ours, 1000, never)
    number = ours.fileno()
    outbox.close()
    ours.close()
    theirs.close()
    with gevent.Timeout(LIMIT):
        gevent.idle()  # gevent closes a socket in its loop
    again, other = socket.socketpair()
    try:
        assert number in (again.fileno(), other.fileno())
        assert not outbox.write(b"stray")
        again.setblocking(False)
        other.setblocking(False)
        for end in (again, other):
            with pytest.raises(BlockingIOError):
                end.recv(10)
    finally:
        again.close()
        other.close()


def test_the_last_piece_passes_the_bound_and_nothing_comes_after_it(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 10_000, never)
    taken = fill(outbox, b"a" * 1000)

    outbox.finish(b"bye" * 1000)

    assert not outbox.write(b"a")
    assert read(theirs, taken * 1000 + 3000) == b"a" * 1000 * taken + b"bye" * 1000
    assert outbox.flush(LIMIT)


@pytest.mark.parametrize("size", [1, 100, 7000, 100_000])
def test_dropping_cuts_no_frame_and_the_close_frame_is_the_last(pair: tuple[Any, Any], size: int) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 200_000, never)
    taken = fill(outbox, encode_frame(BINARY, bytes(size)))

    outbox.finish(encode_close(4513, "too slow"), drop=True)
    writer = gevent.spawn(lambda: outbox.flush(LIMIT) and ours.shutdown(socket.SHUT_WR))
    events = FrameReader(1 << 20, client=True).feed(read(theirs, 1 << 24))
    writer.join()

    assert events[-1] == WebSocketClose(4513, "too slow")
    assert all(event == bytes(size) for event in events[:-1])
    assert len(events) <= taken


def test_dropping_forgets_what_waits_at_once(pair: tuple[Any, Any]) -> None:
    outbox = Outbox(pair[0], 1 << 20, never)
    outbox.write(bytes(100_000))
    started = outbox.pending
    outbox.write(bytes(500_000))

    outbox.finish(b"end", drop=True)

    assert outbox.pending == started + 3
    outbox.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-days",
        "2",
    ]
    try:
        subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=LIMIT)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return key, cert


@pytest.fixture
def tls_pair(certificate: tuple[Path, Path]) -> Iterator[tuple[Any, Any]]:
    key, cert = certificate
    server = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    client = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    ours, theirs = gevent_socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with gevent.Timeout(LIMIT):
        accepting = gevent.spawn(server.wrap_socket, ours, server_side=True)
        theirs = client.wrap_socket(theirs)
        ours = accepting.get()
        yield ours, theirs
    ours.close()
    theirs.close()


def test_tls_is_written_without_waiting_and_arrives_complete(tls_pair: tuple[Any, Any]) -> None:
    ours, theirs = tls_pair
    outbox = Outbox(ours, 100_000, never)

    taken = fill(outbox, b"secret!!" * 50)

    assert outbox.pending > 90_000
    assert read(theirs, taken * 400) == b"secret!!" * 50 * taken
    assert outbox.flush(LIMIT)


def test_tls_gets_a_valid_stream_and_the_close_frame_after_dropping(tls_pair: tuple[Any, Any]) -> None:
    ours, theirs = tls_pair
    outbox = Outbox(ours, 300_000, never)
    frame = encode_frame(BINARY, bytes(1000))
    taken = fill(outbox, frame)

    outbox.finish(encode_close(4513), drop=True)

    reader, events = FrameReader(1 << 20, client=True), []
    while not events or not isinstance(events[-1], WebSocketClose):
        events += reader.feed(theirs.recv(65536))
    assert events[-1] == WebSocketClose(4513, "")
    assert all(event == bytes(1000) for event in events[:-1])
    assert len(events) < taken


def test_whoever_asked_hears_once_that_nothing_waits_any_more(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    outbox = Outbox(ours, 50_000, never)
    taken = fill(outbox, bytes(1000))
    heard: list[int] = []
    empty = gevent.event.Event()
    outbox.on_empty(lambda: (heard.append(outbox.pending), empty.set()))

    assert len(read(theirs, taken * 1000)) == taken * 1000
    assert empty.wait(LIMIT)
    fill(outbox, bytes(1000))
    assert len(read(theirs, 1000)) == 1000
    assert heard == [0]
    outbox.close()


def test_nobody_hears_of_an_outbox_that_was_closed(pair: tuple[Any, Any]) -> None:
    outbox = Outbox(pair[0], 50_000, never)
    fill(outbox, bytes(1000))
    outbox.on_empty(never)

    outbox.close()
    gevent.sleep(0)

    assert outbox.pending == 0


def test_what_is_only_offered_is_refused_without_a_word(pair: tuple[Any, Any]) -> None:
    outbox, other = Outbox(pair[0], 50_000, never), Outbox(pair[1], 50_000, never)
    refusals: list[str] = []
    outbox.on_refused = lambda: refusals.append("refused")
    fill(outbox, bytes(1000))
    refusals.clear()
    refused: list[Outbox] = []

    assert not outbox.offer(bytes(1000))
    write_to_all([outbox, other], bytes(1000), refused)

    assert refused == [outbox]
    assert refusals == []
    write_to_all([outbox, other], bytes(1000))
    assert refusals == ["refused"]
    outbox.close()
    other.close()
