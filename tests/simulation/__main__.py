"""``python -m simulation``: many runs, each from its seed.

``--seeds 1000`` runs seeds 0 to 999 (``--first`` says where to begin), ``--events 1000000`` as many as that takes;
``--seed 7`` runs one again. Needs ``PYTHONPATH=src:tests``.
"""

from __future__ import annotations

import argparse
import sys

from .batch import LENGTH, run, run_one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="how many runs")
    parser.add_argument("--events", type=int, default=0, help="run until there were so many events")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--length", type=int, default=LENGTH, help="events of a run before it calms down")
    parser.add_argument("--processes", type=int, default=1, help="how many processes share the work")
    options = parser.parse_args()
    if options.seed is not None:
        return run_one(options.seed, options.length)
    return run(options.first, options.seeds, options.events, options.length, options.processes)


if __name__ == "__main__":
    sys.exit(main())
