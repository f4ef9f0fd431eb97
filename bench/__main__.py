"""``python -m bench``: measure, with everybody in turn, and report."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from . import report
from .measure import Cores, measure
from .results import Results
from .servers import PEERS, Peer
from .works import WORKS, Work, choose, quick

REPEATS = 5

WIDTH = 100
"""Columns for the tables, also where the output is a pipe."""

REFRESH = 2.0
"""Progress bars a second: they run on the generator's core."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default="", metavar="w1,w3", help="works; also connections and load, the curves")
    parser.add_argument("--peers", default="", metavar="ws,floor", help=", ".join(peer.id for peer in PEERS))
    parser.add_argument(
        "--repeats", type=int, default=REPEATS, help=f"interleaved; half as many for curves ({REPEATS})"
    )
    parser.add_argument("--quick", action="store_true", help="tiny works, once: does it run at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every number")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the tables as a page")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="the curves as PNG; needs matplotlib")
    given = parser.parse_args()
    try:
        given.works = choose(given.only)
        given.peers = choose_peers(given.peers)
    except ValueError as error:
        parser.error(str(error))
    if given.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install 'nuphar[bench]'")  # now, and not after an hour
    if given.quick:
        given.works, given.repeats = [quick(work) for work in given.works], 1
    return given


def choose_peers(names: str) -> list[Peer]:
    """Return the servers named, Nuphar always.

    Raises: ValueError.
    """
    wanted = set(names.split(",")) if names else {peer.id for peer in PEERS}
    if unknown := wanted - {peer.id for peer in PEERS}:
        raise ValueError(f"there is no server {sorted(unknown)}; there are {[peer.id for peer in PEERS]}")
    return [peer for peer in PEERS if peer.id in wanted | {"nuphar"}]


def plan(works: list[Work], peers: list[Peer], repeats: int) -> list[tuple[Work, Peer]]:
    """Return what to measure, in order: for each work A B C A B C, so that the machine's moods meet everybody.

    The curves have many points and get half as many repeats.
    """
    return [
        (work, peer)
        for work in works
        for _ in range(repeats if work in WORKS else max(1, repeats // 2))
        for peer in peers
        if work.clients <= peer.most and work.only in ("", peer.id)
    ]


def main() -> None:
    """Measure and report; after Ctrl-C or SIGTERM, what there is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = arguments()
    console = Console()
    console.width = max(console.width, WIDTH)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    cores = Cores.choose()
    if cores.server is None:
        console.print("there is only one core: the generator and the server share it, and the numbers say little")
    results = Results(given.works, given.repeats)
    results.skipped = [f"{peer.title} is skipped: {peer.missing}" for peer in given.peers if peer.missing]
    peers = [peer for peer in given.peers if not peer.missing]
    console.print(*results.skipped, sep="\n")
    try:
        run(plan(given.works, peers, given.repeats), results, cores, console)
    except KeyboardInterrupt:
        results.skipped.append("interrupted: not everything was measured")
    report.print_all(results, console)
    if given.json:
        results.save(given.json)
    if given.plot:
        report.plot(results, given.plot)
    if given.markdown:
        given.markdown.write_text(report.markdown(results, [given.plot] if given.plot else []))
    sys.exit(1 if results.errors else 0)


def run(steps: list[tuple[Work, Peer]], results: Results, cores: Cores, console: Console) -> None:
    """Measure one after the other."""
    columns = (TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        refresh_per_second=REFRESH,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=len(steps))
        for work, peer in steps:
            progress.update(task, description=f"{work.id} {peer.id}")
            result = measure(peer, work, cores)
            results.add(work, peer.id, result)
            if "error" in result or not console.is_terminal:
                said = result.get("error") or f"{result.get('cpu_us', 0.0):.4g} µs"
                progress.console.print(f"{work.id} {peer.id}: {said}", markup=False, highlight=False)
            progress.advance(task)


if __name__ == "__main__":
    main()
