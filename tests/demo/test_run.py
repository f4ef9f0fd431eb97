from __future__ import annotations

import socket
import subprocess
import sys

from nuphar.demo import make_server
from nuphar.demo.board import FIRST_BOARD


def run_demo(host: str, port: int) -> subprocess.CompletedProcess[str]:
    """Run the demo where it cannot run, and return what it said."""
    program = f"from nuphar.demo import run_demo; run_demo({host!r}, {port})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)


def test_a_taken_port_is_named_together_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_demo("127.0.0.1", port)
    assert result.returncode == 1
    assert result.stderr == f"port {port} on 127.0.0.1 is taken; choose another: nuphar demo --port {port + 1}\n"


def test_an_address_that_is_not_ours_is_named() -> None:
    result = run_demo("192.0.2.1", 8000)  # RFC 5737: for documentation, nobody's
    assert result.returncode == 1
    assert result.stderr.startswith("cannot listen at 192.0.2.1:8000: ")


def test_the_server_has_the_first_board_and_nobody_on_it() -> None:
    topics = make_server().directory.topics
    assert sorted(topics) == ["board", "hands", "people"]
    assert topics["board"].target.order is not None
    assert topics["board"].target.order.position.model == FIRST_BOARD
