from __future__ import annotations

import json
from typing import Any

import pytest

from nuphar.load.latency import Latencies
from nuphar.load.plan import Plan
from nuphar.load.result import Result
from nuphar.load.tally import RunCounts

PLAN = Plan(clients=4, topics=2, seconds=3.0)


def result(plan: Plan = PLAN, counts: dict[str, int] | None = None, **fields: Any) -> Result:
    return Result(plan, 3.0, 4, counts=RunCounts(**{"final_acknowledges": 4, **(counts or {})}), **fields)


def test_the_json_has_exactly_these_keys() -> None:
    keys = "clients topics seconds acknowledged delivered lost duplicated disordered diverged p50_ms p99_ms"
    more = "final_acknowledges rejected disconnects rate kills cuts"

    assert list(json.loads(json.dumps(result().as_json()))) == [*keys.split(), *more.split()]


def test_latencies_are_in_milliseconds() -> None:
    latencies = Latencies()
    latencies.add(0.25)

    assert result(latencies=latencies).as_json()["p99_ms"] == pytest.approx(250, rel=0.02)


def test_a_run_that_measured_nothing_has_no_latencies() -> None:
    assert result().as_json()["p50_ms"] is None
    assert ("p50, ms", "none") in result().rows()


@pytest.mark.parametrize("name", ["lost", "duplicated", "disordered", "diverged"])
def test_one_fault_is_not_good(name: str) -> None:
    assert result().is_good
    assert not result(counts={name: 1}).is_good


def test_a_disconnect_is_not_good() -> None:
    assert not result(disconnects=1).is_good


def test_a_missing_final_acknowledge_is_not_good() -> None:
    assert not result(counts={"final_acknowledges": 3}).is_good


def test_somebody_elses_server_gives_no_final_acknowledge() -> None:
    there = result(Plan(clients=4, url="ws://h/live"), {"final_acknowledges": 0})

    assert there.is_good
    assert ("final acknowledges", "0 (not our server to stop)") in there.rows()


def test_rejected_messages_are_no_fault() -> None:
    assert result(counts={"rejected": 9}).is_good


def test_clients_that_were_short_of_cpu_are_named() -> None:
    assert result(client_cpu=0.5).all_remarks() == []
    assert "short of CPU" in result(client_cpu=0.97).all_remarks()[0]


def test_cuts_are_shown_where_there_were_some() -> None:
    assert ("connections cut", "7") in result(Plan(flaky=3.0), cuts=7).rows()
    assert "connections cut" not in dict(result().rows())
