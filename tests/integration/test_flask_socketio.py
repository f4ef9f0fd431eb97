"""Flask-SocketIO beside Nuphar, in one process under a real gunicorn, with gevent-websocket installed.

python-engineio, on which Flask-SocketIO stands, sees that gevent-websocket is installed, and then takes WebSockets from
its handler alone. Its own client and ours are at work at the same time, over each transport.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.raw import Closed, RawClient, request
from support.serving import Program, eventually, program

import nuphar
from nuphar.transport import http_client

pytest.importorskip("flask_socketio", reason="the extra nuphar[dev] is not installed")
pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
pytest.importorskip("geventwebsocket")

OURS = "nuphar.transport.gunicorn.Worker"
THEIRS = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
WORKERS = [OURS, "gevent", "gevent_pywsgi", THEIRS]
LIMIT = 30.0  # seconds that any wait here may take

ADDING = nuphar.Store(0, lambda model, message: model + message)

SERVICE = """
import nuphar, simple_websocket
from flask import Flask, Response, request
from flask_socketio import SocketIO

server = nuphar.Server()
counter = server.topic("counter").with_store(nuphar.Store(0, lambda model, message: model + message))
site = Flask(__name__)

@site.get("/")
def page():
    return "the page"

@site.get("/echo", websocket=True)
def echo():
    socket = simple_websocket.Server.accept(request.environ)
    socket.send(socket.receive(timeout=20))
    socket.close()
    return Over(socket.mode)

class Over(Response):  # as flask-sock ends its requests
    def __call__(self, *arguments):
        if self.response[0] == b"gunicorn":
            raise StopIteration
        return []
"""
INSIDE = """
io = SocketIO(site)
app = nuphar.Live(server, site)
"""
OUTSIDE = """
site.wsgi_app = nuphar.Live(server, site.wsgi_app)
io = SocketIO(site)  # puts itself in front
app = site
"""
EVENTS = """
@io.on("add")
def add(number):
    counter.dispatch(number)
    return f"added {number}"

@server.on_topic_message
def tell(message, topic_id, client_id):
    io.emit("told", message)

print("all is imported", flush=True)
"""

CLIENT = """
import sys, socketio
for transports in (["websocket"], ["polling"], None):
    with socketio.SimpleClient(request_timeout=20) as client:
        client.connect(f"http://127.0.0.1:{sys.argv[1]}", transports=transports, wait_timeout=20)
        print("over", client.transport, client.call("add", 2, timeout=20), flush=True)
        print("told", *client.receive(timeout=20), flush=True)
"""


@contextmanager
def gunicorn(folder: Path, worker: str, order: str = INSIDE) -> Iterator[tuple[Program, int]]:
    (folder / "service.py").write_text(SERVICE + order + EVENTS)
    arguments = ("-m", "gunicorn", "-k", worker, "-b", "127.0.0.1:0", "--graceful-timeout", "5", "service:app")
    with program(*arguments, cwd=folder, XDG_RUNTIME_DIR=str(folder)) as process:
        port = int(process.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)", LIMIT)[1])
        process.wait_for("all is imported", LIMIT)
        yield process, port


def check_both(port: int) -> None:
    """Have a client of ours and clients of Socket.IO count together."""
    ours = nuphar.Client(http_client.long_polling(f"http://127.0.0.1:{port}/live"), stores={"counter": ADDING})
    with ours, program("-c", CLIENT, str(port)) as theirs:
        ours.wait_live("counter", timeout=LIMIT)
        # The last begins with polling, and is upgraded.
        for taken, model in (("websocket", 2), ("polling", 9), ("websocket", 16)):
            theirs.wait_for(f"over {taken} added 2", LIMIT)
            eventually(lambda model=model: ours.model("counter") == model, LIMIT)
            assert ours.dispatch("counter", 5).get(timeout=LIMIT)
            theirs.wait_for("told told 5", LIMIT)
        assert theirs.wait(LIMIT) == 0, theirs.output


def end(process: Program) -> None:
    """Stop gunicorn: nobody holds it up, and nothing went wrong."""
    process.signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0
    assert "Traceback" not in process.output


@pytest.mark.timeout(180)  # it starts two programs, of which each imports much
@pytest.mark.parametrize("worker", WORKERS)
def test_both_work_side_by_side_over_each_transport(tmp_path: Path, worker: str) -> None:
    with gunicorn(tmp_path, worker) as (process, port):
        assert request(port, "/")[2] == b"the page"
        check_both(port)
        if worker != THEIRS:  # whose handler has upgraded already
            with RawClient(port, "/echo", subprotocol=None, greet=False) as client:
                client.send('"simple"')
                assert client.receive() == "simple"
                assert client.receive() == Closed(1000, "")
        end(process)


@pytest.mark.timeout(180)
def test_under_our_worker_our_websockets_stand_beside_theirs_whichever_is_in_front(tmp_path: Path) -> None:
    with gunicorn(tmp_path, OURS, OUTSIDE) as (process, port):
        with RawClient(port) as client:
            client.subscribe("topic:counter")
            check_both(port)
            assert client.receive()[:2] == [19, "topic:counter"]
        end(process)


@pytest.mark.parametrize("worker", ["gevent", THEIRS])
def test_where_our_websockets_are_not_handed_on_our_client_takes_http(tmp_path: Path, worker: str) -> None:
    with gunicorn(tmp_path, worker) as (process, port):
        with nuphar.Client(f"http://127.0.0.1:{port}/live", stores={"counter": ADDING}) as client:
            client.wait_live("counter", timeout=LIMIT)
            assert client.dispatch("counter", 5).get(timeout=LIMIT)
        end(process)
