"""The server of a load run, in a process of its own: ``python -m nuphar.load.server``.

It writes its URL and then the answers to its commands to standard output, one JSON object a line. Commands come on
standard input, one word a line; its end stops the server.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.fileobject import FileObjectPosix

from ..actors.runtime.ref import Ref
from ..supervision.root.server import Server
from ..supervision.serving.serve import serve
from .model import add_topics
from .plan import STOP

PATH = "/live"


def kill(server: Server) -> dict[str, Any]:
    """Kill the router and every topic's actor, and say how many that were."""
    return _kill([ref for ref in _living(server) if ref.name == "router" or ref.name.startswith("topic:")])


def chaos(server: Server) -> dict[str, Any]:
    """Kill one actor, any of them: the supervisors and the root included."""
    living = _living(server)
    return _kill([random.choice(living)] if living else [])


def _living(server: Server) -> list[Ref[Any]]:
    registry = server.lifecycle.root.registry if server.lifecycle.root is not None else None
    return registry.living() if registry is not None else []


def _kill(victims: list[Ref[Any]]) -> dict[str, Any]:
    # Each death is an error in the log, and here it is meant.
    logging.getLogger("nuphar.supervision").setLevel(logging.CRITICAL)
    for ref in victims:
        ref.kill()
    return {"killed": len(victims)}


def cpu(server: Server) -> dict[str, Any]:
    """Say how many seconds of CPU this process has used."""
    return {"cpu": time.process_time()}


COMMANDS: dict[str, Callable[[Server], dict[str, Any]]] = {"chaos": chaos, "cpu": cpu, "kill": kill}
"""What a run may ask for, beside the end; another way to make trouble is another line."""


def main() -> None:
    """Serve until standard input ends."""
    server = Server()
    add_topics(server)
    commands = gevent.spawn(_obey, server)
    try:
        serve(server, host="127.0.0.1", port=0, path=PATH, on_start=_say_url, stop_timeout=STOP)
    finally:
        commands.kill()


def _obey(server: Server) -> None:
    with FileObjectPosix(sys.stdin.fileno(), "rb", closefd=False) as lines:
        for line in lines:
            _say(COMMANDS[line.decode().strip()](server))
    server.stop()


def _say_url(url: str) -> None:
    _say({"url": url.replace("http", "ws", 1) + PATH})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
