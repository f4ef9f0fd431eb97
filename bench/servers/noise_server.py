"""Nuphar under noise, as its users run it, and a clock at each turn of its hub.

A turn is what one greenlet runs between two switches; it is counted in CPU time of the hub's thread. After the first
line (see `bench.servers`) each line on standard input is answered by one on standard output: the longest turn since the
last one, in ms, and whose it was.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import greenlet

import nuphar

from .start import say

LARGE = 200_000
"""Bytes of the model of each topic ``large:…``: a Snapshot is as large."""


class Turns:
    """Hears of each switch. ``longest`` is in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.whose = ""
        self._since = time.thread_time()

    def start(self) -> None:
        """Count the turns of the greenlets of this thread, in which the hub will run."""
        greenlet.settrace(self._hear)

    def _hear(self, event: str, who: tuple[Any, Any]) -> None:
        now = time.thread_time()
        taken, self._since = now - self._since, now
        if taken > self.longest:
            self.longest, self.whose = taken, repr(who[0])

    def answer(self) -> Iterator[str]:
        """Answer each line of standard input."""
        for _ in sys.stdin:
            longest, self.longest = self.longest, 0.0
            yield json.dumps({"turn_ms": longest * 1e3, "whose": self.whose})

    def serve(self) -> None:
        """Answer until standard input ends: the body of a thread."""
        for line in self.answer():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def main() -> None:
    """Serve until SIGTERM."""
    server = nuphar.Server()
    for prefix in ("t:", "noise:"):
        server.topic_kind(prefix, store=nuphar.Store(0, lambda count, message: count + 1))
    server.topic_kind("large:", store=nuphar.Store("x" * LARGE, lambda text, message: text))
    turns = Turns()
    threading.Thread(target=turns.serve, daemon=True).start()
    turns.start()
    nuphar.serve(
        server,
        port=0,
        on_start=lambda url: say(urlsplit(url).port or 0, "gevent", "cbor2", nuphar=nuphar.__version__),
    )


if __name__ == "__main__":
    main()
