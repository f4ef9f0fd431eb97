"""Strict JSON: every trap is closed, and whatever the text is, the answer is a value or one error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plain import PLAIN

from nuphar import RemoteProtocolError
from nuphar.transport.wire.strict_json import dump_json, load_json


@given(PLAIN)
def test_plain_data_survives_json(value: Any) -> None:
    assert load_json(dump_json(value)) == value
    assert load_json(dump_json(value).decode()) == value


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_any_text_is_a_value_or_one_error_in_json(data: bytes | str) -> None:
    try:
        value = load_json(data)
    except RemoteProtocolError as error:
        assert (error.code, error.close_code) == ("malformed", 4400)  # noqa: PT017
    else:
        assert load_json(dump_json(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e400",
        '"\\ud800"',
        '["\\udc00x"]',
        "",
        "[1] 2",
        "[1",
        "18446744073709551616",
        "-9223372036854775809",
        '{"_":"$int","0":"x"}',
        '{"_":"$int","0":"--5"}',
        '{"_":"$int","0":"18446744073709551616"}',
        '{"_":"$int","0":"\u0661"}',
        '{"_":"$bytes","0":"é"}',
        '{"_":"$bytes","0":"A"}',
        '{"_":"$bytes","0":"AA!!AA=="}',
    ],
)
def test_what_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        load_json(text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'"\xff"', "expected JSON in UTF-8, got the byte 0xff at 1"),
        ('["x\\ud800"]', "expected whole characters, got half a surrogate pair, \\ud800"),
        ("9" * 5000, "expected integers of at most 64 bits"),
        ("[" * 17 + "]" * 17, "expected at most 16 levels of nesting, got more"),
        ("[" * 100_000, "expected at most 16 levels of nesting, got more"),
        ('{"\\u00e4":' * 400 + "1" + "}" * 400, "expected at most 16 levels of nesting, got more"),
    ],
)
def test_json_is_refused_in_our_own_words(data: bytes | str, says: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        load_json(data)
    assert str(refused.value) == says


def test_a_deep_bomb_in_json_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        load_json("[" * 100_000 + "]" * 100_000)


def test_bytes_and_large_integers_travel_in_json() -> None:
    assert dump_json(b"\xff\xfe") == b'{"_":"$bytes","0":"__4="}'
    assert dump_json(2**53) == b'{"_":"$int","0":"9007199254740992"}'
    assert load_json('{"_":"$bytes","0":"__4="}') == b"\xff\xfe"
    assert load_json('{"_":"$int","0":"9007199254740992"}') == 2**53


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"_":"$bytes","0":"AA==","1":1}', "bytes"),
        ('{"_":"$bytes"}', "bytes"),
        ('{"_":"$bytes","0":5}', "bytes"),
        ('{"_":"$int","0":5}', "int"),
        ('[{"0":"5","_":"$int","more":null}]', "int"),
    ],
)
def test_a_map_that_stands_for_bytes_or_an_integer_has_two_keys(text: str, value: str) -> None:
    with pytest.raises(RemoteProtocolError, match=f"expected \\${value} in JSON alone"):
        load_json(text)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"])
def test_json_is_utf_8_and_nothing_else(encoding: str) -> None:
    with pytest.raises(RemoteProtocolError):
        load_json('["ä \\ud800"]'.encode(encoding))
