"""The simulation itself: one seed is one run, and what is broken is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.carrying import Carrying
from nuphar.actors.targets.order import Order
from nuphar.actors.targets.target import Target

from . import batch
from .points import POINTS
from .scene import scene

ROOT = Path(__file__).parents[2]

SEEDS = range(3)
RUNS = 40
"""The runs that are part of every test run."""


def test_one_seed_is_one_run() -> None:
    assert [batch.outcome(seed) for seed in SEEDS] == [batch.outcome(seed) for seed in SEEDS]


def test_two_seeds_are_two_runs() -> None:
    assert len({batch.outcome(seed).hash for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_a_run_does_not_depend_on_the_order_of_sets(hash_seed: str) -> None:
    """Texts have another hash in each process, and objects another address."""
    result = subprocess.run(
        [sys.executable, "-m", "simulation", "--seed", "7"],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert batch.outcome(7).hash in result.stdout


def test_some_runs_with_faults_break_no_promise() -> None:
    """A sample; `make simulate` runs as many as one likes, and .ci/run a million events."""
    for result in batch.each(0, RUNS, batch.LENGTH, 1):
        assert not result.fault, f"seed {result.seed}: {result.fault}; {batch.replay(result.seed, batch.LENGTH)}"


def test_every_point_has_a_name_of_its_own() -> None:
    assert len(set(POINTS)) == len(POINTS)


# What is broken is noticed.


def faults(monkeypatch: pytest.MonkeyPatch, where: type, name: str, broken: Any, seeds: int = 60) -> list[str]:
    """Break something of ours, and return the first faults that are found."""
    monkeypatch.setattr(where, name, broken)
    found = (result.fault for result in map(batch.outcome, range(seeds)) if result.fault)
    return list(islice(found, 1))


def test_a_message_that_is_applied_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Order.apply

    def twice(order: Order, message: Any, payload: bytes, carrying: Carrying) -> int:
        apply(order, message, payload, carrying)
        return apply(order, message, payload, carrying)

    (fault,) = faults(monkeypatch, Order, "apply", twice)
    assert "is applied twice" in fault


def test_an_unsubscribe_without_an_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    leave = Target.leave
    (fault,) = faults(monkeypatch, Target, "leave", lambda target, subscriber, ref: leave(target, subscriber, None))
    assert "is not settled" in fault


def test_a_rejected_that_is_never_written_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, Session, "say_rejected", lambda *_: None)
    assert "without faults" in fault


def test_a_subscribe_that_is_over_and_not_answered_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, Session, "say_done", lambda *_: None)
    assert "without faults" in fault


def test_a_failed_run_says_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "say_rejected", lambda *_: None)
    assert batch.run(0, 60, 0) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("PYTHONPATH=src:tests python -m simulation --seed ")


def test_a_run_in_which_nothing_goes_wrong_ends_well() -> None:
    with scene() as stage:
        stage.post(stage.client())
