"""Sockets for this machine alone: an address that is taken shifts, for several processes at once too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gevent import socket

from nuphar import CannotListen, UsageError
from nuphar.supervision.watch import loopback
from nuphar.supervision.watch.loopback import listen_near


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_port_that_is_taken_shifts_to_the_next_one_that_is_free(sockets: ExitStack) -> None:
    first = sockets.enter_context(listen_near("127.0.0.1:0"))
    port = first.getsockname()[1]
    others = [sockets.enter_context(listen_near(f"127.0.0.1:{port}")) for _ in range(3)]
    ports = [other.getsockname()[1] for other in others]
    assert port < ports[0] < ports[1] < ports[2] < port + loopback.NEIGHBOURS


def test_a_path_whose_owner_listens_is_not_taken_from_it(sockets: ExitStack, tmp_path: Path) -> None:
    path = str(tmp_path / "inspect.sock")
    names = [sockets.enter_context(listen_near(f"unix:{path}")).getsockname() for _ in range(3)]
    assert names == [path, f"{path}.1", f"{path}.2"]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)


def test_a_socket_that_was_left_is_taken_and_a_file_is_not(sockets: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "inspect.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert sockets.enter_context(listen_near(f"unix:{path}")).getsockname() == str(path)
    text = tmp_path / "notes.txt"
    text.write_text("mine")
    assert sockets.enter_context(listen_near(f"unix:{text}")).getsockname() == f"{text}.1"
    assert text.read_text() == "mine"


def test_a_queue_that_is_full_means_that_somebody_listens(sockets: ExitStack, tmp_path: Path) -> None:
    path = str(tmp_path / "inspect.sock")
    busy = sockets.enter_context(socket.socket(socket.AF_UNIX))
    busy.bind(path)
    busy.listen(0)
    waiting = sockets.enter_context(socket.socket(socket.AF_UNIX))
    waiting.setblocking(False)
    waiting.connect_ex(path)
    assert sockets.enter_context(listen_near(f"unix:{path}")).getsockname() == f"{path}.1"


def test_when_all_are_taken_the_first_is_named(
    sockets: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "NEIGHBOURS", 2)
    path = str(tmp_path / "inspect.sock")
    for _ in range(2):
        sockets.enter_context(listen_near(f"unix:{path}"))
    with pytest.raises(CannotListen, match=r"cannot listen at unix:.*inspect\.sock: Address already in use"):
        listen_near(f"unix:{path}")


def test_a_folder_that_somebody_keeps_locked_does_not_hold_us_up_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "TRIES", 2)
    monkeypatch.setattr(loopback, "NEIGHBOURS", 1)
    with loopback._locked(str(tmp_path)), pytest.raises(CannotListen, match="already in use"):
        listen_near(f"unix:{tmp_path / 'inspect.sock'}")


def test_many_processes_at_once_over_what_a_dead_one_left_get_one_each(tmp_path: Path) -> None:
    path = tmp_path / "inspect.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    code = (
        "import sys; from nuphar.supervision.watch.loopback import listen_near\n"
        "sys.stdin.readline(); it = listen_near(sys.argv[1])\n"
        "print(it.getsockname(), flush=True); sys.stdin.readline(); it.close()"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"unix:{path}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    names = [process.stdout.readline().strip() for process in processes if process.stdout is not None]
    for process in processes:
        process.communicate("end\n", timeout=30)
    assert sorted(names) == [str(path), f"{path}.1", f"{path}.2", f"{path}.3"]


@pytest.mark.parametrize("address", ["127.0.0.1:70000", "0.0.0.0:9100", "unix", "9100"])
def test_what_is_no_address_of_this_machine_alone_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="option inspect: expected"):
        listen_near(address)
