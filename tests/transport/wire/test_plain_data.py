"""Plain data: what is written can be read and is the same then, and what cannot be read is not written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import cbor2
import pytest
from hypothesis import example, given, settings
from support.plain import MAYBE_PLAIN, ODD, same, wrapped

from nuphar import LocalProtocolError, RemoteProtocolError
from nuphar.transport.wire.plain_data import DEPTH, as_lists, check_plain
from nuphar.transport.wire.strict import dump_cbor, load_cbor
from nuphar.transport.wire.strict_json import dump_json, load_json


class Form(NamedTuple):
    """``lax`` writes what it can, as anybody's encoder does."""

    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]
    lax: Callable[[Any], bytes]


FORMS = [
    pytest.param(Form(dump_cbor, load_cbor, cbor2.dumps), id="cbor"),
    pytest.param(Form(dump_json, load_json, lambda value: json.dumps(value).encode()), id="json"),
]


def written(form: Form, value: Any) -> bytes | None:
    try:
        return form.dump(value)
    except LocalProtocolError:
        return None


def read(form: Form, data: bytes) -> Any:
    try:
        return form.load(data)
    except RemoteProtocolError:
        return ...


def check_both_ways(form: Form, value: Any) -> None:
    data = written(form, value)
    if data is not None:
        assert same(form.load(data), value)
        return
    try:
        data = form.lax(value)
    except Exception:
        return  # nobody can write it
    assert not same(read(form, data), value), "it was refused, though it can be read"


@pytest.mark.parametrize("form", FORMS)
@given(value=MAYBE_PLAIN)
@settings(max_examples=300)
@example(value=wrapped(1, DEPTH))
@example(value=wrapped(b"", DEPTH))
@example(value=wrapped({}, DEPTH))
@example(value=[{"_": "$int", "0": "7"}])
def test_what_is_written_is_read_the_same_and_what_is_refused_could_not_be(form: Form, value: Any) -> None:
    check_both_ways(form, value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", ODD, ids=[f"{at}-{type(value).__name__}" for at, value in enumerate(ODD)])
def test_odd_values_too(form: Form, value: Any) -> None:
    check_both_ways(form, value)


@given(value=MAYBE_PLAIN)
def test_both_forms_take_the_same_values(value: Any) -> None:
    cbor, text = (form.values[0] for form in FORMS)
    assert (written(cbor, value) is None) == (written(text, value) is None)


@pytest.mark.parametrize("form", FORMS)
def test_seventeen_levels_and_circles_are_refused_in_both_forms(form: Form) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value in (wrapped(1, DEPTH + 1), wrapped([], DEPTH), circle, {"a": circle}):
        with pytest.raises(LocalProtocolError, match="expected at most 16 levels of nesting, got more"):
            form.dump(value)


def test_a_depth_of_its_own_is_named() -> None:
    assert check_plain([[1]], 2) == [[1]]
    with pytest.raises(RemoteProtocolError, match="expected at most 2 levels of nesting, got more"):
        check_plain([[[1]]], 2)


def test_tuples_become_lists_down_to_the_depth_of_a_frame() -> None:
    assert as_lists(((1, {"a": (2,)}), b"x")) == [[1, {"a": [2]}], b"x"]
    deep: Any = ()
    for _ in range(2_000):
        deep = (deep,)
    assert as_lists(deep)
