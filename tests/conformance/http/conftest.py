"""One server under each WSGI server, and a client that sends raw bytes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from gevent import socket as gevent_socket
from support.raw import WAIT
from support.serving import Program, free_port, program

SERVE = """
import nuphar.transport.handler as door
from conformance.http.application import live
server = door.WSGIServer(("127.0.0.1", {port}), live, handler_class=door.WSGIHandler, log=None)
server.start()
print("Listening", flush=True)
server.serve_forever()
"""


class Site:
    """A running server."""

    def __init__(self, port: int, program: Program) -> None:
        self.port = port
        self.program = program

    def ask(self, request: bytes) -> bytes:
        """Send a raw request, and return all that comes up to the end of TCP."""
        with gevent_socket.create_connection(("127.0.0.1", self.port), timeout=WAIT) as sock:
            sock.sendall(request)
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def say(self, request: bytes) -> Any:
        """Send a request that is right and asks to close, and return what the application says of it."""
        head, _, body = self.ask(request).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        return json.loads(body)

    def seen(self) -> list[str]:
        """What the application has seen so far."""
        return list(self.say(b"GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))


@pytest.fixture(scope="module", params=["pywsgi", "gunicorn"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    port = free_port()
    if request.param == "pywsgi":
        arguments = ["-c", SERVE.format(port=port)]
    else:
        pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
        worker = ["-k", "nuphar.transport.gunicorn.Worker", "-b", f"127.0.0.1:{port}", "--access-logfile", "-"]
        arguments = ["-m", "gunicorn", *worker, "conformance.http.application:live"]
    runtime = str(tmp_path_factory.mktemp("run"))
    with program(*arguments, XDG_RUNTIME_DIR=runtime) as running:
        running.wait_for("Booting worker|Listening$", 30.0)
        if request.param == "gunicorn":
            wait_for_port(port)
        yield Site(port, running)
        running.signal(signal.SIGTERM)
        running.wait()
        assert "Traceback" not in running.output, running.output[running.output.find("Traceback") :][:4000]


def wait_for_port(port: int) -> None:
    """Wait until somebody answers: gunicorn's worker says nothing when it is ready."""
    with gevent_socket.create_connection(("127.0.0.1", port), timeout=WAIT) as sock:
        sock.sendall(b"GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert sock.recv(100)
