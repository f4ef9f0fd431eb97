from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.errors import RemoteProtocolError
from nuphar.transport.serialiser.automatic import AutomaticCodec, Tables

CODEC = AutomaticCodec((), Tables(()))

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
tagged = st.sampled_from(
    [
        {"_": "$tuple", "0": [1, [2]]},
        {"_": "$set", "0": [1, 2]},
        {"_": "$set", "0": [1, 1]},
        {"_": "$dict", "0": [[1, 2]]},
        {"_": "$decimal", "0": "1.5"},
        {"_": "$nothing"},
        {"_": 7},
    ]
)
plain_data = st.recursive(
    scalars | tagged,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text("a_é", max_size=2), inside, max_size=3),
    max_leaves=20,
)


def outcome(decode: Any, plain: Any) -> Any:
    try:
        return decode(plain)
    except RemoteProtocolError as error:
        return f"refused: {error}"[: 30 if "key that" in str(error) else None]


def copied(plain: Any) -> Any:
    if isinstance(plain, list):
        return [copied(item) for item in plain]
    if isinstance(plain, dict):
        return {key: copied(item) for key, item in plain.items()}
    return plain


@given(plain_data)
def test_it_is_decoded_as_at_once_and_refused_as_at_once(plain: Any) -> None:
    at_once = outcome(CODEC.decode, copied(plain))
    in_turns = outcome(lambda data: CODEC.decode_in_turns(data, lambda *_: None), plain)
    if isinstance(at_once, str) and at_once.startswith("refused"):
        assert isinstance(in_turns, str)  # where several things are wrong, another may be named
        assert in_turns.startswith("refused")
    else:
        assert in_turns == at_once


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        ([1, {"a": [{"_": "$nothing"}]}], "[1]['a'][0]: unknown constructor '$nothing'"),
        ([[{"_x": 1}]], "[0][0]['_x']: expected a key that is a str and does not start with an underscore"),
        ([{"_": "$set", "0": [2, 2]}], "[0]: expected 2 distinct members, got 1"),
    ],
)
def test_the_path_of_what_is_wrong_is_named_as_at_once(plain: Any, text: str) -> None:
    for decode in (CODEC.decode, lambda data: CODEC.decode_in_turns(data, lambda *_: None)):
        with pytest.raises(RemoteProtocolError) as caught:
            decode(plain)
        assert str(caught.value) == text


def test_there_is_a_pulse_for_each_container_wherever_it_stands() -> None:
    pulses: list[None] = []
    plain = [[[1]], {"a": []}, {"_": "$tuple", "0": [[[]]]}, *range(2_000)]
    CODEC.decode_in_turns(plain, lambda *_: pulses.append(None))
    assert len(pulses) >= 10


def test_few_members_may_have_the_same_hash() -> None:
    modulus = 2**61 - 1
    few, many = (
        {"_": "$frozenset", "0": [{"_": "$decimal", "0": str(modulus * at + 1)} for at in range(count)]}
        for count in (100, 200)
    )
    assert len(CODEC.decode_in_turns(few, lambda *_: None)) == 100
    with pytest.raises(RemoteProtocolError, match="at most 10000 pairs of members with the same hash, got 19900"):
        CODEC.decode_in_turns(many, lambda *_: None)
    keys = {"_": "$dict", "0": [[key, 0] for key in many["0"]]}
    with pytest.raises(RemoteProtocolError, match="the same hash"):
        CODEC.decode_in_turns(keys, lambda *_: None)
