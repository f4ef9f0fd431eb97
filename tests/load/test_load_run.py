"""Real runs over real sockets; the only time that passes is theirs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from click.testing import CliRunner, Result
from gevent.pywsgi import WSGIServer
from support.serving import listen

import nuphar
from nuphar.load import add_topics
from nuphar.load.command import load
from nuphar.load.own_server import OwnServer
from nuphar.load.plan import Plan
from nuphar.load.progress import RunProgress
from nuphar.load.run import Run
from nuphar.transport.server.wsgi_handler import WSGIHandler

SOURCE = Path(__file__).parents[2] / "src"
SMALL = ("--clients", "20", "--topics", "4")
ZEROS = ("lost", "duplicated", "disordered", "diverged", "rejected", "disconnects")


def run(*options: str) -> Result:
    return CliRunner().invoke(load, options)


def outcome(*options: str) -> dict[str, Any]:
    done = run(*options, "--json")
    assert done.exit_code == 0, done.output
    numbers: dict[str, Any] = json.loads(done.stdout)
    assert done.stderr == ""
    return numbers


@pytest.fixture
def elsewhere() -> Iterator[tuple[nuphar.Server, str]]:
    """A server that is not the run's own, without the load topics."""
    with nuphar.Server() as server:
        wsgi = WSGIServer(("127.0.0.1", 0), nuphar.Live(server), handler_class=WSGIHandler, log=None)
        wsgi.start()
        try:
            yield server, f"ws://127.0.0.1:{wsgi.server_port}"
        finally:
            wsgi.stop()


def test_everybody_gets_everything() -> None:
    numbers = outcome(*SMALL, "--seconds", "0.5", "--rate", "200")

    assert {name: numbers[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert (numbers["acknowledged"], numbers["delivered"]) == (100, 400)
    assert numbers["final_acknowledges"] == 20
    assert 0 < numbers["p50_ms"] <= numbers["p99_ms"]


def test_killed_actors_cost_nobody_anything() -> None:
    numbers = outcome(*SMALL, "--seconds", "0.9", "--rate", "200", "--kill", "0.2")

    assert {name: numbers[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert (numbers["acknowledged"], numbers["delivered"]) == (180, 720)
    assert numbers["final_acknowledges"] == 20
    assert numbers["kills"] >= 5


def test_cut_lines_cost_nobody_anything() -> None:
    numbers = outcome(*SMALL, "--seconds", "1.5", "--rate", "100", "--flaky", "0.4")

    assert {name: numbers[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert numbers["acknowledged"] >= 150  # and those with which a line was cut
    assert numbers["delivered"] == 4 * numbers["acknowledged"]
    assert numbers["final_acknowledges"] == 20
    assert numbers["cuts"] >= 20


def test_a_session_that_is_not_resumed_is_not_good() -> None:
    with nuphar.Server(resume_window=0) as server:
        add_topics(server)
        url = f"ws://127.0.0.1:{listen(server)}/live"

        result = Run(Plan(4, 2, 1.0, 20.0, url, flaky=0.2)).run()

    assert result.disconnects
    assert "a client was disconnected: the server did not resume the session" in result.all_remarks()


def test_a_client_that_finds_no_way_back_is_not_good() -> None:
    with nuphar.Server() as server:
        add_topics(server)
        wsgi = WSGIServer(("127.0.0.1", 0), nuphar.Live(server), handler_class=WSGIHandler, log=None)
        wsgi.start()

        def close(progress: RunProgress) -> None:
            if progress.phase == "posting":
                wsgi.close()

        result = Run(Plan(4, 2, 1.0, 20.0, f"ws://127.0.0.1:{wsgi.server_port}/live", flaky=0.3), close).run()
        wsgi.stop()

    assert result.disconnects
    assert any("cannot reach" in remark for remark in result.all_remarks())


def test_more_topics_than_clients_leave_some_empty() -> None:
    numbers = outcome("--clients", "2", "--topics", "5", "--seconds", "0.2", "--rate", "20")

    assert (numbers["acknowledged"], numbers["delivered"], numbers["final_acknowledges"]) == (4, 0, 2)


def test_another_server_is_used_and_not_stopped(elsewhere: tuple[nuphar.Server, str]) -> None:
    server, url = elsewhere
    add_topics(server)

    numbers = outcome(*SMALL, "--seconds", "0.2", "--rate", "100", "--url", f"{url}/live")

    assert {name: numbers[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert (numbers["acknowledged"], numbers["delivered"], numbers["final_acknowledges"]) == (20, 80, 0)
    assert server.is_running


def test_a_second_run_goes_on_from_the_models_of_the_first(elsewhere: tuple[nuphar.Server, str]) -> None:
    server, url = elsewhere
    add_topics(server)
    options = ("--clients", "4", "--topics", "2", "--seconds", "0.1", "--rate", "80", "--url", f"{url}/live")

    outcome(*options)

    assert outcome(*options)["diverged"] == 0


def test_a_server_without_load_topics_is_named(elsewhere: tuple[nuphar.Server, str]) -> None:
    _, url = elsewhere

    done = run(*SMALL, "--url", f"{url}/live")

    assert done.exit_code == 2
    assert "Error: client 0 cannot subscribe to topic:load:0: not_found: " in done.stderr


def test_topics_with_another_model_are_named(elsewhere: tuple[nuphar.Server, str]) -> None:
    server, url = elsewhere
    server.topic_kind("load:", store=nuphar.Store("text", lambda model, message: model))

    done = run(*SMALL, "--url", f"{url}/live")

    assert done.exit_code == 2
    assert "has no model [count, checksum]: add its topics with nuphar.load.add_topics" in done.stderr


def test_a_path_without_websockets_is_named(elsewhere: tuple[nuphar.Server, str]) -> None:
    _, url = elsewhere

    done = run(*SMALL, "--url", f"{url}/nothing")

    assert done.exit_code == 2
    assert f"Error: {url}/nothing refused the upgrade with 404 Not Found: there is nothing here\n" in done.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    done = run(*SMALL, "--url", "ws://127.0.0.1:1/live")

    assert done.exit_code == 2
    assert "Error: cannot reach ws://127.0.0.1:1/live: Connection refused\n" in done.stderr


def test_numbers_that_make_no_run_are_one_line() -> None:
    done = run("--clients", "0")

    assert (done.exit_code, done.stderr) == (2, "Error: --clients: expected at least 1, got 0\n")


def test_a_run_that_lost_its_clients_is_not_good(elsewhere: tuple[nuphar.Server, str]) -> None:
    server, url = elsewhere
    add_topics(server)

    def cut(progress: RunProgress) -> None:
        if progress.phase == "posting":
            for connection in list(server.gateway.connections)[:2]:
                connection.abort()

    result = Run(Plan(6, 2, 0.5, 60.0, f"{url}/live"), cut).run()

    assert result.disconnects >= 2
    assert not result.is_good
    assert any("a client was disconnected: " in remark for remark in result.all_remarks())


def test_a_run_that_is_over_early_counts_what_there_is() -> None:
    def end(progress: RunProgress) -> None:
        if progress.phase == "posting":
            load_run.over.set()

    load_run = Run(Plan(8, 2, seconds=60.0, rate=400.0), end)
    result = load_run.run()

    assert result.seconds < 30
    assert result.is_good
    assert result.counts.final_acknowledges == 8


def test_a_run_that_is_over_before_it_begins_leaves_nothing_behind() -> None:
    load_run = Run(Plan(8, 2))
    load_run.over.set()

    result = load_run.run()

    assert (result.subscriptions, result.counts.posted, result.is_good) == (0, 0, True)


def test_ctrl_c_ends_a_run_early_and_shows_its_table() -> None:
    command = [sys.executable, "-m", "nuphar", "load", *SMALL, "--seconds", "60"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            next(line for line in process.stderr if line.startswith("posting"))
            process.send_signal(signal.SIGINT)
            table = process.stdout.read()
            assert process.wait() == 0
        finally:
            process.kill()
    assert "20 of 20" in table


def test_an_own_server_ends_with_the_pipe_to_it() -> None:
    server = OwnServer()

    server.end()

    assert server.returncode == 0


def test_progress_is_a_plain_line_outside_of_a_terminal() -> None:
    done = run("--clients", "2", "--topics", "1", "--seconds", "0.1")

    assert done.exit_code == 0
    assert done.stderr.splitlines()[0] == (
        "starting: 0 of 1, 0 connected, 0 messages/s acknowledged, 0 deliveries/s, - ms p50, - ms p99, 0 errors"
    )
    assert "diverged models" in done.stdout
    assert "from post to acknowledge" in done.stdout


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Ctrl-C is Python's again after a run."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    gevent.sleep(0)
    assert signal.getsignal(signal.SIGINT) is handler
