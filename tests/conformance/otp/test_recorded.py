"""Ours against what OTP's supervisor did in the recorded scenarios; ``make otp`` records them anew and runs more."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from conformance.otp.compare import ours, recorded
from conformance.otp.scenarios import Scenario

PARTS = 10


@cache
def everything() -> list[tuple[Scenario, Any]]:
    return list(recorded())


@pytest.mark.parametrize("part", range(PARTS))
def test_our_supervisors_do_what_otps_did(part: int) -> None:
    different = []
    for number, (scenario, otp) in enumerate(everything()):
        if number % PARTS == part and (mine := ours(scenario)) != otp:
            different.append((number, scenario, otp, mine))
    assert different == []


def test_enough_is_recorded_of_every_strategy() -> None:
    strategies = [scenario.strategy for scenario, _ in everything()]
    assert len(strategies) >= 2_000
    for strategy in ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"):
        assert strategies.count(strategy) >= 300
