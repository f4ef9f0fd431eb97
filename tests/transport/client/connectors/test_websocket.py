"""The WebSocket connector against a peer that does what it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.event import Event as GeventEvent
from support.peer import Line, Peer
from support.raw import CLOSE, PING, PONG, TEXT, websocket_frame
from support.serving import eventually

from nuphar import UsageError
from nuphar.transport import Handler, Transport
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.greenlets import GreenletRuntime
from nuphar.transport.client.connectors.runtimes import ClientRuntime, ThreadRuntime
from nuphar.transport.client.connectors.websocket import websocket
from nuphar.transport.client.connectors.websocket_machine import LONGEST_HEAD


class Recorder:
    """A handler that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.handler = Handler(
            self.told.append,
            lambda: self.told.append("connected"),
            lambda: self.told.append("lost"),
            lambda code, reason: self.told.append((code, reason)),
        )

    def wait(self, *told: Any) -> None:
        """Wait until exactly this was told since the last time."""
        eventually(lambda: len(self.told) >= len(told))
        assert self.told == list(told)
        self.told.clear()


class Waits(GreenletRuntime):
    """Greenlets that never wait before they come back, and keep how long they should have."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def event(self) -> Any:
        delays = self.delays

        class Recording(GeventEvent):  # type: ignore[misc]
            def wait(self, timeout: float | None = None) -> Any:
                delays.append(timeout or 0.0)
                return super().wait(0.001)

        return Recording()


Start = Callable[..., tuple[Recorder, Transport]]


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture(params=["greenlets", "threads"])
def runtime(request: pytest.FixtureRequest) -> ClientRuntime:
    return GreenletRuntime() if request.param == "greenlets" else ThreadRuntime()


@pytest.fixture
def start(peer: Peer, runtime: ClientRuntime) -> Iterator[Start]:
    """A function that starts the connector; it comes back at once."""
    transports: list[Transport] = []

    def start(**options: Any) -> tuple[Recorder, Transport]:
        recorder = Recorder()
        options = {"runtime": runtime, "chance": lambda: 0.0} | options
        transport = websocket(peer.url, **options)(recorder.handler)
        transports.append(transport)
        return recorder, transport

    yield start
    for transport in transports:
        transport.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1/live", "ws://", "127.0.0.1:8000", "", "ftp://x", "ws:/x"])
def test_another_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(UsageError, match="ws://"):
        websocket(url)


def test_frames_go_both_ways(peer: Peer, start: Start) -> None:
    recorder, transport = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    transport.send(b"\x82\x07\x01")
    assert line.receive() == [7, 1]
    line.send([25, 1], [25, 2])
    recorder.wait(b"\x82\x18\x19\x01", b"\x82\x18\x19\x02")


def test_the_request_is_a_well_formed_opening_handshake(peer: Peer, start: Start) -> None:
    start(headers=(("Authorization", "Bearer x"),))
    request = peer.accept().read_request().split("\r\n")
    assert request[0] == "GET /live HTTP/1.1"
    for line in (
        f"Host: 127.0.0.1:{peer.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: nuphar.v1.cbor",
        "Authorization: Bearer x",
    ):
        assert line in request


def test_what_comes_in_the_same_read_as_the_upgrade_is_not_lost(peer: Peer, start: Start) -> None:
    recorder, _ = start()
    peer.accept().upgrade(early=websocket_frame(2, b"early", masked=False))
    recorder.wait("connected", b"early")


def test_a_large_message_and_one_in_fragments_arrive_whole(peer: Peer, start: Start) -> None:
    recorder, _ = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    large = b"x" * 1_000_000
    line.send(large)
    recorder.wait(large)
    line.send_raw(b"\x02\x02ab" + websocket_frame(PING, b"?", masked=False) + b"\x80\x02cd")
    assert line.receive_frame() == (PONG, b"?")
    recorder.wait(b"abcd")


def test_text_is_handed_on_as_bytes(peer: Peer, start: Start) -> None:
    recorder, _ = start()
    line = peer.accept().upgrade()
    line.send_raw(websocket_frame(TEXT, b"[25,1]", masked=False))
    recorder.wait("connected", b"[25,1]")


def test_sending_without_a_connection_raises_an_os_error(start: Start) -> None:
    _, transport = start()
    with pytest.raises(OSError, match="no connection"):
        transport.send(b"x")


@pytest.mark.parametrize("how", ["close", "cut"])
def test_it_comes_back_when_the_line_is_lost(peer: Peer, start: Start, how: str) -> None:
    recorder, transport = start()
    for _ in range(3):
        line = peer.accept().upgrade()
        recorder.wait("connected")
        getattr(line, how)()
        recorder.wait("lost")
    line = peer.accept().upgrade()
    recorder.wait("connected")
    transport.send(b"\x07")
    assert line.receive() == 7


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4404, 4500, 4508, 4513, 4529])
def test_it_comes_back_after_these_close_codes(peer: Peer, start: Start, code: int) -> None:
    recorder, _ = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    line.send_close(code)
    assert line.receive_frame() == (CLOSE, code.to_bytes(2, "big"))
    recorder.wait("lost")
    peer.accept().upgrade()
    recorder.wait("connected")


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4409, 4499])
def test_it_gives_up_after_these_close_codes(peer: Peer, start: Start, code: int) -> None:
    recorder, _ = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    line.send_close(code, "go away")
    recorder.wait("lost", (code, "go away"))


def test_it_gives_up_although_the_peer_is_gone_before_it_can_answer(peer: Peer, start: Start) -> None:
    recorder, _ = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    line.send_close(4403, "forbidden")
    line.cut()
    recorder.wait("lost", (4403, "forbidden"))


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "426 Upgrade Required"])
def test_it_gives_up_when_the_server_refuses_the_upgrade(peer: Peer, start: Start, status: str) -> None:
    recorder, _ = start()
    line = peer.accept()
    line.read_request()
    line.answer(status, body="this origin is not allowed")
    line.close()
    recorder.wait((int(status[:3]), "this origin is not allowed"))


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"])
def test_it_comes_back_when_the_server_cannot_upgrade_now(peer: Peer, start: Start, status: str) -> None:
    recorder, _ = start()
    line = peer.accept()
    line.read_request()
    line.answer(status)
    line.close()
    peer.accept().upgrade()
    recorder.wait("connected")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n" + b"x" * (LONGEST_HEAD + 8192),
    ],
)
def test_it_comes_back_when_what_answers_is_no_websocket_server(peer: Peer, start: Start, answer: bytes) -> None:
    recorder, _ = start()
    line = peer.accept()
    line.read_request()
    line.send_raw(answer)
    if answer:
        with contextlib.suppress(OSError):  # it has hung up already
            line.sock.shutdown(1)
    else:
        line.cut()
    peer.accept().upgrade()
    recorder.wait("connected")


def test_another_subprotocol_in_the_answer_is_not_taken(peer: Peer, start: Start) -> None:
    recorder, _ = start()

    class Rewriting:
        def __init__(self, sock: Any) -> None:
            self._sock = sock

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sock, name)

        def sendall(self, data: bytes) -> None:
            self._sock.sendall(data.replace(b"nuphar.v1.cbor", b"nuphar.v1.json"))

    line = peer.accept()
    line.sock = Rewriting(line.sock)
    line.upgrade()
    peer.accept().upgrade()
    recorder.wait("connected")


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xf2\x00", 1002), (b"\x82\xff" + b"\x00" * 4, 1002), (b"\x82\x7f" + (2**40).to_bytes(8, "big"), 1009)],
)
def test_broken_framing_is_told_and_it_comes_back(peer: Peer, start: Start, data: bytes, code: int) -> None:
    recorder, _ = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    line.send_raw(data)
    closing = line.receive_frame()
    assert closing is not None
    assert (closing[0], int.from_bytes(closing[1][:2], "big")) == (CLOSE, code)
    recorder.wait("lost")
    peer.accept().upgrade()
    recorder.wait("connected")


def test_a_silent_peer_is_asked_for_a_sign_of_life_and_then_left(peer: Peer, start: Start) -> None:
    recorder, _ = start(heartbeat=0.05)
    line = peer.accept().upgrade()
    recorder.wait("connected")
    for _ in range(3):
        assert line.receive_frame() == (PING, b"")
        line.send_raw(websocket_frame(PONG, b"", masked=False))
    assert line.receive_frame() == (PING, b"")
    assert line.receive_frame() is None
    recorder.wait("lost")


def test_close_says_goodbye_and_nothing_more_is_told_but_the_loss(peer: Peer, start: Start) -> None:
    recorder, transport = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    transport.close()
    assert line.receive_frame() == (CLOSE, (1000).to_bytes(2, "big"))
    assert line.receive_frame() is None
    recorder.wait("lost")
    transport.close()
    with pytest.raises(OSError):
        transport.send(b"x")


def test_close_during_the_opening_handshake_ends_it_at_once(peer: Peer, start: Start) -> None:
    recorder, transport = start()
    line = peer.accept()
    line.read_request()
    transport.close()
    assert line.sock.recv(1) == b""
    assert recorder.told == []


def test_close_ends_although_the_peer_does_not_read(peer: Peer, start: Start, runtime: ClientRuntime) -> None:
    recorder, transport = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    blocked = runtime.event()
    errors: list[OSError] = []

    def fill() -> None:
        try:
            while True:
                transport.send(b"x" * 1_000_000)
                blocked.set()
        except OSError as error:
            errors.append(error)

    runtime.spawn(fill)
    eventually(blocked.is_set)
    transport.close()
    eventually(lambda: errors)
    recorder.wait("lost")
    line.cut()


def test_a_sender_that_is_stuck_does_not_hold_up_the_next_connection(
    peer: Peer, start: Start, runtime: ClientRuntime
) -> None:
    recorder, transport = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")
    errors: list[OSError] = []

    def fill() -> None:
        try:
            transport.send(b"x" * 64_000_000)  # more than any socket holds
        except OSError as error:
            errors.append(error)

    runtime.spawn(fill)
    assert line.sock.recv(1)  # it is under way
    line.sock.shutdown(1)  # it sends no more, and reads nothing either
    again = peer.accept().upgrade()
    eventually(lambda: recorder.told == ["lost", "connected"])
    eventually(lambda: errors)
    transport.send(b"\x07")
    assert again.receive() == 7


def test_messages_of_many_senders_are_never_mixed(peer: Peer, start: Start, runtime: ClientRuntime) -> None:
    recorder, transport = start()
    line = peer.accept().upgrade()
    recorder.wait("connected")

    def send(letter: bytes) -> None:
        for _ in range(20):
            transport.send(b"\x5a\x00\x01\x00\x00" + letter * 65_536)

    for letter in (b"a", b"b", b"c", b"d"):
        runtime.spawn(lambda letter=letter: send(letter))  # type: ignore[misc]
    for _ in range(80):
        message = line.receive()
        assert len(message) == 65_536
        assert message == message[:1] * 65_536


# When to come back.


def test_each_loss_waits_longer_and_a_message_begins_anew(peer: Peer) -> None:
    runtime, recorder = Waits(), Recorder()
    transport = websocket(peer.url, runtime=runtime, backoff=ReconnectBackoff(1.0, 2.0, 30.0), chance=lambda: 1.0)(
        recorder.handler
    )
    for _ in range(3):
        peer.accept().close()
    line = peer.accept().upgrade()
    line.send([25, 1])
    recorder.wait("connected", b"\x82\x18\x19\x01")
    line.close()
    peer.accept().close()
    eventually(lambda: len(runtime.delays) >= 5)
    transport.close()
    assert runtime.delays[:5] == [1.0, 2.0, 4.0, 1.0, 2.0]


def test_a_pause_is_kept_once_with_jitter_on_top(peer: Peer) -> None:
    runtime, recorder = Waits(), Recorder()
    transport = websocket(peer.url, runtime=runtime, chance=lambda: 0.5)(recorder.handler)
    line = peer.accept().upgrade()
    recorder.wait("connected")
    transport.pause(10.0)
    line.close()
    peer.accept().close()
    eventually(lambda: len(runtime.delays) >= 2)
    transport.close()
    assert runtime.delays[:2] == [15.0, 1.0]


def test_close_while_it_waits_to_come_back_ends_the_wait(peer: Peer, runtime: ClientRuntime) -> None:
    recorder = Recorder()
    transport = websocket(
        peer.url, runtime=runtime, backoff=ReconnectBackoff(1_000.0, 1.0, 1_000.0), chance=lambda: 1.0
    )(recorder.handler)
    line: Line = peer.accept().upgrade()
    recorder.wait("connected")
    line.close()
    recorder.wait("lost")
    transport.close()
