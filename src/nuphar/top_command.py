"""``nuphar top``: the live tree of a running server in a terminal, from its inspector."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .supervision.watch.loopback import UNIX

INSPECTOR_TIMEOUT = 5.0
"""Seconds that the inspector may take to answer."""

COLOURS = {"running": "green", "restarting": "yellow", "down": "dim"}


@click.command(short_help="Show the live tree of a running server.")
@click.argument("url")
@click.option(
    "--sort",
    type=click.Choice(["tree", "mailbox", "restarts", "age"]),
    default="tree",
    show_default=True,
    help="The order of the rows; tree: as they are supervised.",
)
@click.option("--seconds", default=1.0, show_default=True, type=click.FloatRange(0.1), help="Between two looks.")
@click.option("--rows", default=40, show_default=True, type=click.IntRange(1), help="Rows at the most.")
@click.option("--once", is_flag=True, help="Print one look and end.")
def top(url: str, sort: str, seconds: float, rows: int, once: bool) -> None:
    """Show the actors of the server whose inspector is at URL.

    The inspector is off by default; a server has one with nuphar.Server(inspect="127.0.0.1:9100"), or "unix:/path".

    \b
    nuphar top http://127.0.0.1:9100 --sort mailbox
    nuphar top unix:/run/board.sock
    """
    console = Console()
    try:
        if once:
            console.print(picture(fetch(url), sort, rows))
            return
        with Live(picture(fetch(url), sort, rows), console=console, screen=True) as live:
            while True:
                time.sleep(seconds)
                live.update(picture(fetch(url), sort, rows))
    except KeyboardInterrupt:
        return
    except (OSError, http.client.HTTPException, ValueError) as error:
        click.echo(f"Error: no inspector at {url}: {error}", err=True)
        sys.exit(2)


def fetch(url: str) -> dict[str, Any]:
    """Return what the inspector says now.

    Raises: OSError, HTTPException, ValueError.
    """
    if url.startswith(UNIX):
        connection: http.client.HTTPConnection = _UnixConnection(url[len(UNIX) :])
    else:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("expected http://127.0.0.1:port or unix:/path")
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=INSPECTOR_TIMEOUT)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise ValueError(f"it answered {response.status}: {body[:200].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(body)
        return answer
    finally:
        connection.close()


def picture(answer: dict[str, Any], sort: str, rows: int) -> Group:
    """Return the counters and the table of one look."""
    nodes = list(_flat(answer["tree"], 0))
    if sort != "tree":
        nodes.sort(key=lambda row: row[1][sort], reverse=True)
    table = Table(expand=True)
    for name, justify in (("actor", "left"), ("state", "left"), ("mailbox", "right"), ("restarts", "right"),
                          ("age s", "right"), ("last reason", "left")):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=name != "last reason")  # type: ignore[arg-type]
    for depth, node in nodes[:rows]:
        table.add_row(
            Text("  " * (depth if sort == "tree" else 0) + node["id"]),
            Text(node["state"], style=COLOURS.get(node["state"], "")),
            str(node["mailbox"]),
            str(node["restarts"]),
            f"{node['age']:.0f}",
            Text(node["last_reason"]),
        )
    if len(nodes) > rows:
        table.caption = f"and {len(nodes) - rows} more"
    counters = "   ".join(f"{name} {value:.3g}" for name, value in answer["stats"].items())
    return Group(Text(counters, style="bold"), table)


def _flat(node: dict[str, Any], depth: int) -> Any:
    yield depth, node
    for child in node["children"]:
        yield from _flat(child, depth + 1)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=INSPECTOR_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the path instead of a port."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(INSPECTOR_TIMEOUT)
        self.sock.connect(self._path)
