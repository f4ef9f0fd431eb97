"""Our worker class under a real gunicorn, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")

LIMIT = 30.0  # seconds that any wait here may take
SOURCE = Path(__file__).parents[2] / "src"
APPLICATION = """
from nuphar.transport.wire.origin import Origins
from nuphar.transport.wire.upgrade import Decline

def app(environ, start_response):
    if environ["PATH_INFO"] != "/live":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]
    websocket = environ["nuphar.upgrade"](Origins())
    if isinstance(websocket, Decline):
        start_response(websocket.status, list(websocket.headers))
        return [websocket.body]
    while (messages := websocket.receive()) is not None:
        for message in messages:
            websocket.send(message)
    return []
"""


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    (tmp_path / "service.py").write_text(APPLICATION)
    options = [
        "-k",
        "nuphar.transport.gunicorn.Worker",
        "-b",
        "127.0.0.1:0",
        "--access-logfile",
        "-",
        "service:app",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SOURCE), "XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        if process.poll() is None:
            process.kill()


def port(process: subprocess.Popen[str]) -> int:
    """Read the log up to the line that names the port."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError("gunicorn did not start:\n" + "".join(lines))


def test_a_stock_client_talks_and_the_access_log_tells_of_it(gunicorn: subprocess.Popen[str]) -> None:
    address = f"ws://127.0.0.1:{port(gunicorn)}/live"

    with connect(address, subprotocols=["nuphar.v1.cbor"], open_timeout=LIMIT, proxy=None) as connection:  # type: ignore[list-item]
        connection.send(b"hello")
        assert connection.recv(timeout=LIMIT) == b"hello"
        assert connection.subprotocol == "nuphar.v1.cbor"
        connection.close(4000)
        assert connection.close_code == 4000
    gunicorn.send_signal(signal.SIGTERM)
    output, errors = gunicorn.communicate(timeout=LIMIT)

    assert gunicorn.returncode == 0
    assert '"GET /live HTTP/1.1" 101' in output
    assert "Traceback" not in errors
