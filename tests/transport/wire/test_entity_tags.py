"""If-None-Match, compared as RFC 9110 says."""

from __future__ import annotations

import time

import pytest

from nuphar.transport.wire.entity_tags import matches


@pytest.mark.parametrize("field", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a" , "c"', ', "a",', "*", " * ", '"x,y", "a"'])
def test_a_field_that_names_the_tag_matches(field: str) -> None:
    assert matches(field, '"a"')
    assert matches(field, 'W/"a"')


@pytest.mark.parametrize(
    "field", ["", '"b"', "a", 'w/"a"', '"x"a"', '"a" "b"', '"a", b', '"a", *', '"b,"a"', 'W/ "a"', ","]
)
def test_another_or_an_ill_formed_field_does_not(field: str) -> None:
    assert not matches(field, '"a"')


def test_a_long_field_takes_no_long_time() -> None:
    began = time.process_time()
    for field in ('"b",' * 16_000, '"b"' + ", " * 32_000 + "x", " " * 64_000, "," * 64_000 + "x", '"b" ' * 16_000):
        matches(field, '"a"')
    assert time.process_time() - began < 2.0
