from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.serving import program

pytest.importorskip("rich")


def test_a_tiny_work_gives_a_row_for_nuphar_and_one_for_the_floor(tmp_path: Path) -> None:
    file, page = tmp_path / "results.json", tmp_path / "results.md"
    command = ["-m", "bench", "--quick", "--only", "w3-2", "--peers", "floor"]

    with program(*command, "--json", str(file), "--markdown", str(page)) as run:
        code = run.wait(50.0)

    found = json.loads(file.read_text())
    assert (code, found["errors"]) == (0, []), run.output
    assert found["medians"].keys() == {"w3-2"}
    for row in found["medians"]["w3-2"].values():
        assert row["cpu_us"] > 0
        assert row["per_second"] > 0
        assert 0 < row["p50_ms"] <= row["p99_ms"]
    assert "| Nuphar |" in page.read_text()
    assert "| bare send loop, gevent |" in page.read_text()


def test_an_unknown_work_is_refused_with_those_there_are() -> None:
    with program("-m", "bench", "--only", "w99") as run:
        code = run.wait()

    assert code == 2
    assert "there is no work 'w99'; there are w1-1000, " in run.output
