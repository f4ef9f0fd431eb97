"""``python -m simulation.mutants``: does the simulation find faults that are put into our own code?

Each mutant gets a process of its own, and seed after seed until an oracle speaks. ``--only part`` tries those whose
names have ``part`` in them. Needs ``PYTHONPATH=src:tests``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

from . import MUTANTS
from .mutant import Mutant
from .trial import SECONDS, SEEDS, Verdict, judge

ENOUGH = 0.95
"""The share that has to be found out."""

PATIENCE = 30.0
"""Seconds for which a process may go on after its time: then it hangs, and has not been found out."""


class Result(NamedTuple):
    """What became of a mutant; ``said`` is the oracle's sentence, or why there is none."""

    mutant: Mutant
    is_killed: bool
    seed: int
    events: int
    said: str


def trial(mutant: Mutant, seeds: int, seconds: float) -> Result:
    """Try ``mutant`` in another process."""
    command = [sys.executable, "-m", __package__, "--judge", json.dumps(mutant)]
    command += ["--seeds", str(seeds), "--seconds", str(seconds)]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(mutant, False, 0, 0, f"one run takes more than {PATIENCE:g} s")
    if done.returncode:
        return Result(mutant, False, 0, 0, f"its process failed: {done.stderr.strip().splitlines()[-1:]}")
    verdict = Verdict(*json.loads(done.stdout.splitlines()[-1]))
    if verdict.fault is None:
        return Result(mutant, False, verdict.seed, verdict.events, f"survived seeds 0 to {verdict.seed}")
    return Result(mutant, True, verdict.seed, verdict.events, verdict.fault)


def trials(mutants: Sequence[Mutant], seeds: int, seconds: float, processes: int) -> Iterator[Result]:
    """Try them all, ``processes`` at a time; results come as they are there."""
    with ThreadPoolExecutor(processes) as pool:
        for future in as_completed([pool.submit(trial, mutant, seeds, seconds) for mutant in mutants]):
            yield future.result()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(results: Sequence[Result]) -> Iterator[str]:
    """Return the lines of the table: survivors last."""
    width = max(len(result.mutant.name) for result in results)
    yield f"{'mutant':{width}}  {'seed':>4}  {'events':>9}  what the oracle said"
    for result in sorted(results, key=lambda result: (not result.is_killed, result.events)):
        said = result.said.replace("\n", " ")
        said = said if len(said) <= 100 else f"{said[:97]}..."
        yield f"{result.mutant.name:{width}}  {result.seed:4}  {result.events:9,}  {said}"


def main() -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="runs of one mutant, at most")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="seconds of one mutant, at most")
    parser.add_argument("--processes", type=int, default=2, help="how many processes share the work")
    parser.add_argument("--only", default="", help="a part of the names of those to try")
    parser.add_argument("--judge", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.judge is not None:
        say(json.dumps(judge(Mutant(*json.loads(options.judge)), options.seeds, options.seconds)))
        return 0
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    if not chosen:
        parser.error(f"no mutant has {options.only!r} in its name")
    begun = time.perf_counter()
    results = []
    for result in trials(chosen, options.seeds, options.seconds, options.processes):
        results.append(result)
        what = f"seed {result.seed}" if result.is_killed else "SURVIVES"
        say(f"{len(results):3} of {len(chosen)}  {what:9}  {result.mutant.name}")
    for line in ("", *table(results), ""):
        say(line)
    killed = sum(result.is_killed for result in results)
    took = time.perf_counter() - begun
    say(f"{killed} of {len(results)} mutants killed ({killed / len(results):.0%}) in {took:.0f} s")
    return 0 if killed >= ENOUGH * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
