from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nuphar.serve_command import serve_command

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
PROGRAM = """
import nuphar

server = nuphar.Server()
number = 7

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with the modules ``served_app`` and ``served_broken`` in it."""
    (tmp_path / "served_app.py").write_text(PROGRAM)
    (tmp_path / "served_broken.py").write_text("import there_is_no_such_module\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("served_app", None)


def refused(*arguments: str) -> Result:
    done = CliRunner().invoke(serve_command, arguments)
    assert done.exit_code == 2
    return done


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["served_app"], "Error: expected MODULE:NAME, as in app:server, got 'served_app'"),
        ([":server"], "Error: expected MODULE:NAME, as in app:server, got ':server'"),
        (["served_nowhere:server"], "Error: there is no module 'served_nowhere' in "),
        (["served_nowhere.inner:server"], "Error: there is no module 'served_nowhere' in "),
        (["served_app.inner:server"], "Error: there is no module 'served_app.inner' in "),
        (["served_app:servre"], "Error: the module 'served_app' has no 'servre'"),
        (["served_app:number"], "Error: served_app:number: expected a nuphar.Server, got int"),
        (["served_app:server", "--app", "served_app:ap"], "Error: the module 'served_app' has no 'ap'"),
        (["served_app:server", "--app", "served_app:number"], "Error: expected a WSGI application or None, got 7"),
        (["served_app:server", "--path", "live"], "Error: expected a path like '/live', got 'live'"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_served_is_one_line(arguments: list[str], text: str) -> None:
    assert refused(*arguments).stderr.startswith(text)
    assert refused(*arguments).stderr.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_a_module_that_misses_another_is_its_own_fault() -> None:
    done = CliRunner().invoke(serve_command, ["served_broken:server"])

    assert isinstance(done.exception, ModuleNotFoundError)
    assert done.exception.name == "there_is_no_such_module"


def test_a_port_that_is_taken_is_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "nuphar", "serve", "served_app:server", "--port", str(port)]
        done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, check=False)

    assert done.returncode == 2
    assert done.stderr == (
        f"Error: cannot listen at 127.0.0.1:{port}: Address already in use: "
        "somebody listens there already (`ss -ltnp` names who): stop it, or take another port\n"
    )


def test_a_server_and_its_application_are_served_until_they_are_told_to_stop(folder: Path) -> None:
    command = [sys.executable, "-m", "nuphar", "serve", "served_app:server", "--app", "served_app:app", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stderr is not None
        try:
            words = process.stderr.readline().split()
            url = next(word for word in words if word.startswith("http")).removesuffix("/live")
            with urllib.request.urlopen(f"{url}/page") as response:
                page = response.read()
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0
        finally:
            process.kill()
    assert words[:2] == ["serving", "served_app:server"]
    assert page == b"hello"
