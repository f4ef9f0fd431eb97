"""The map that may end some frames: strict about what it knows, blind to what it does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport import automatic, decode, encode
from nuphar.transport.wire.codec import read, ref_of
from nuphar.transport.wire.extra import KEYS, of_answers, of_message
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, Frame, ServerMessage
from nuphar.transport.wire.strict import dump_cbor

WIRE = (Path(__file__).parents[3] / "docs/wire.md").read_text()
GOLDEN = re.findall(r"^\| `(\w+)`, with `extra` \| `([0-9a-f]+)` \| `(.*)` \|$", WIRE, re.MULTILINE)
T = "topic:t"

FRAMES: list[Frame] = [
    Acknowledge(T, 9, [2, 0], False, {"author": ["ada", None], "at": [1.5, 1700000000]}),
    Acknowledge(T, 9, [], True, {"author": []}),
    ServerMessage(T, 9, "x", {"author": "ada", "at": 1700000000.25}),
    ServerMessage(T, 9, "x", {"author": None, "at": None}),
]


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("frame", FRAMES)
def test_it_is_read_as_it_was_written(frame: Frame, json: bool) -> None:
    assert decode(encode(frame, automatic(), json=json), automatic()) == frame


def test_there_are_golden_bytes_for_each_frame_that_may_have_it() -> None:
    assert [name for name, _, _ in GOLDEN] == ["Welcome", "ClientMessage", "Acknowledge", "ServerMessage"]
    for name, cbor, json in GOLDEN:
        frame = decode(bytes.fromhex(cbor), automatic())
        assert type(frame).__name__ == name
        assert decode(json, automatic()) == frame
        if name != "ClientMessage":
            assert encode(frame, automatic()).hex() == cbor
            assert encode(frame, automatic(), json=True).decode() == json


@pytest.mark.parametrize(
    ("with_none", "expected"),
    [
        (ClientMessage(2, T, "x", {}), [4, 2, T, "x"]),
        (Acknowledge(T, 9, [2], False, {}), [17, T, 9, [2], False]),
        (ServerMessage(T, 9, "x", {}), [19, T, 9, "x"]),
    ],
)
def test_an_empty_one_is_not_written_and_read_as_none(with_none: Any, expected: list[Any]) -> None:
    assert encode(with_none, automatic()) == dump_cbor(expected)
    assert read(dump_cbor([*expected, {}])) == read(dump_cbor(expected)) == with_none._replace(extra=None)


def test_keys_and_fields_of_a_later_version_are_ignored() -> None:
    assert read(dump_cbor([19, T, 9, "x", {"author": "ada", "colour": [1]}, 7])) == ServerMessage(
        T, 9, "x", {"author": "ada"}
    )
    assert read(dump_cbor([17, T, 9, [2], False, {"colour": 1, "at": [2.5]}, None])) == Acknowledge(
        T, 9, [2], False, {"at": [2.5]}
    )
    # Who wrote a message, and when, a server does not let clients say.
    assert read(dump_cbor([4, 2, T, "x", {"author": 5, "colour": 1}])) == ClientMessage(2, T, "x")


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([19, T, 9, "x", None], "ServerMessage: expected a map, got None"),
        ([19, T, 9, "x", []], "ServerMessage: expected a map, got []"),
        ([19, T, 9, "x", {"author": 5}], "ServerMessage: extra.author: expected text, got 5"),
        ([19, T, 9, "x", {"author": ["ada"]}], "ServerMessage: extra.author: expected text, got ['ada']"),
        ([19, T, 9, "x", {"at": "now"}], "ServerMessage: extra.at: expected seconds, got 'now'"),
        ([19, T, 9, "x", {"at": -1}], "ServerMessage: extra.at: expected seconds, got -1"),
        ([17, T, 9, [2], False, 1], "Acknowledge: expected a map, got 1"),
        ([17, T, 9, [2], False, {"at": 1.5}], "Acknowledge: extra.at: expected an array, got 1.5"),
        ([17, T, 9, [2], False, {"at": []}], "Acknowledge: extra.at: expected one for each ref, 1, got 0"),
        ([17, T, 9, [2], False, {"at": [1, 2]}], "Acknowledge: extra.at: expected one for each ref, 1, got 2"),
        ([17, T, 9, [2], False, {"author": [True]}], "Acknowledge: extra.author: expected text, got True"),
        ([16, "c", "s", "t", True, {}, 20, "", {"user": 5}], "Welcome: extra.user: expected text, got 5"),
        ([16, "c", "s", "t", True, {}, 20, "", 5], "Welcome: expected a map, got 5"),
        ([4, 2, T, "x", "extra"], "ClientMessage: expected a map, got 'extra'"),
    ],
)
def test_what_has_another_shape_is_no_frame(plain: list[Any], said: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(dump_cbor(plain))
    assert str(caught.value) == said
    assert caught.value.ref == ref_of(dump_cbor(plain)) == (2 if plain[0] == 4 else 0)


def test_each_key_has_a_check() -> None:
    assert of_message(dict.fromkeys(KEYS)) == dict.fromkeys(KEYS)
    assert of_answers({key: [None, None] for key in KEYS}, 2) == {key: [None, None] for key in KEYS}
