"""One table of frames: the classes, the docs and the browser client say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from nuphar.transport import frames
from nuphar.transport.wire.codec import read
from nuphar.transport.wire.frame_table import (
    CLIENT_FRAMES,
    CODES,
    FRAMES,
    SERVER_FRAMES,
    VALUE_FIELDS,
    WITH_REF,
    Value,
    prefix,
)
from nuphar.transport.wire.frames import Frame

ROOT = Path(__file__).parents[3]
WIRE = (ROOT / "docs/wire.md").read_text()
GOLDEN = dict(re.findall(r"^\| `(\w+)` \| `([0-9a-f]+)` \|", WIRE, re.MULTILINE))
KINDS = get_args(Frame)


def test_every_frame_has_one_row_and_one_number() -> None:
    assert list(FRAMES) == list(KINDS)
    assert list(CODES.values()) == sorted(set(CODES.values()))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_row_names_the_fields_of_its_class_in_their_order(kind: type) -> None:
    assert tuple(field.name for field in FRAMES[kind].fields) == kind._fields  # type: ignore[attr-defined]


def test_the_table_in_the_docs_is_ours() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+?) \| (→|←|both) \|", WIRE, re.MULTILINE)
    assert [(int(code), name, sender) for code, name, _, sender in rows] == [
        (row.code, kind.__name__, row.sender.value) for kind, row in FRAMES.items()
    ]
    for (_, _, told, _), row in zip(rows, FRAMES.values(), strict=True):
        names = re.sub(r" *(\{.*?\}|\[.*\])", "", told).split(", ")
        ours = [field.name.replace("_", " ") for field in row.fields]
        assert [name.startswith(our) for name, our in zip(names, ours, strict=True)] == [True] * len(ours), told


def test_the_browser_client_has_the_same_numbers() -> None:
    text = (ROOT / "transport/js/src/frames.js").read_text()
    theirs = {name: int(code) for name, code in re.findall(r"\b([A-Z_]+) = (\d+)[,;]", text)}
    ours = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).upper(): code for kind, code in CODES.items()}
    assert len(theirs.keys() & ours.keys()) > 10
    assert {name: code for name, code in theirs.items() if name in ours and ours[name] != code} == {}
    checks = {
        name: len(row.split(", ")) for name, row in re.findall(r"^  \[([A-Z_]+), \[(.*)\]\],$", text, re.MULTILINE)
    }
    assert len(checks) > 8
    fields = {ours_name: len(FRAMES[kind].fields) for ours_name, kind in zip(ours, FRAMES, strict=True)}
    assert checks.items() <= fields.items()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_prefix_is_how_the_golden_bytes_begin(kind: type) -> None:
    golden = bytes.fromhex(GOLDEN[kind.__name__])
    assert type(read(golden)) is kind
    assert golden.startswith(prefix(kind))


def test_what_is_derived_is_what_the_protocol_says() -> None:
    assert set(KINDS) == CLIENT_FRAMES | SERVER_FRAMES
    assert {frames.Ping, frames.Pong} == CLIENT_FRAMES & SERVER_FRAMES
    assert {frames.Subscribe, frames.Unsubscribe, frames.ClientMessage, frames.Call} == WITH_REF
    assert {kind for kind, values in VALUE_FIELDS.items() if values} == {
        frames.ClientMessage, frames.Call, frames.ServerMessage, frames.Push, frames.Snapshot, frames.Reply
    }  # fmt: skip
    assert VALUE_FIELDS[frames.Snapshot] == ((3, Value.MODEL),)
