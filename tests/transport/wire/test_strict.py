"""Strict CBOR and JSON: every trap is closed, and whatever the bytes are, the answer is a value or one error."""

from __future__ import annotations

import json
import math
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import LocalProtocolError, RemoteProtocolError
from nuphar.transport.wire.frames import MAX_INTEGER
from nuphar.transport.wire.strict import DEPTH, dump_cbor, dump_json, load_cbor, load_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.binary(max_size=8)
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(lambda key: key != "_"), inner, max_size=4),
    max_leaves=12,
)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@given(PLAIN)
def test_plain_data_survives_cbor(value: Any) -> None:
    assert load_cbor(dump_cbor(value)) == value


@given(PLAIN)
def test_plain_data_survives_json(value: Any) -> None:
    assert load_json(dump_json(value)) == value
    assert load_json(dump_json(value).decode()) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_one_error_in_cbor(data: bytes) -> None:
    try:
        value = load_cbor(data)
    except RemoteProtocolError as error:
        assert (error.code, error.close_code) == ("malformed", 4400)  # noqa: PT017
    else:
        assert load_cbor(dump_cbor(value)) == value


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_any_text_is_a_value_or_one_error_in_json(data: bytes | str) -> None:
    try:
        value = load_json(data)
    except RemoteProtocolError as error:
        assert (error.code, error.close_code) == ("malformed", 4400)  # noqa: PT017
    else:
        assert load_json(dump_json(value)) == value


@given(PLAIN, st.data())
def test_a_cut_item_is_never_taken_for_a_whole_one(value: Any, data: st.DataObject) -> None:
    whole = dump_cbor(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(RemoteProtocolError):
        load_cbor(whole[:cut])


@given(PLAIN, st.binary(min_size=1, max_size=20))
def test_bytes_left_over_are_refused(value: Any, rest: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        load_cbor(dump_cbor(value) + rest)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("c11a514b67b0", "tags are not allowed, got tag 1"),
        ("d81c80", "got tag 28"),
        ("c249010000000000000000", "got tag 2"),
        ("81c11a514b67b0", "got tag 1"),
        ("9f01ff", "not a CBOR item"),
        ("bf616101ff", "not a CBOR item"),
        ("5f4101ff", "not a CBOR item"),
        ("7f6161ff", "not a CBOR item"),
        ("a2616101616102", "not a CBOR item"),
        ("a10101", "not int"),
        ("a1410101", "expected text as a key, got bytes"),
        ("a1f601", "not NoneType"),
        ("f7", "not plain data"),
        ("f0", "not plain data"),
        ("f97e00", "finite"),
        ("f97c00", "finite"),
        ("f9fc00", "finite"),
        ("3b8000000000000000", "at most 64 bits"),
        ("3bffffffffffffffff", "at most 64 bits"),
        ("", "not"),
        ("ff", "not a CBOR item"),
        ("1c", "not a CBOR item"),
        ("62c328", "not a CBOR item"),
        ("9b7fffffffffffffff", "not a CBOR item"),
        ("5b7fffffffffffffff", "not a CBOR item"),
        ("0000", "bytes are left over"),
    ],
)
def test_what_is_not_strict_cbor_is_refused(data: str, says: str) -> None:
    with pytest.raises(RemoteProtocolError, match=says):
        load_cbor(bytes.fromhex(data))


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


@pytest.mark.parametrize(("levels", "depth"), [(17, 16), (100_000, 16), (16, 15)])
def test_cbor_that_is_too_deep_is_refused_with_the_limit(levels: int, depth: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"^expected at most {depth} levels of nesting, got more$"):
        load_cbor(b"\x81" * levels + b"\x01", depth)


@pytest.mark.parametrize("form", ["cbor", "json"])
def test_nesting_ends_at_sixteen_levels(form: str) -> None:
    load = load_cbor if form == "cbor" else load_json
    dump: Any = cbor2.dumps if form == "cbor" else (lambda value: json.dumps(value).encode())
    assert load(dump(nested(DEPTH))) == nested(DEPTH)
    with pytest.raises(RemoteProtocolError):
        load(dump(nested(DEPTH + 1)))
    with pytest.raises(RemoteProtocolError):
        load(dump(nested(500)))


@pytest.mark.parametrize("bomb", [b"\x81" * 100_000 + b"\x01", b"\xa1\x61a" * 100_000 + b"\x01"])
def test_a_deep_bomb_is_refused_and_not_recursed_into(bomb: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        load_cbor(bomb)


def test_a_deep_bomb_in_json_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        load_json("[" * 100_000 + "]" * 100_000)


def test_bytes_and_large_integers_travel_in_json() -> None:
    assert dump_json(b"\xff\xfe") == b'{"_":"$bytes","0":"__4="}'
    assert dump_json(2**53) == b'{"_":"$int","0":"9007199254740992"}'
    assert load_json('{"_":"$bytes","0":"__4="}') == b"\xff\xfe"
    assert load_json('{"_":"$int","0":"9007199254740992"}') == 2**53


@pytest.mark.parametrize("value", [object(), {1, 2}.__iter__(), [object()]])
def test_what_is_not_plain_data_is_our_own_bug(value: Any) -> None:
    with pytest.raises(LocalProtocolError):
        dump_cbor(value)
    with pytest.raises(LocalProtocolError):
        dump_json(value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_nan_and_no_infinity(value: float) -> None:
    with pytest.raises(LocalProtocolError):
        dump_json(value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"])
def test_json_is_utf_8_and_nothing_else(encoding: str) -> None:
    with pytest.raises(RemoteProtocolError):
        load_json('["ä \\ud800"]'.encode(encoding))
