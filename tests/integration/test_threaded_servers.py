"""WSGI servers that answer requests in threads: a sentence instead of a page that looks alive and hears nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.raw import request
from support.serving import Program, program

SERVICE = """
import nuphar

server = nuphar.Server()
counter = server.topic("counter").with_store(nuphar.Store(0, lambda model, message: model + message))

def page(environ, start_response):
    counter.dispatch(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(counter.model).encode()]

app = nuphar.Live(server, page)
"""

THREADED = """
# What manage.py runserver is: wsgiref's server, with a thread for each request.
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from service import app

class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True

with make_server("127.0.0.1", 0, app, server_class=KIND) as httpd:
    print(f"Running on http://127.0.0.1:{httpd.server_port}", flush=True)
    httpd.serve_forever()
"""

FLASK = """
from flask import Flask
import service

app = Flask(__name__)

@app.get("/")
def page():
    return "a page that looks alive"

app.wsgi_app = service.nuphar.Live(service.server, app.wsgi_app)
"""

KINDS = ["flask run", "a thread for each", "one thread", "gunicorn gthread", "gunicorn sync"]


@pytest.fixture(params=["", "server.start()\n"], ids=["", "started by the program"])
def started(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture(params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path: Path, started: str) -> Iterator[tuple[Program, int]]:
    (tmp_path / "service.py").write_text(SERVICE + started)
    kind = request.param
    if kind == "flask run":
        pytest.importorskip("flask", reason="the extra nuphar[dev] is not installed")
        (tmp_path / "site_app.py").write_text(FLASK)
        arguments = ["-m", "flask", "--app", "site_app:app", "run", "--port", "0"]
    elif kind.startswith("gunicorn"):
        pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
        arguments = ["-m", "gunicorn", "-k", kind.split()[1], "-b", "127.0.0.1:0", "service:app"]
    else:
        server = "Threaded" if kind == "a thread for each" else "WSGIServer"
        (tmp_path / "threaded.py").write_text(THREADED.replace("KIND", server))
        arguments = ["threaded.py"]
    with program(*arguments, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as process:
        yield process, int(process.wait_for(r"(?:Running on|Listening at:) http://127\.0\.0\.1:(\d+)")[1])


def test_every_request_is_refused_with_what_to_do(served: tuple[Program, int]) -> None:
    process, port = served
    for path in ("/", "/live", "/live/nuphar.js", "/live/poll"):
        status, _, body = request(port, path)
        assert status == 501, path
        assert body.startswith(b"this WSGI server answers requests in threads")
        assert b"nuphar.serve()" in body
        assert body.count(b"\n") == 1
    process.signal(signal.SIGTERM)
    process.wait(timeout=15)
    assert "Traceback" not in process.output
    assert "this WSGI server answers requests in threads" in process.output


def test_a_patched_program_s_threads_are_greenlets_and_are_served(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(SERVICE)
    code = "from gevent import monkey; monkey.patch_all()\n" + THREADED.replace("KIND", "Threaded")
    (tmp_path / "threaded.py").write_text(code)
    with program("threaded.py", cwd=tmp_path) as process:
        port = int(process.wait_for(r"Running on http://127\.0\.0\.1:(\d+)")[1])
        assert [request(port, "/")[::2] for _ in range(3)] == [(200, b"1"), (200, b"2"), (200, b"3")]
        assert request(port, "/live/nuphar.js")[0] == 200


def test_a_call_of_a_test_is_served(tmp_path: Path) -> None:
    pytest.importorskip("werkzeug", reason="the extra nuphar[dev] is not installed")
    code = (
        "import service; from werkzeug.test import Client\n"
        "with service.server: print(Client(service.app).get('/').text, Client(service.app).get('/').text)"
    )
    (tmp_path / "service.py").write_text(SERVICE)
    with program("-c", code, cwd=tmp_path) as process:
        assert process.wait(timeout=15) == 0, process.output
    assert process.output.strip().endswith("1 2")
