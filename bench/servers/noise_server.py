"""Nuphar under noise, as its users run it, and a clock at each turn of its hub.

A turn is what one greenlet runs between two switches, a round what all of them run between two looks of the loop at the
sockets; both are counted in CPU time of the hub's thread, so other programs do not lengthen them. After the first line
(see `bench.servers`) each line on standard input is answered by one on standard output, of what was since the last one:
the longest turn in ms, whose it was, and the round in which a hundredth of the time was spent in longer ones.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from array import array
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import greenlet
from gevent.hub import get_hub

import nuphar

from .start import say

LARGE = 200_000
"""Bytes of the model of each topic ``large:…``: a Snapshot is as large."""


class Turns:
    """Hears of each switch, and of each look at the sockets. ``longest`` and ``rounds`` are in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.whose = ""
        self.rounds = array("d")  # not a list: its floats would lie all over what the noise takes, and keep it
        self._since = self._looked = time.thread_time()

    def start(self) -> None:
        """Count the turns of the greenlets of this thread, in which the hub will run."""
        greenlet.settrace(self._hear)
        self._watcher = get_hub().loop.check()
        self._watcher.start(self._look)

    def _look(self) -> None:
        now = time.thread_time()
        self.rounds.append(now - self._looked)
        self._looked = now

    def _hear(self, event: str, who: tuple[Any, Any]) -> None:
        now = time.thread_time()
        taken, self._since = now - self._since, now
        if taken > self.longest:
            self.longest, self.whose = taken, repr(who[0])

    def answer(self) -> Iterator[str]:
        """Answer each line of standard input."""
        for _ in sys.stdin:
            longest, self.longest = self.longest, 0.0
            rounds, self.rounds = self.rounds, array("d")
            yield json.dumps({"turn_ms": longest * 1e3, "whose": self.whose, "round_ms": spent_in(rounds) * 1e3})

    def serve(self) -> None:
        """Answer until standard input ends: the body of a thread."""
        for line in self.answer():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def spent_in(rounds: Iterable[float], share: float = 0.01) -> float:
    """Return the length of a round so that ``share`` of the time is spent in longer ones: who comes at any moment waits
    for the rest of the round that it meets, and longer ones are met more often.
    """
    longest = sorted(rounds, reverse=True)
    left = sum(longest) * share
    for each in longest:
        left -= each
        if left <= 0.0:
            return each
    return 0.0


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
