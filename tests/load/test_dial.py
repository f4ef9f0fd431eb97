from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from gevent.server import StreamServer

from nuphar.load.dial import fault_of, headers_of, open_client, request, status_of
from nuphar.load.errors import LoadError
from nuphar.load.plan import WebSocketAddress
from nuphar.load.sources import Sources
from nuphar.transport.wire.upgrade import accept_key

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
Answering = Callable[[Callable[[str], str]], WebSocketAddress]


def accept(key: str, *, protocol: str | None = "nuphar.v1.cbor") -> str:
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", f"Sec-WebSocket-Accept: {accept_key(key)}"]
    return "\r\n".join([*lines, *([f"sec-websocket-protocol: {protocol}"] if protocol else []), "", ""])


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Start a server that gives ``answer(key)`` to every request and closes."""
    with ExitStack() as stack:

        def start(answer: Callable[[str], str]) -> WebSocketAddress:
            def handle(sock: Any, _: Any) -> None:
                head = sock.recv(4096).decode()
                sock.sendall(answer(headers_of(head)["sec-websocket-key"]).encode())
                sock.close()

            server = StreamServer(("127.0.0.1", 0), handle)
            server.start()
            stack.callback(server.stop)
            return WebSocketAddress("127.0.0.1", server.server_port, "/live")

        yield start


def test_the_request_is_what_rfc_6455_asks_for() -> None:
    lines = request(WebSocketAddress("h", 8000, "/live"), KEY).decode().split("\r\n")

    assert lines[0] == "GET /live HTTP/1.1"
    assert {"Host: h:8000", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"} < set(lines)
    assert {f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Protocol: nuphar.v1.cbor"} < set(lines)
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(
    ("head", "status"), [("HTTP/1.1 403 Forbidden", 403), ("HTTP/1.1 101", 101), ("SSH-2.0-x", 0), ("", 0)]
)
def test_the_status_is_read(head: str, status: int) -> None:
    assert status_of(head) == status


def test_a_sound_answer_has_no_fault() -> None:
    assert fault_of(accept(KEY), KEY) is None


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (accept("AAAAAAAAAAAAAAAAAAAAAA=="), "expected Sec-WebSocket-Accept 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='"),
        (accept(KEY, protocol=None), "expected the subprotocol nuphar.v1.cbor, got None"),
        (accept(KEY, protocol="graphql-ws"), "expected the subprotocol nuphar.v1.cbor, got 'graphql-ws'"),
        ("HTTP/1.1 101 Switching Protocols", "expected Upgrade websocket, got None"),
    ],
)
def test_an_answer_with_a_fault_is_named(head: str, fault: str) -> None:
    assert (fault_of(head, KEY) or "").startswith(fault)


def test_what_comes_behind_the_answer_is_kept(answering: Answering) -> None:
    sock, early = open_client(answering(lambda key: accept(key) + "\x01\x02"))

    sock.close()
    assert early == b"\x01\x02"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno\nway",
            "refused the upgrade with 403 Forbidden: no way",
        ),
        ("HTTP/1.1 404 \x1b[31mGone\r\n\r\n", "refused the upgrade with 404 [31mGone"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "refused the upgrade with SSH-2.0-OpenSSH"),
        ("", "did not answer the upgrade: it closed the connection"),
        ("x" * 20_000, "did not answer the upgrade: the head of its answer is longer than 16384 bytes"),
    ],
)
def test_a_refusal_is_shown_on_one_line(answering: Answering, answer: str, text: str) -> None:
    address = answering(lambda _: answer)

    with pytest.raises(LoadError) as caught:
        open_client(address)

    assert str(caught.value) == f"ws://{address.authority}/live {text}"


def test_a_server_without_our_subprotocol_is_refused(answering: Answering) -> None:
    with pytest.raises(LoadError, match=r"is no server of ours: expected the subprotocol nuphar\.v1\.cbor, got None"):
        open_client(answering(lambda key: accept(key, protocol=None)))


@pytest.fixture
def peers() -> Iterator[tuple[WebSocketAddress, list[str]]]:
    """A server that accepts everybody, and where they came from."""
    came: list[str] = []

    def handle(sock: Any, peer: tuple[str, int]) -> None:
        came.append(peer[0])
        key = headers_of(sock.recv(4096).decode())["sec-websocket-key"]
        sock.sendall(accept(key).encode())

    server = StreamServer(("127.0.0.1", 0), handle)
    server.start()
    yield WebSocketAddress("127.0.0.1", server.server_port, "/live"), came
    server.stop()


def test_a_connection_comes_from_its_source(peers: tuple[WebSocketAddress, list[str]]) -> None:
    address, came = peers

    open_client(address, Sources(["127.0.0.9"]))[0].close()

    assert came == ["127.0.0.9"]


def test_an_address_that_gives_no_port_is_left_for_the_next(peers: tuple[WebSocketAddress, list[str]]) -> None:
    address, came = peers
    sources = Sources(
        ["192.0.2.1", "127.0.0.9"]
    )  # the first is nobody's here, and fails as one without a free port does

    for _ in range(2):
        open_client(address, sources)[0].close()

    assert (came, sources.current) == (["127.0.0.9", "127.0.0.9"], "127.0.0.9")


def test_without_any_port_left_it_says_so(peers: tuple[WebSocketAddress, list[str]]) -> None:
    with pytest.raises(LoadError, match="no port is left for one more connection"):
        open_client(peers[0], Sources(["192.0.2.1"]))


def test_a_refusal_is_no_reason_to_go_on_to_another_source() -> None:
    sources = Sources(["127.0.0.1", "127.0.0.2"])

    with pytest.raises(LoadError, match="Connection refused"):
        open_client(WebSocketAddress("127.0.0.1", 1, "/live"), sources)

    assert sources.current == "127.0.0.1"
