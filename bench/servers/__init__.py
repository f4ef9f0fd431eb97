"""Who is measured: each server as data, a small program of its own.

A server takes ``--heartbeat SECONDS`` and writes ``{"port": …, "versions": {…}}`` to standard output when it accepts
connections. It answers a join with the topic's state, and a post with an acknowledgement that has the message's seq
in its topic, and delivers the post to the topic's other members. SIGTERM ends it.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE.parent / "peers" / "node_modules"


@dataclass(frozen=True)
class Peer:
    """``program`` is a module or a script for Node; ``most`` is how many clients it can serve at all.

    ``source`` is another checkout of this project, whose package it is to run.
    """

    id: str
    title: str
    program: str
    wire: str
    needs: tuple[str, ...] = ()
    most: int = 1_000_000
    source: Path | None = None

    @property
    def command(self) -> list[str]:
        """How to start it."""
        if self.program.endswith(".js"):
            return ["node", str(HERE / self.program)]
        return [sys.executable, "-m", f"bench.servers.{self.program}"]

    @property
    def missing(self) -> str:
        """What is not there and would have to be, in words; empty if nothing is."""
        if self.program.endswith(".js"):
            if shutil.which("node") is None:
                return "there is no Node"
            gone = [name for name in self.needs if not (MODULES / name).is_dir()]
            return f"npm --prefix bench/peers ci has not installed {', '.join(gone)}" if gone else ""
        from importlib.util import find_spec

        gone = [name for name in self.needs if find_spec(name) is None]
        return f"pip install 'nuphar[bench]' has not installed {', '.join(gone)}" if gone else ""


PEERS = (
    Peer("nuphar", "Nuphar", "nuphar_server", "nuphar"),
    Peer("floor", "bare send loop, gevent", "floor", "raw"),
    Peer("ws", "ws", "ws.js", "raw", ("ws",)),
    Peer("socket.io", "socket.io", "socketio.js", "socketio", ("socket.io",)),
    Peer("python-socketio", "python-socketio, gevent", "socketio_gevent", "socketio", ("socketio", "geventwebsocket")),
    Peer(
        "flask-socketio", "Flask-SocketIO, threads", "flask_threads", "socketio",
        ("flask_socketio", "simple_websocket"), most=1_000,
    ),
    Peer("websockets", "websockets, raw", "websockets_asyncio", "raw", ("websockets",)),
    Peer("picows", "picows, raw", "picows_asyncio", "raw", ("picows",)),
)  # fmt: skip
"""Nuphar first: the others are compared with it."""


def environment(source: Path | None = None) -> dict[str, str]:
    """Return the environment in which servers find what they need, the package in the checkout ``source``."""
    root = HERE.parents[1] if source is None else source
    path = os.pathsep.join(filter(None, [str(root / "src"), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "NODE_PATH": str(MODULES), "NODE_ENV": "production"}
