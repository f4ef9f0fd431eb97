from __future__ import annotations

import pytest
from bench.bars import BARS, Bar
from bench.works import CONNECTIONS, WORKS, choose

MEDIANS = {"w": {"nuphar": {"cpu_us": 3.0}, "ws": {"cpu_us": 4.0}}}


@pytest.mark.parametrize(("bound", "is_met"), [(0.75, True), (0.74, False)])
def test_a_bar_is_met_up_to_its_bound(bound: float, is_met: bool) -> None:
    assert Bar("w", "cpu_us", bound, "ws").judge(MEDIANS) == (0.75, is_met)


@pytest.mark.parametrize("bar", [Bar("w", "cpu_us", 1.0, "floor"), Bar("other", "cpu_us", 1.0), Bar("w", "kib", 1.0)])
def test_a_bar_whose_numbers_are_missing_says_nothing(bar: Bar) -> None:
    assert bar.judge(MEDIANS) is None


def test_every_bar_is_about_a_work_that_there_is() -> None:
    works = {work.id for work in (*WORKS, *CONNECTIONS)}

    assert {bar.work for bar in BARS} | {bar.other_work for bar in BARS if bar.other_work} <= works


def test_a_family_of_works_is_chosen_by_its_name() -> None:
    assert [work.id for work in choose("w5,w2")] == ["w5", "w2", "w2-paced"]
