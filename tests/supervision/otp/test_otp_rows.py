"""Every case of OTP's has a test with its number in its name, or a line in docs/design/supervision.md that says why."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "design" / "supervision.md"


def numbers(letter: str, *ranges: tuple[int, int]) -> set[str]:
    return {f"{letter}{n:02}" for first, last in ranges for n in range(first, last + 1)}


ROWS = (
    numbers("C", (1, 88))
    | numbers("D", (1, 18))
    | numbers("E", (1, 11))
    | numbers("K", (1, 11))
    | numbers("P", (1, 10))
)
"""OTP's own cases, its rules, Elixir's, Pekko's, and what Pykka lacks."""

OPTIONAL = {"C73", "D17"} | numbers("C", (63, 69), (81, 84))
"""A run-time upgrade of a supervisor's code, introspection, hibernation."""

SHOULD = (
    {"C02", "C12", "C14", "C25", "C37", "C71", "C86", "C88", "D09", "D10", "D14", "D16", "E01", "E07", "E09", "E10"}
    | {"K01", "K05", "K06", "K09", "K11"}
    | numbers("C", (56, 62))
)

MUST = ROWS - OPTIONAL - SHOULD


def in_tests() -> set[str]:
    """Return the rows that test names of this folder carry."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_otp_*.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.update(f"{letter}{number}" for letter, number in re.findall(r"_([CDEKP])_?(\d\d)(?=_|$)", name))
    return found


def in_document() -> set[str]:
    """Return the rows that the document says are not tested."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text[text.index("| case |") :]
    found: set[str] = set()
    for cell in re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE):
        for letter, first, last in re.findall(r"([CDEKP])(\d\d)(?: to [CDEKP](\d\d))?", cell):
            found |= numbers(letter, (int(first), int(last or first)))
    return found


def test_the_table_has_138_rows() -> None:
    assert len(ROWS) == 138


def test_every_row_that_must_hold_has_a_test_or_a_reason() -> None:
    assert MUST - in_tests() - in_document() == set()


def test_every_row_that_should_hold_has_a_test_or_a_reason() -> None:
    assert SHOULD - in_tests() - in_document() == set()


def test_the_document_gives_no_reason_for_what_is_in_tests() -> None:
    assert in_document() & in_tests() == set()
    assert in_document() >= OPTIONAL
