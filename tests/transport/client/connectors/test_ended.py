"""What ends a client for good, whichever way it came."""

from __future__ import annotations

import pytest

from nuphar.actors.words.close_codes import CLOSE_CODES, is_final
from nuphar.transport.client.connectors.ended import ConnectionEnd, closed_with, is_for_good, refused_with


@pytest.mark.parametrize("code", [row.code for row in CLOSE_CODES])
def test_a_close_code_is_for_good_as_the_table_says(code: int) -> None:
    ended = closed_with(code, "why")
    assert ended.code == (code if is_final(code) else 0)
    assert "why" in ended.why


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410, 426])
def test_a_status_below_500_is_for_good(status: int) -> None:
    assert refused_with(status, "no") == ConnectionEnd(status, "no")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_status_that_says_later_is_not(status: int) -> None:
    assert not is_for_good(status)
    assert refused_with(status, "full") == ConnectionEnd(0, f"HTTP status {status}: full")
