"""The words of the log: each line has its fields in its text and in its record."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from nuphar.actors.runtime import happenings
from nuphar.actors.runtime.happenings import ALL, CLOSED, DENIED, LOST, NAME, Happening, is_told, tell
from nuphar.actors.runtime.log_throttle import THROTTLE

DOCS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture(autouse=True)
def _from_the_beginning() -> None:
    THROTTLE.forget()


@pytest.mark.parametrize("line", ALL, ids=lambda line: f"{line.event}-{line.level}")
def test_each_line_names_all_of_its_fields(line: Happening, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    values = [1.5 if name == "seconds" else f"the {name}" for name in line.fields]
    tell(line, *values)
    (record,) = caplog.records
    assert (record.name, record.levelno, record.event) == (NAME, line.level, line.event)  # type: ignore[attr-defined]
    for name, value in zip(line.fields, values, strict=True):
        assert getattr(record, name) == value
        assert str(value) in record.getMessage()


def test_what_is_not_known_is_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    tell(CLOSED, None, None, None, 0.0, None, None)
    assert caplog.records[0].bytes_in is None  # type: ignore[attr-defined]


def test_a_level_that_is_off_is_asked_first(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.INFO, NAME)
    monkeypatch.setattr(happenings, "logger", None)  # whoever used it would raise
    tell(CLOSED, None, None, None, 0.0, None, None)
    assert not is_told(CLOSED)
    assert is_told(LOST)
    assert is_told(DENIED)


def test_a_flood_of_one_kind_is_one_line_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    for at in range(500):
        tell(DENIED, f"c{at}", "topic:t", "ada", "denied")
    assert len(caplog.records) < 5


def test_a_name_with_a_line_break_makes_no_second_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, NAME)
    tell(DENIED, "c", "topic:t", "ada\nroot logged in", "denied")
    assert "\n" not in caplog.records[0].getMessage()


def test_the_docs_list_every_line_with_its_level_and_its_fields() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCS.read_text(), re.MULTILINE))
    for line in ALL:
        level, _, fields = rows.pop(line.event, rows.get(line.event, "")).partition(" | ")
        rows.setdefault(line.event, f"{level} | {fields}")
        assert logging.getLevelName(line.level) in level
        assert tuple(re.findall(r"`(\w+)`", fields.rpartition(" | ")[2])) == line.fields
    assert set(rows) == {line.event for line in ALL}
