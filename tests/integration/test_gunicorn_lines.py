"""Lines over HTTP under a real gunicorn: polls, streams, and an access log that does not tell a line's id."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.http import EventsClient, PollClient
from support.raw import Closed
from support.serving import program

pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")

SERVICE = """
import nuphar
server = nuphar.Server()
server.topic("list").with_store(nuphar.Store((), lambda model, message: (*model, message)))
live = nuphar.Live(server)
"""


def test_polls_and_streams_work_and_hear_the_end(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(SERVICE)
    arguments = ["-m", "gunicorn", "-k", "nuphar.transport.gunicorn.Worker", "-b", "127.0.0.1:0"]
    options = ["--access-logfile", "-", "--chdir", str(tmp_path), "service:live"]
    with program(*arguments, *options, XDG_RUNTIME_DIR=str(tmp_path)) as gunicorn:
        port = int(gunicorn.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)", 30.0)[1])
        poll, events = PollClient(port), EventsClient(port)
        for client in (poll, events):
            client.subscribe("topic:list")
        poll.post("topic:list", "hello")
        assert poll.receive() == [17, "topic:list", 1, [2], False]
        assert events.receive() == [19, "topic:list", 1, "hello"]
        poll.gets.request("GET", f"/live/poll?wait=0&line={poll.line}&after={poll.batch}")
        assert poll.gets.getresponse().read() == b""
        gunicorn.signal(signal.SIGTERM)
        assert events.receive_all()[-1] == Closed(1001, "the server stops")
        poll.cut()
        events.cut()
        assert gunicorn.wait(30.0) == 0
        assert "wait=0&line=-&after=" in gunicorn.output
        assert str(poll.line) not in gunicorn.output
        assert "Traceback" not in gunicorn.output
