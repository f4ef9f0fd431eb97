"""All of it: our own cases under both WSGI servers, in pieces of several sizes, every close code; the stock suite.

``python -m conformance.rfc6455``, with ``PYTHONPATH=src:tests``, prints a table of sections, and ends with 1 if
anything failed that is no documented limit. ``--stock`` fails without the stock suite instead of leaving it out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from support.serving import free_port, program

from . import stock
from .handshakes import SHAKES
from .peer import Peer, request
from .run import shake, talk
from .talks import Talk, talks

SERVE = """
from conformance.rfc6455.echo import application
import nuphar.transport.handler as door
server = door.WSGIServer(("127.0.0.1", {port}), application, handler_class=door.WSGIHandler, log=None, backlog=1024)
server.start()
print("Listening", flush=True)
server.serve_forever()
"""
CHOPS = (0, 1, 2, 3, 7, 1000)
"""Bytes of the pieces in which a talk is sent, 0 for one piece; small ones only for short talks."""

AT_ONCE = 8


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def serving(kind: str, **env: str) -> Iterator[int]:
    """Run the echo server in a process of its own, and yield its port."""
    port = free_port()
    arguments = ["-c", SERVE.format(port=port)]
    if kind == "gunicorn":
        options = ["-k", "nuphar.transport.gunicorn.Worker", "-b", f"127.0.0.1:{port}"]
        arguments = ["-m", "gunicorn", *options, "conformance.rfc6455.echo:application"]
    with program(*arguments, **env) as running:
        running.wait_for("Booting worker|Listening$", 30.0)
        peer = Peer(port)  # waits in the backlog of a worker that boots
        peer.shake(request())
        peer.end()
        yield port


def ways(case: Talk) -> list[tuple[int, bool]]:
    """Return how a talk is sent: the size of the pieces, and whether it comes together with the handshake."""
    if case.section == "7.4":
        return [(0, False)]
    if case.rule.startswith("of two pings"):  # what one read brings is the point
        return [(0, False), (0, True)]
    return [(chop, False) for chop in CHOPS if not 0 < chop < len(case.sent) / 300] + [(0, True)]


def own(port: int) -> tuple[Counter[str], list[str]]:
    """Run our own cases; return how many ran of each section, and what is wrong."""
    ran: Counter[str] = Counter()
    wrong: list[str] = []
    for each in SHAKES:
        ran[each.section] += 1
        if (fault := shake(port, each)) is not None:
            wrong.append(f"{each.section} {each.rule}: {fault}")
    jobs = [(case, *way) for case in talks(every=True) for way in ways(case)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (case, chop, together), fault in zip(jobs, pool.map(lambda job: talk(port, *job), jobs), strict=True):
            ran[case.section] += 1
            if fault is not None:
                wrong.append(f"{case.section} {case.rule} (pieces of {chop}, together {together}): {fault}")
    return ran, wrong


def table(columns: dict[str, tuple[Counter[str], list[str]]]) -> None:
    """Print a line for each section, a column for each server: cases that ran, and how many failed."""
    say("| section | " + " | ".join(columns) + " |")
    say("|---|" + "---|" * len(columns))
    sections = {section for ran, _ in columns.values() for section in ran}
    for section in sorted(sections, key=lambda name: [int(part) for part in name.split(".")]):
        cells = [
            f"{ran[section]:,} ran, {sum(fault.startswith(f'{section} ') for fault in wrong)} failed"
            for ran, wrong in columns.values()
        ]
        say(f"| {section} | " + " | ".join(cells) + " |")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stock", action="store_true")
    is_stock_needed = arguments.parse_args().stock
    wrong: list[str] = []
    columns = {}
    for kind in ("pywsgi", "gunicorn"):
        began = time.monotonic()
        with serving(kind) as port:
            columns[kind] = own(port)
        say(f"{kind}: {sum(columns[kind][0].values()):,} of our own cases in {time.monotonic() - began:.0f} s")
        wrong += [f"{kind}: {fault}" for fault in columns[kind][1]]
    table(columns)
    if stock.is_installed():
        for kind in ("pywsgi", "gunicorn"):
            with serving(kind, NUPHAR_LARGE="1") as port:
                results = stock.run(port)
            verdicts = Counter(behavior for behavior, _ in results.values())
            say(f"{kind}: the stock suite, {len(results)} cases: {dict(verdicts)}")
            wrong += [f"{kind}: stock {fault}" for fault in stock.judge(results)]
    else:
        say("the stock suite is not installed: pip install -e '.[conformance]'")
        wrong += ["the stock suite did not run"] if is_stock_needed else []
    for fault in wrong:
        say(f"FAILED {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
