"""Compares our supervisors with OTP's: the same scenarios, the same traces.

``python -m conformance.otp.compare``, with ``PYTHONPATH=src:tests``, takes
``--record 2500`` to write what OTP does to recorded.jsonl.gz,
``--fresh 100000`` to run ours and OTP's side by side,
``--seed 7 --only 12`` to run one of these again and show both traces.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .run_otp import Oracle, is_available
from .run_ours import run
from .scenarios import Scenario, from_json, scenario, to_json

RECORDED = Path(__file__).with_name("recorded.jsonl.gz")
RECORDED_SEED = 0
BATCH = 2_000


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def ours(scenario: Scenario) -> Any:
    """Return our trace, as JSON has it."""
    return json.loads(json.dumps(run(scenario)))


def recorded() -> Iterator[tuple[Scenario, Any]]:
    """Return the recorded scenarios, each with OTP's trace."""
    with gzip.open(RECORDED, "rt", encoding="ascii") as lines:
        for line in lines:
            item = json.loads(line)
            yield from_json(item["scenario"]), item["otp"]


def record(count: int) -> None:
    """Write ``count`` scenarios with OTP's traces; the same bytes each time."""
    scenarios = [scenario(RECORDED_SEED, number) for number in range(count)]
    with Oracle() as oracle:
        traces = oracle.traces(scenarios)
    lines = [
        json.dumps({"scenario": to_json(each), "otp": trace}, separators=(",", ":"))
        for each, trace in zip(scenarios, traces, strict=True)
    ]
    RECORDED.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode("ascii"), mtime=0))
    say(f"recorded {count} scenarios: {RECORDED.stat().st_size:,} bytes")


def fresh(seed: int, count: int) -> bool:
    """Run ``count`` scenarios on both; stop at the first difference and say how to see it again."""
    began = time.monotonic()
    steps = 0
    with Oracle() as oracle:
        coming = oracle.start(_batch(seed, 0, count))
        for first in range(0, count, BATCH):
            theirs, scenarios = coming.wait(), _batch(seed, first, count)
            if first + BATCH < count:
                coming = oracle.start(_batch(seed, first + BATCH, count))
            for number, (each, otp) in enumerate(zip(scenarios, theirs, strict=True), first):
                mine = ours(each)
                steps += len(otp)
                if mine != otp:
                    if first + BATCH < count:
                        coming.wait()
                    show(each, otp, mine)
                    say(f"scenario {number} differs; again: {_replay(seed, number)}")
                    return False
            done = first + len(scenarios)
            say(f"{done:,} of {count:,} scenarios, {steps:,} steps, no difference, {time.monotonic() - began:.0f} s")
    return True


def show(scenario: Scenario, otp: Any, mine: Any) -> None:
    """Print a scenario, and both traces step by step."""
    say(json.dumps(to_json(scenario), indent=1))
    for step in range(max(len(otp), len(mine))):
        theirs, our = (trace[step] if step < len(trace) else None for trace in (otp, mine))
        is_command = 0 < step <= len(scenario.commands)
        say(f"step {step}: {scenario.commands[step - 1] if is_command else 'start' if step == 0 else scenario.end}")
        say(f"  OTP  {json.dumps(theirs)}")
        say(f"  ours {'the same' if theirs == our else json.dumps(our)}")


def _batch(seed: int, first: int, count: int) -> list[Scenario]:
    return [scenario(seed, number) for number in range(first, min(first + BATCH, count))]


def _replay(seed: int, number: int) -> str:
    return f"PYTHONPATH=src:tests {sys.executable} -m conformance.otp.compare --seed {seed} --only {number}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare our supervisors with OTP's.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=int, metavar="N", help="record N scenarios anew")
    parser.add_argument("--fresh", type=int, metavar="N", help="run N scenarios on both")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="run one scenario on both and show it")
    options = parser.parse_args()
    if not is_available():
        say("expected erl and erlc on the PATH (Debian: apt-get install erlang-base), got none")
        return 2
    if options.record:
        record(options.record)
    if options.only is not None:
        each = scenario(options.seed, options.only)
        with Oracle() as oracle:
            otp = oracle.traces([each])[0]
        show(each, otp, mine := ours(each))
        return 0 if otp == mine else 1
    if options.fresh and not fresh(options.seed, options.fresh):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
