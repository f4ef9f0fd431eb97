"""A server in a process of its own: topics ``counter`` (adds), ``list`` (keeps everything), and ``news`` (no store).

Run as a program it prints its port, and takes commands: ``add N``, ``news TEXT``, ``model``, ``disconnect``.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import nuphar


def add(model: Any, message: Any) -> Any:
    return model + message


def keep(model: Any, message: Any) -> Any:
    return (*model, message)


def make_server(**options: Any) -> nuphar.Server:
    """Return a server that is not started."""
    server = nuphar.Server(**options)
    server.topic("counter").with_store(nuphar.Store(0, add))
    server.topic("list").with_store(nuphar.Store((), keep))
    server.topic("news")
    return server


def say(text: object) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201


def main() -> None:
    """Serve on a free port until a signal comes."""
    server = make_server()
    topics = {
        topic.id: nuphar.supervision.root.server.TopicHandle(server, topic) for topic in server.directory.running()
    }

    def obey() -> None:
        for line in sys.stdin:
            match line.split():
                case ["add", number]:
                    topics["counter"].dispatch(int(number))
                case ["news", text]:
                    topics["news"].broadcast(text)
                case ["model"]:
                    say(f"model {topics['counter'].model} {topics['counter'].seq}")

    threading.Thread(target=obey, daemon=True).start()
    nuphar.serve(server, port=0, on_start=say)
    say("ended")


if __name__ == "__main__":
    main()
