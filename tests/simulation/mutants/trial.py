"""The trial of one mutant: seed after seed in this process, until an oracle finds it out."""

from __future__ import annotations

import time
from typing import NamedTuple

from .importing import install
from .mutant import Mutant

SEEDS = 300
"""Runs that a mutant has to survive, at most."""

SECONDS = 60.0
"""Seconds that its runs may take together, of the wall clock."""


class Verdict(NamedTuple):
    """``fault`` is what the oracle said at ``seed``, None if none said anything; ``events`` are those of all runs."""

    seed: int
    events: int
    fault: str | None


def judge(mutant: Mutant, seeds: int = SEEDS, seconds: float = SECONDS) -> Verdict:
    """Run a mutant. Nothing of Nuphar may have been imported, and the process is good for nothing else afterwards."""
    install(mutant)
    from ..batch import LENGTH, outcome

    until = time.monotonic() + seconds
    events = seed = 0
    for seed in range(seeds):
        result = outcome(seed, LENGTH)
        events += result.events
        if result.fault:
            return Verdict(seed, events, result.fault)
        if time.monotonic() > until:
            break
    return Verdict(seed, events, None)
