"""TLS handshakes that do not end, or end badly."""

from __future__ import annotations

import logging
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as gevent_socket
from gevent import ssl as gevent_ssl
from gevent.pool import Pool

from nuphar.transport.handler import WSGIHandler, WSGIServer

LIMIT = 10.0  # seconds that any wait here may take
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20)
"""The begin of a ClientHello."""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=LIMIT)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@pytest.fixture
def requests() -> Pool:
    return Pool()


@pytest.fixture
def port(context: Any, requests: Pool) -> Iterator[int]:
    def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Connection", "close")])
        return [b"hello"]

    server = WSGIServer(
        ("127.0.0.1", 0), hello, handler_class=WSGIHandler, log=None, spawn=requests, ssl_context=context
    )
    server.greeting = 0.1
    server.start()
    with gevent.Timeout(LIMIT):
        yield int(server.server_port)
    server.stop(timeout=1)


def test_a_client_that_greets_well_is_served(port: int) -> None:
    trusting = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    plain = gevent_socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    with trusting.wrap_socket(plain) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"".join(iter(lambda: sock.recv(65536), b"")).endswith(b"hello")


@pytest.mark.parametrize("begun", [b"", HELLO[:6], HELLO], ids=["no byte", "half a record", "half a hello"])
def test_a_handshake_that_does_not_end_is_given_up_with_a_line_in_the_log(
    port: int, requests: Pool, begun: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        caplog.at_level(logging.INFO, "nuphar.transport"),
        gevent_socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock,
    ):
        sock.sendall(begun)
        assert sock.recv(1) == b""
    assert requests.join(LIMIT)
    assert "the TLS handshake of ('127.0.0.1', " in caplog.text
    assert "expected it within 0.1 s" in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00" * 50], ids=["plain HTTP", "zeros"])
def test_what_is_no_tls_is_a_line_in_the_log(
    port: int, requests: Pool, said: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        caplog.at_level(logging.INFO, "nuphar.transport"),
        gevent_socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock,
    ):
        sock.sendall(said)
        while True:
            try:
                if not sock.recv(1000):
                    break
            except ConnectionResetError:
                break
    assert requests.join(LIMIT)
    assert "the TLS handshake of ('127.0.0.1', " in caplog.text
    assert capfd.readouterr().err == ""


def test_a_client_that_resets_within_its_handshake_is_no_traceback(
    port: int, requests: Pool, capfd: pytest.CaptureFixture[str]
) -> None:
    import socket
    import struct

    sock = gevent_socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    sock.sendall(HELLO)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    gevent.idle()
    assert requests.join(LIMIT)
    assert capfd.readouterr().err == ""


def test_every_server_of_ours_has_the_limit() -> None:
    """What `nuphar.serve`, its workers and gunicorn's worker run."""
    from nuphar.supervision.serving.worker import DrainingServer
    from nuphar.transport.server.wsgi_server import TlsGreeting

    assert issubclass(DrainingServer, TlsGreeting)
    pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
    from nuphar.transport.gunicorn import Worker

    assert issubclass(Worker.server_class, TlsGreeting)
