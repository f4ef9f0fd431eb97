"""Two checkouts in pairs: the interval is right, and the whole thing runs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from bench.pairs import ROOT, interval


@pytest.mark.parametrize(("count", "out"), [(6, 0), (8, 0), (9, 1), (15, 3), (20, 5), (30, 9)])
def test_as_many_are_left_out_at_each_end_as_the_tables_say(count: int, out: int) -> None:
    ordered = [float(each) for each in range(count)]
    found = interval(random.Random(1).sample(ordered, count))
    assert (found.low, found.high) == (ordered[out], ordered[-1 - out])


def test_the_interval_has_the_true_median_in_nineteen_of_twenty_cases() -> None:
    chance, hits = random.Random(2), 0
    for _ in range(1_000):
        low, _, high = interval([chance.lognormvariate(0.0, 0.1) for _ in range(15)])
        hits += low <= 1.0 <= high
    assert hits >= 950


def test_too_few_pairs_are_refused() -> None:
    command = [sys.executable, "-m", "bench.pairs", "--before", "HEAD", "--pairs", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "expected at least 6 pairs, got 5" in done.stderr


def test_the_present_revision_is_compared_with_this_tree(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    file = tmp_path / "ratios.json"
    command = [sys.executable, "-m", "bench.pairs", "--before", "HEAD", "--pairs", "6", "--quick", "--only", "w3-1"]
    command += ["--bar", "1000", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert {name: len(ratios) for name, ratios in json.loads(file.read_text())["w3-1"].items()} == {
        "after": 6,
        "control": 6,
    }
