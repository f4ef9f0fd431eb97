"""Many runs one after the other: progress, what was reached, and how to see a failed one again."""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from typing import NamedTuple

from .oracle import Broken
from .points import never_reached
from .world import World

LENGTH = 1_500
"""Events of one run before it calms down."""

TOGETHER = 25
"""Seeds that are handed to a process at once."""

ENOUGH = 400
"""Runs after which every point has to be reached."""

SHOWN = 30
"""Events that are shown of a failed run."""


class Outcome(NamedTuple):
    """What came of one run; ``fault`` is empty if all was well."""

    seed: int
    events: int
    hash: str
    seen: Counter[str]
    fault: str
    tail: tuple[str, ...]


def outcome(seed: int, length: int = LENGTH) -> Outcome:
    """Run one seed."""
    world = World(seed)
    fault, digest = "", ""
    try:
        digest = world.run(length)
    except Broken as broken:
        fault = str(broken)
    tail = tuple(f"{now:12.6f}  {what:6} {who} {size or ''}" for now, what, who, size, _ in world.trace[-SHOWN:])
    return Outcome(seed, world.events, digest, world.oracle.seen, fault, tail if fault else ())


def outcomes(seeds: list[int], length: int) -> list[Outcome]:
    """Run some seeds, up to the first that fails."""
    done = []
    for seed in seeds:
        done.append(outcome(seed, length))
        if done[-1].fault:
            break
    return done


def each(first: int, seeds: int, length: int, processes: int) -> Iterator[Outcome]:
    """Run seeds from ``first`` on, in their order; without an end if ``seeds`` is 0."""
    numbers = iter(range(first, first + seeds)) if seeds else count(first)
    if processes == 1:
        for seed in numbers:
            yield outcome(seed, length)
        return
    with ProcessPoolExecutor(processes) as pool:
        waiting = []
        while True:
            while len(waiting) < 2 * processes and (some := list(islice(numbers, TOGETHER))):
                waiting.append(pool.submit(outcomes, some, length))
            if not waiting:
                return
            yield from waiting.pop(0).result()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def replay(seed: int, length: int) -> str:
    """Return the command that runs a seed again."""
    return f"PYTHONPATH=src:tests python -m simulation --seed {seed} --length {length}"


def tell(failed: Outcome, length: int) -> None:
    """Say what went wrong, and how to see it again."""
    for line in failed.tail:
        say(line)
    say(f"seed {failed.seed}: {failed.fault}")
    say(replay(failed.seed, length))


def run_one(seed: int, length: int) -> int:
    """Run one seed; return the exit code."""
    result = outcome(seed, length)
    if result.fault:
        tell(result, length)
        return 1
    say(f"seed {seed}: {result.events} events, trace {result.hash}")
    return 0


def run(first: int, seeds: int, events: int, length: int = LENGTH, processes: int = 1) -> int:
    """Run ``seeds`` runs, or as many as make ``events``; return the exit code."""
    if not seeds and not events:
        seeds = ENOUGH
    begun = time.perf_counter()
    done = runs = 0
    seen: Counter[str] = Counter()
    digest = hashlib.sha256()
    told = begun
    for result in each(first, seeds, length, processes):
        if result.fault:
            tell(result, length)
            return 1
        runs += 1
        done += result.events
        seen += result.seen
        digest.update(result.hash.encode())
        now = time.perf_counter()
        if now - told > 10.0:
            told = now
            say(f"{runs:,} runs, {done:,} events, {done / (now - begun):,.0f} a second")
        if events and done >= events:
            break
    took = time.perf_counter() - begun
    for name, number in sorted(seen.items()):
        say(f"{number:12,}  {name}")
    say(f"{runs:,} runs, {done:,} events in {took:.1f} s, {done / took:,.0f} a second, trace {digest.hexdigest()}")
    missing = never_reached(seen)
    if missing and runs >= ENOUGH:
        say(f"never reached in {runs} runs: {', '.join(missing)}")
        return 1
    return 0
