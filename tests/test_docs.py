"""The documentation is true: its examples run, its golden bytes are ours."""

from __future__ import annotations

import doctest
import logging
import re
from pathlib import Path

import pytest

from nuphar.transport import automatic, decode, encode, frames

DOCS = Path(__file__).parents[1] / "docs"
GOLDEN = re.findall(r"^\| `(\w+)` \| `([0-9a-f]+)` \| `(.*)` \|$", (DOCS / "wire.md").read_text(), re.MULTILINE)
TESTS = sorted(
    {
        found
        for page in ("guarantees.md", "design/races.md")
        for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / page).read_text())
    }
)


@pytest.mark.parametrize(
    ("page", "examples"),
    [
        ("clients.md", 5),
        ("supervision.md", 20),
        ("delivery.md", 15),
        ("typing.md", 7),
        ("testing.md", 15),
        ("identity.md", 25),
        ("server.md", 20),
        ("design/kinds.md", 10),
    ],
)
def test_the_examples_of_a_page_run(page, examples):
    logging.getLogger("nuphar").setLevel(logging.CRITICAL)
    try:
        results = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=doctest.ELLIPSIS)
    finally:
        logging.getLogger("nuphar").setLevel(logging.NOTSET)
    assert results.attempted > examples
    assert results.failed == 0


def test_there_is_a_golden_line_for_each_frame():
    assert [name for name, _, _ in GOLDEN] == [kind.__name__ for kind in frames.Frame.__args__]


@pytest.mark.parametrize(("name", "cbor", "json"), GOLDEN, ids=[name for name, _, _ in GOLDEN])
def test_the_golden_bytes_are_what_we_write_and_read(name, cbor, json):
    serialiser = automatic()
    frame = decode(bytes.fromhex(cbor), serialiser)
    assert type(frame).__name__ == name
    assert encode(frame, serialiser).hex() == cbor
    assert encode(frame, serialiser, json=True).decode() == json
    assert decode(json, serialiser) == frame


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_what_shows_a_guarantee_is_a_test(path, name):
    assert re.search(rf"^(async )?def {name}\(", (DOCS.parent / path).read_text(), re.MULTILINE)


def test_every_guarantee_and_every_bad_input_names_its_test():
    rows = re.findall(r"^\| (?!-|what|promise|it came)(.*) \|$", (DOCS / "guarantees.md").read_text(), re.MULTILINE)
    assert len(rows) > 40
    assert [row for row in rows if "tests/" not in row] == []
