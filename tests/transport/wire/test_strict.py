"""Strict CBOR: every trap is closed, and whatever the bytes are, the answer is a value or one error."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plain import PLAIN

from nuphar import RemoteProtocolError
from nuphar.transport.wire.plain_data import DEPTH
from nuphar.transport.wire.strict import dump_cbor, is_trouble, load_cbor, peek_cbor
from nuphar.transport.wire.strict_json import load_json


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@given(PLAIN)
def test_plain_data_survives_cbor(value: Any) -> None:
    assert load_cbor(dump_cbor(value)) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_one_error_in_cbor(data: bytes) -> None:
    try:
        value = load_cbor(data)
    except RemoteProtocolError as error:
        assert (error.code, error.close_code) == ("malformed", 4400)  # noqa: PT017
    else:
        assert load_cbor(dump_cbor(value)) == value


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


@pytest.mark.parametrize(
    ("data", "items"),
    [
        ("8407196f6f", (7, 0x6F6F)),
        ("82f6a0", (None, {})),
        ("8404", (None, None)),
        ("8404818101", (None, None)),
        ("8404c101", (None, None)),
        ("8404ff", (None, None)),
        ("80", (None, None)),
        ("04", (None, None)),
        ("", (None, None)),
        ("9bffffffffffffffff0407", (None, None)),
    ],
)
def test_the_first_two_items_are_read_whatever_comes_behind(data: str, items: Any) -> None:
    for rest in (b"", b"\xff", b"\x81" * 100):
        if items == (None, None) or not rest:
            assert peek_cbor(bytes.fromhex(data)) == items
        else:
            assert peek_cbor(bytes.fromhex(data) + rest) == items


@given(st.binary(max_size=40))
def test_any_bytes_may_be_looked_at(data: bytes) -> None:
    assert len(peek_cbor(data)) == 2


def has_trouble(value: Any, levels: int) -> bool:
    """Say by definition what `is_trouble` says level by level."""
    if type(value) is int:
        return not -(2**32) <= value < 2**32
    items = list(value.values()) if type(value) is dict else value
    return type(items) is list and (levels == 0 or any(has_trouble(item, levels - 1) for item in items))


@given(
    st.recursive(
        st.sampled_from([None, True, 0, 2**32 - 1, 2**32, -(2**32), -(2**32) - 1, "é", b"\x9b"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=12,
    )
)
def test_trouble_is_what_is_too_deep_or_too_large_wherever_it_stands(value: Any) -> None:
    assert is_trouble(dump_cbor(value)) == has_trouble(value, 3)
