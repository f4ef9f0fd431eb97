"""Under a real gunicorn: whoever started the server, the worker that serves it ends it, and says Bye."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from support.raw import Closed, RawClient, request
from support.serving import Program, program

pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")

SERVICE = """
import os
import nuphar

server = nuphar.Server()
counter = server.topic("counter").with_store(nuphar.Store(0, lambda model, message: model + message))

def page(environ, start_response):
    body = f"{os.getpid()} {counter.model}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]

app = nuphar.Live(server, page)
"""
PATCHED = "from gevent import monkey; monkey.patch_all()\n"
STARTED = "server.start()\ncounter.dispatch(7)\n"


@contextmanager
def gunicorn(folder: Path, text: str, *options: str) -> Iterator[Program]:
    (folder / "service.py").write_text(text)
    worker = ("-k", "nuphar.transport.gunicorn.Worker", "-b", "127.0.0.1:0", "--graceful-timeout", "20")
    arguments = ("-m", "gunicorn", *worker, *options, "service:app")
    with program(*arguments, cwd=folder, XDG_RUNTIME_DIR=str(folder)) as process:
        yield process


def port(process: Program) -> int:
    return int(process.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])


def check_bye(client: RawClient, seq: int) -> None:
    final, bye, closed = client.receive_all()
    assert final == [17, "topic:counter", seq, [], True]
    assert bye[0] == 26
    assert closed == Closed(1001, "the server stops")
    client.close()


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
@pytest.mark.parametrize("start", ["", STARTED], ids=["by the first request", "by the program"])
def test_sigterm_says_bye_whoever_started_the_server(tmp_path: Path, start: str, preload: tuple[str, ...]) -> None:
    with gunicorn(tmp_path, PATCHED + SERVICE + start, *preload) as process:
        client = RawClient(port(process))
        seq = client.subscribe("topic:counter")[0][3]
        process.signal(signal.SIGTERM)
        check_bye(client, seq)
        assert process.wait(timeout=15) == 0
    assert "Traceback" not in process.output


def test_first_clients_that_come_together_find_one_tree_and_all_hear_bye(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SERVICE) as process:
        address = port(process)

        def come() -> RawClient:
            client = RawClient(address)
            client.subscribe("topic:counter")
            return client

        clients = [coming.get(timeout=20) for coming in [gevent.spawn(come) for _ in range(5)]]
        process.signal(signal.SIGTERM)
        for client in clients:
            check_bye(client, 0)
        assert process.wait(timeout=15) == 0
    assert "Traceback" not in process.output
    assert "crashed" not in process.output


def test_a_quick_end_says_bye_too(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SERVICE) as process:
        client = RawClient(port(process))
        client.subscribe("topic:counter")
        process.signal(signal.SIGQUIT)
        check_bye(client, 0)
        assert process.wait(timeout=15) == 0


def test_a_worker_whose_master_is_gone_says_bye(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SERVICE) as process:
        client = RawClient(port(process))
        client.subscribe("topic:counter")
        process.signal(signal.SIGKILL)
        check_bye(client, 0)


def test_a_module_that_is_preloaded_without_patching_first_is_warned_of(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SERVICE, "--preload") as process:
        address = port(process)
        process.wait_for("--preload: the application was imported before this worker patched the process")
        assert request(address, "/")[0] == 200
        process.signal(signal.SIGTERM)
        process.wait(timeout=15)
    with gunicorn(tmp_path, PATCHED + SERVICE, "--preload") as process:
        assert request(port(process), "/")[0] == 200
        process.signal(signal.SIGTERM)
        process.wait(timeout=15)
    assert "--preload" not in process.output


def test_max_requests_has_no_effect_and_the_worker_says_so(tmp_path: Path) -> None:
    with gunicorn(tmp_path, SERVICE, "--max-requests", "2") as process:
        address = port(process)
        client = RawClient(address)
        client.subscribe("topic:counter")
        answers = {request(address, "/")[2] for _ in range(6)}
        assert len(answers) == 1, "the same process answers"
        client.post("topic:counter", 3)
        assert client.receive()[:3] == [17, "topic:counter", 1]
        client.close()
        process.signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    assert "--max-requests has no effect" in process.output
