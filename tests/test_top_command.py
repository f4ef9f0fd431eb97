"""``nuphar top``: the tree of a running server in a terminal."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from support.serving import free_port, in_thread

from nuphar import Store
from nuphar.top_command import picture


def top(*arguments: str) -> Any:
    """Run the command beside this process's hub, which serves what it looks at."""
    command = [sys.executable, "-m", "nuphar", "top", *arguments]
    return in_thread(lambda: subprocess.run(command, capture_output=True, text=True, timeout=30, check=False))


def test_it_shows_the_actors_of_a_server_once(make_server):
    port = free_port()
    server = make_server(inspect=f"127.0.0.1:{port}")
    server.topic("chat").with_store(Store(0, lambda model, message: model))
    result = top(f"http://127.0.0.1:{port}", "--once", "--sort", "restarts")
    assert (result.returncode, result.stderr) == (0, "")
    assert "topic:chat" in result.stdout
    assert "topics 1" in result.stdout


def test_it_looks_through_a_unix_socket(make_server, tmp_path):
    make_server(inspect=f"unix:{tmp_path / 's'}")
    result = top(f"unix:{tmp_path / 's'}", "--once")
    assert result.returncode == 0
    assert "router" in result.stdout


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "unix:/nowhere", "ftp://127.0.0.1:1"])
def test_where_nobody_answers_it_says_so_in_a_line(url):
    result = top(url, "--once")
    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: no inspector at {url}: ")
    assert len(result.stderr.splitlines()) == 1


def node(name: str, children: tuple[Any, ...] = (), **fields: Any) -> dict[str, Any]:
    fields = {"mailbox": 0, "restarts": 0, "age": 1.0} | fields
    return {"id": name, "state": "running", "last_reason": "", "children": list(children), **fields}


def rows(answer: dict[str, Any], sort: str, most: int = 10) -> list[str]:
    table = picture(answer, sort, most).renderables[1]
    return [str(cell) for cell in table.columns[0].cells]


def test_the_rows_are_in_the_order_that_was_asked_for():
    answer = {"tree": node("server", (node("a", mailbox=1), node("b", restarts=2, mailbox=5))), "stats": {}}
    assert rows(answer, "tree") == ["server", "  a", "  b"]
    assert rows(answer, "mailbox") == ["b", "a", "server"]


def test_no_more_rows_are_shown_than_were_asked_for():
    answer = {"tree": node("server", tuple(node(f"topic:{n}") for n in range(9))), "stats": {}}
    assert len(rows(answer, "tree", 4)) == 4
