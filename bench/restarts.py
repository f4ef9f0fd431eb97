"""A million restarts of one child: does memory stay where it was? ``python bench/restarts.py [restarts]``."""

from __future__ import annotations

import gc
import logging
import sys
import time

import gevent

from nuphar.actors import Actor
from nuphar.supervision import Supervisor, which_children, worker


class Fragile(Actor):
    """Ends with whatever it is told."""

    def handle(self, message: object) -> None:
        raise RuntimeError(message)


def resident() -> int:
    """Return this process's resident memory in KiB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def main(restarts: int) -> None:
    """Restart a child that often, and print the memory in between."""
    logging.getLogger("nuphar").setLevel(logging.CRITICAL + 1)
    supervisor = Supervisor.start_link([worker("fragile", Fragile)], intensity=restarts + 1, period=1e-9)
    started = time.monotonic()
    step = max(1, restarts // 10)
    for done in range(restarts + 1):
        if done % step == 0:
            gc.collect()
            print(f"{done:>9,} restarts  {time.monotonic() - started:7.1f} s  {resident():>7,} KiB", flush=True)
        (child,) = which_children(supervisor)
        assert child.child is not None
        child.child.tell("again")
        while child.child.is_alive():
            gevent.sleep(0)
    supervisor.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
