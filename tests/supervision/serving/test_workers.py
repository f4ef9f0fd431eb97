"""``nuphar serve --workers``: a real master with real workers on one port."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from support.raw import Closed, RawClient, request
from support.serving import Program, eventually, free_port, in_thread, program

from nuphar import Client, Store, UsageError
from nuphar.supervision.serving.workers import reserve, serve_workers

WAIT = 20.0  # seconds that anything here may take on a slow machine
BACK = 3.0  # seconds until a client is live again after its worker was killed

PROGRAM = """
import os
import gevent
import nuphar

server = nuphar.Server()
server.topic("pid").with_store(nuphar.Store(os.getpid(), lambda model, message: model))

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/stop":
        gevent.spawn(server.stop)
    return [f"{os.getpid()} {VERSION}".encode()]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, PROGRAM + "VERSION = 1\n")
    return tmp_path


def write(folder: Path, code: str) -> None:
    """Write the program anew; of another length each time, or Python might run what it compiled before."""
    (folder / "workers_app.py").write_text(code)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Program, int]]:
    """Run a master with two workers, and return it with its port."""
    arguments = ["serve", "workers_app:server", "--app", "workers_app:app", "--port", "0", "--workers", "2"]
    with program("-m", "nuphar", *arguments, cwd=folder) as master:
        yield master, int(master.wait_for(r":(\d+)/live with 2 workers", WAIT)[1])


def workers_of(master: Program) -> set[int]:
    pid = master.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def answer(port: int, path: str = "/who") -> tuple[int, int]:
    """Ask one of the workers, over a connection of its own, for its process id and its version of the program."""
    pid, version = request(port, path)[2].split()
    return int(pid), int(version)


def answers(port: int) -> set[tuple[int, int]]:
    """Ask until two have answered, or 60 times in vain."""
    found: set[tuple[int, int]] = set()
    for _ in range(60):
        found.add(answer(port))
        if len(found) == 2:
            break
    return found


@pytest.fixture
def connect() -> Iterator[Callable[[int], Client]]:
    """A function that connects clients, which are closed at the end."""
    clients: list[Client] = []

    def connect(port: int) -> Client:
        pid = Store(0, lambda model, message: model)
        clients.append(Client(f"ws://127.0.0.1:{port}/live", stores={"pid": pid}, runtime="greenlets"))
        return clients[-1].wait_live(WAIT)

    yield connect
    for client in clients:
        client.close()


def test_two_workers_share_the_port_and_stop_with_bye_and_exit_code_0(folder: Path) -> None:
    with serving(folder) as (master, port):
        assert {pid for pid, _ in answers(port)} == workers_of(master)
        clients = [RawClient(port) for _ in range(4)]
        master.signal(signal.SIGTERM)
        frames = [client.receive_all() for client in clients]
        for client in clients:
            client.sock.close()
        assert in_thread(master.wait, WAIT) == 0
    for *_, bye, closed in frames:
        assert bye[0] == 26
        assert closed == Closed(1001, "the server stops")
    assert "Traceback" not in master.output


def test_a_killed_worker_comes_back_and_only_its_own_clients_notice(
    folder: Path, connect: Callable[[int], Client]
) -> None:
    with serving(folder) as (master, port):
        clients: list[Client] = []
        while len({client.model("pid") for client in clients}) < 2 or len(clients) < 6:
            clients.append(connect(port))
        victim = clients[0].model("pid")
        before = workers_of(master)
        theirs = [client for client in clients if client.model("pid") == victim]
        others = [client for client in clients if client.model("pid") != victim]
        changes: list[Any] = []
        for client in others:
            client.on_change(lambda *change: changes.append(change))
        os.kill(victim, signal.SIGKILL)
        for client in theirs:
            client.wait_until(lambda client: client.is_live and client.model("pid") != victim, BACK)
        eventually(lambda: len(workers_of(master) - {victim}) == 2, WAIT)
        assert len(workers_of(master) & before) == 1
        eventually(lambda: {pid for pid, _ in answers(port)} == workers_of(master), WAIT)
        assert changes == []
        assert all(client.is_live for client in others)
        for client in clients:
            client.close()
        master.signal(signal.SIGINT)
        assert in_thread(master.wait, WAIT) == 0


def test_sighup_replaces_all_workers_by_new_code_and_no_connection_is_refused(folder: Path) -> None:
    with serving(folder) as (master, port):
        before = workers_of(master)
        client = RawClient(port)
        write(folder, PROGRAM + "VERSION = 22\n")
        heard: list[tuple[int, int]] = []
        is_over = False

        def ask() -> None:
            while not is_over:
                heard.append(answer(port))

        asking = [gevent.spawn(ask) for _ in range(2)]
        master.signal(signal.SIGHUP)
        eventually(lambda: len(workers_of(master)) == 2 and not workers_of(master) & before, WAIT)
        is_over = True
        gevent.joinall(asking, WAIT, raise_error=True)
        assert {version for _, version in heard} == {1, 22}
        assert answers(port) == {(pid, 22) for pid in workers_of(master)}
        *_, bye, closed = client.receive_all()
        client.sock.close()
        assert (bye[0], closed) == (26, Closed(1001, "the server stops"))
        master.signal(signal.SIGTERM)
        assert in_thread(master.wait, WAIT) == 0


def test_new_code_that_does_not_start_leaves_the_old_workers_as_they_are(folder: Path) -> None:
    with serving(folder) as (master, port):
        before = workers_of(master)
        write(folder, "raise ValueError('a bad day')\n")
        master.signal(signal.SIGHUP)
        in_thread(master.wait_for, "worker-1 stays, because its successor did not start: ValueError: a bad day", WAIT)
        assert {version for _, version in answers(port)} == {1}
        assert workers_of(master) == before


def test_a_worker_whose_server_ends_by_itself_is_replaced(folder: Path) -> None:
    with serving(folder) as (master, port):
        gone, _ = answer(port, "/stop")
        eventually(lambda: len(workers_of(master) - {gone}) == 2, WAIT)
        assert master.process.poll() is None


def test_when_the_master_is_killed_its_workers_end(folder: Path) -> None:
    with serving(folder) as (master, port):
        workers = workers_of(master)
        client = RawClient(port)
        master.signal(signal.SIGKILL)
        *_, bye, closed = client.receive_all()
        client.sock.close()
        assert (bye[0], closed) == (26, Closed(1001, "the server stops"))
        eventually(lambda: not any(map(is_running, workers)), WAIT)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["workers_app:nobody"], 2, "Error: the module 'workers_app' has no 'nobody'"),
        (["workers_app:app"], 2, "Error: workers_app:app: expected a nuphar.Server, got function"),
        (["nowhere:server"], 2, "Error: there is no module 'nowhere' in "),
        (["workers_broken:server"], 1, "Traceback"),
    ],
)
def test_a_worker_that_cannot_start_at_all_ends_the_master(
    folder: Path, arguments: list[str], code: int, line: str
) -> None:
    (folder / "workers_broken.py").write_text("import there_is_no_such_module\n")
    with program("-m", "nuphar", "serve", *arguments, "--port", "0", "--workers", "2", cwd=folder) as master:
        assert in_thread(master.wait, WAIT) == code
    assert master.output.startswith(line)
    if code == 2:
        assert master.output.count("\n") == 1
    else:
        assert master.output.rstrip().endswith("No module named 'there_is_no_such_module'")


def test_a_port_that_is_taken_is_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with program("-m", "nuphar", "serve", "workers_app:server", "--port", port, "--workers", "2", cwd=folder) as it:
            assert in_thread(it.wait, WAIT) == 2
    assert it.output == (
        f"Error: cannot listen at 127.0.0.1:{port}: Address already in use: "
        "somebody listens there already (`ss -ltnp` names who): stop it, or take another port\n"
    )


def test_each_worker_has_an_inspector_at_the_one_address_that_the_program_names(folder: Path) -> None:
    port = free_port()
    write(folder, PROGRAM.replace("nuphar.Server()", f"nuphar.Server(inspect='127.0.0.1:{port}')") + "VERSION = 100\n")
    with serving(folder) as (master, _):
        inspected: dict[int, int] = {}
        for near in range(port, port + 64):
            try:
                inspected[near] = json.loads(request(near, "/")[2])["process"]
            except (OSError, ValueError, KeyError):
                continue
            if len(inspected) == 2:
                break
        assert set(inspected.values()) == workers_of(master)
        assert port in inspected


def test_another_master_s_port_is_taken_too() -> None:
    with reserve("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with socket.socket() as worker:
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            worker.bind(("127.0.0.1", port))
            worker.listen()
            with pytest.raises(OSError):
                reserve("127.0.0.1", port)


@pytest.mark.parametrize("workers", [0, -1, True, "2"])
def test_the_number_of_workers_is_a_number_above_0(workers: Any) -> None:
    with pytest.raises(UsageError, match="workers: expected a number above 0, got"):
        serve_workers("workers_app:server", workers=workers)


def test_a_system_that_cannot_share_a_port_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(UsageError, match="it has no SO_REUSEPORT"):
        serve_workers("workers_app:server", workers=2)
