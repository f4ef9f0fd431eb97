"""``nuphar demo``: a board that everybody who opens the page moves about together."""

from __future__ import annotations

import errno
import sys
import webbrowser
from typing import get_args

import gevent

from ..actors.words.store import Store
from ..supervision.root.server import Server
from ..supervision.serving.serve import serve
from ..transport.serialiser.serialiser import automatic
from ..transport.server.limits import Limits
from . import board, people
from .site import site

MESSAGE = 4096
"""Bytes of the largest message: a full card has some 1,200."""

AWAY = 5.0
"""Seconds after which somebody whose page does not come back is shown as gone."""


def make_server() -> Server:
    """Return the demo's server, not started: a board, who is here, and what their hands do."""
    serialiser = automatic(board.Board, *get_args(board.Message), people.People, *get_args(people.Message), people.Hand)
    server = Server(serialiser=serialiser, limits=Limits(message=MESSAGE), resume_window=AWAY)
    server.topic("board").with_store(Store(board.FIRST_BOARD, board.update))
    present = server.topic("people").with_store(Store(people.People(), people.update))
    present.on_join(lambda client_id: [people.Arrive(client_id)])
    present.on_leave(lambda client_id: [people.Leave(client_id)])
    server.topic("hands")
    return server


def run_demo(host: str = "127.0.0.1", port: int = 8000, open_browser: bool = False) -> None:
    """Serve the demo until SIGINT or SIGTERM; port 0 takes any free one.

    Raises: SystemExit with a sentence if the address cannot be bound.
    """

    def on_start(url: str) -> None:
        sys.stdout.write(
            f"\n  The pond is open: {url}\n\n"
            "  Open it in two windows, side by side, and drag a card. Ctrl+C ends it.\n\n"
        )
        sys.stdout.flush()
        if open_browser:
            # In a thread: some browsers take the terminal until they are closed.
            gevent.get_hub().threadpool.spawn(webbrowser.open, url)

    try:
        serve(make_server(), site(), host, port, on_start=on_start)
    except OSError as error:
        raise SystemExit(_advice(error, host, port)) from error


def _advice(error: OSError, host: str, port: int) -> str:
    """Say what to do about an address that cannot be bound."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; choose another: nuphar demo --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than you have; choose another: nuphar demo --port 8000"
    return str(error)
