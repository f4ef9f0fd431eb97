"""A Flask application with `nuphar.Live` around it, under gevent's own server and under gunicorn."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support.raw import Closed, RawClient, request
from support.serving import Program, eventually, program

pytest.importorskip("flask", reason="the extra nuphar[dev] is not installed")

SERVICE = """
import os
from flask import Flask
import nuphar

server = nuphar.Server()
counter = server.topic("counter").with_store(nuphar.Store(0, lambda model, message: model + message))
flask = Flask(__name__)

@flask.get("/")
def page():
    return f"{os.getpid()} {server.is_running} {counter.model}"

@flask.post("/add")
def add():
    counter.dispatch(5)
    return str(counter.model)

app = nuphar.Live(server, flask)
"""

PYWSGI = """
from gevent.pywsgi import WSGIServer
from service import app
from nuphar.transport.handler import Handler

wsgi = WSGIServer(("127.0.0.1", 0), app, handler_class=Handler, log=None)
wsgi.start()
print(f"Listening at: http://127.0.0.1:{wsgi.server_port}", flush=True)
wsgi.serve_forever()
"""


@pytest.fixture(params=["pywsgi", "gunicorn"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Program]:
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "pywsgi.py").write_text(PYWSGI)
    if request.param == "gunicorn":
        pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
    with start(request.param, tmp_path) as process:
        yield process


def start(kind: str, folder: Path, *options: str) -> AbstractContextManager[Program]:
    if kind == "pywsgi":
        return program("pywsgi.py", cwd=folder)
    worker = "nuphar.transport.gunicorn.Worker"
    return program(
        *("-m", "gunicorn", "-k", worker, "-b", "127.0.0.1:0", "--graceful-timeout", "20", *options, "service:app"),
        cwd=folder,
        XDG_RUNTIME_DIR=str(folder),
    )


def port(process: Program) -> int:
    return int(process.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])


def test_http_and_websockets_share_one_port_and_one_model(service: Program) -> None:
    address = port(service)
    status, _, body = request(address, "/")
    assert status == 200
    assert body.split()[1:] == [b"True", b"0"], "the server starts with the first request"
    with RawClient(address) as client:
        client.subscribe("topic:counter")
        assert request(address, "/add", "POST")[2] == b"5"
        assert client.receive() == [19, "topic:counter", 1, 5]
        client.post("topic:counter", 2)
        assert client.receive()[:3] == [17, "topic:counter", 2]
        assert request(address, "/")[2].split()[2] == b"7"
    assert request(address, "/live/nuphar.js")[0] == 200
    assert request(address, "/live")[0] == 426
    assert request(address, "/nowhere")[0] == 404


def test_a_websocket_may_be_the_first_request(service: Program) -> None:
    with RawClient(port(service)) as client:
        assert client.subscribe("topic:counter")[0][4] == 0
        client.close()


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Program]:
    pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
    (tmp_path / "service.py").write_text(SERVICE)
    with start("gunicorn", tmp_path) as process:
        yield process


def test_sigterm_to_gunicorn_says_bye_to_everybody_and_ends_below_its_graceful_timeout(gunicorn: Program) -> None:
    address = port(gunicorn)
    clients = [RawClient(address) for _ in range(5)]
    for client in clients:
        client.subscribe("topic:counter")
    begin = time.monotonic()
    gunicorn.signal(signal.SIGTERM)
    for client in clients:
        final, bye, closed = client.receive_all()
        assert final == [17, "topic:counter", 0, [], True]
        assert bye[0] == 26
        assert closed == Closed(1001, "the server stops")
        client.close()
    assert gunicorn.wait(timeout=15) == 0
    assert time.monotonic() - begin < 10
    assert "Traceback" not in gunicorn.output


def test_sigterm_ends_gunicorn_although_a_client_never_answers(gunicorn: Program) -> None:
    client = RawClient(port(gunicorn))
    client.subscribe("topic:counter")
    begin = time.monotonic()
    gunicorn.signal(signal.SIGTERM)
    assert gunicorn.wait(timeout=15) == 0
    assert time.monotonic() - begin < 10
    assert [frame[0] for frame in client.receive_all()[:2]] == [17, 26]


def test_sighup_to_gunicorn_sends_its_clients_to_a_new_worker(gunicorn: Program) -> None:
    address = port(gunicorn)
    old = request(address, "/")[2].split()[0]
    client = RawClient(address)
    gunicorn.signal(signal.SIGHUP)
    bye, closed = client.receive_all()
    assert (bye[0], closed.code) == (26, 1001)
    client.close()
    # For a moment the old worker accepts still; whoever gets there is told to come back.
    while True:
        with RawClient(address, greet=False) as again:
            again.send([1, 1, None, None, {}, {}])
            answer = again.receive()
            again.close()
        if not isinstance(answer, Closed):
            break
        assert answer.code == 4500
    assert answer[0] == 16
    eventually(lambda: request(address, "/")[2].split()[0] != old)


def test_gunicorns_plain_gevent_worker_answers_501_with_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
    (tmp_path / "service.py").write_text(SERVICE)
    options = ("-m", "gunicorn", "-k", "gevent", "-b", "127.0.0.1:0", "service:app")
    with program(*options, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as process:
        address = port(process)
        assert request(address, "/")[0] == 200
        status, _, body = request(address, "/live")
        assert status == 501
        assert b"nuphar.transport.gunicorn.Worker" in body
        process.signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
