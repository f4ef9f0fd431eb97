"""Measure whether a change has made anything dearer: two checkouts in pairs, interleaved, and a control beside them.

``python -m bench.pairs --before REVISION`` compares the package of a revision with that of this tree. Each round
measures before, after, and before once more, in an order that rotates. Two ratios come of it: after / before, and the
control before / before, which says what the machine makes of two equal things. The interval is that of the median
ratio by order statistics, which asks nothing of the distribution: at least 95 %, from 6 pairs on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import comb
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from .measure import Cores, measure
from .servers import PEERS
from .works import Work, choose, quick

ROOT = Path(__file__).parents[1]
LEAST = 6
"""Pairs with which an interval of 95 % exists."""


class Interval(NamedTuple):
    """The median of some ratios, and where the true one lies with a confidence of at least 95 %."""

    low: float
    middle: float
    high: float


def interval(ratios: list[float]) -> Interval:
    """Return the median and its interval by order statistics.

    >>> interval([1.0, 1.1, 0.9, 1.0, 1.05, 0.95])
    Interval(low=0.9, middle=1.0, high=1.1)
    """
    ordered, count = sorted(ratios), len(ratios)
    out, tail = 0, 1 / 2**count  # how many to leave out at each end
    while out + 1 < count - out - 1 and 2 * (tail + comb(count, out + 1) / 2**count) <= 0.05:
        out += 1
        tail += comb(count, out) / 2**count
    return Interval(ordered[out], median(ordered), ordered[-1 - out])


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Have a revision's files in a folder of their own. Raises: subprocess.CalledProcessError if there is no such."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
        yield Path(folder)


def compare(work: Work, before: Path, pairs: int, cores: Cores, console: Console) -> dict[str, list[float]]:
    """Measure one work in rounds; return the two kinds of ratios.

    Raises: RuntimeError when a measurement fails.
    """
    old = replace(PEERS[0], source=before)
    sides = {"before": old, "after": PEERS[0], "control": old}
    ratios: dict[str, list[float]] = {"after": [], "control": []}
    names = list(sides)
    for at in range(pairs):
        costs: dict[str, float] = {}
        for name in names[at % 3 :] + names[: at % 3]:
            result: dict[str, Any] = measure(sides[name], work, cores)
            if "error" in result:
                raise RuntimeError(f"{work.id}, {name}: {result['error']}")
            costs[name] = result["cpu_us"]
        for name in ratios:
            ratios[name].append(costs[name] / costs["before"])
        said = "  ".join(f"{name} {cost:.2f} µs" for name, cost in costs.items())
        console.print(f"{work.id} {at + 1}/{pairs}: {said}", highlight=False)
    return ratios


def main() -> None:
    """Measure, print a table, and exit with 1 if a work is surely dearer than the bar."""
    parser = argparse.ArgumentParser(prog="python -m bench.pairs", description=__doc__)
    parser.add_argument("--before", required=True, metavar="REVISION", help="what to compare this tree with")
    parser.add_argument("--only", default="w1-1000,w2,w3-1", metavar="w1,w3", help="works (w1-1000,w2,w3-1)")
    parser.add_argument("--pairs", type=int, default=15, help=f"at least {LEAST} (15)")
    parser.add_argument("--bar", type=float, default=1.03, help="fails if a whole interval lies above it (1.03)")
    parser.add_argument("--quick", action="store_true", help="tiny works: does it run at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every ratio")
    given = parser.parse_args()
    if given.pairs < LEAST:
        parser.error(f"expected at least {LEAST} pairs, got {given.pairs}: with fewer there is no interval")
    try:
        works = [quick(work) if given.quick else work for work in choose(given.only)]
    except ValueError as error:
        parser.error(str(error))
    console, cores = Console(width=100), Cores.choose()
    with checkout(given.before) as before:
        found = {work.id: compare(work, before, given.pairs, cores, console) for work in works}
    table = Table("work", "after / before", "95 %", "control", "95 %")
    is_dearer = False
    for id, ratios in found.items():
        now, control = interval(ratios["after"]), interval(ratios["control"])
        is_dearer |= now.low > given.bar
        cells = [(f"{each.middle:.3f}", f"{each.low:.3f} to {each.high:.3f}") for each in (now, control)]
        table.add_row(id, *cells[0], *cells[1])
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps(found))
    sys.exit(int(is_dearer))


if __name__ == "__main__":
    main()
