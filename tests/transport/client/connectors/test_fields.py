"""Header fields of the program: what a request cannot carry is refused before there is one."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import UsageError
from nuphar.transport.client.connectors.fields import Fields


@pytest.mark.parametrize("headers", [{"X-Token": "abc"}, (("X-Token", "abc"),), [["X-Token", " abc "]]])
def test_pairs_and_mappings_are_fields(headers: Any) -> None:
    assert Fields(headers).now() == (("X-Token", "abc"),)


def test_fields_of_one_name_become_one() -> None:
    pairs = [("X-A", "1"), ("Cookie", "a=1"), ("x-a", "2"), ("cookie", "b=2")]
    assert Fields(pairs).now() == (("X-A", "1, 2"), ("Cookie", "a=1; b=2"))


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ((("X-A", "a\r\nX-B: b"),), r"line ends as X-A, got '\\r' at character 1"),
        ((("X-A", "a\nb"),), r"got '\\n' at character 1"),
        ((("X-A", "a\x00b"),), r"got '\\x00'"),
        ((("X-A", "\u20ac"),), "latin-1"),
        ((("X-A", 7),), "got int"),
        ((("X-A", b"x"),), "got bytes"),
        ((("X A", "b"),), "expected a name like"),
        ((("X-A:", "b"),), "expected a name like"),
        ((("", "b"),), "expected a name like"),
        ((("caf\u00e9", "b"),), "expected a name like"),
        ((("Sec-WebSocket-Key", "b"),), "is set by the client itself"),
        ((("Content-Length", "1"),), "is set by the client itself"),
        ((("nuphar-line", "1"),), "is set by the client itself"),
        ((("Host", "a"), ("Host", "b")), "expected one Host"),
        ("X-A: b", "expected pairs"),
        (7, "expected pairs"),
    ],
)
def test_what_no_request_can_carry_is_refused_in_one_sentence(headers: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text) as caught:
        Fields(headers)
    assert "\n" not in str(caught.value)


def test_a_secret_is_not_told_to_the_log() -> None:
    with pytest.raises(UsageError) as caught:
        Fields({"Authorization": "Bearer secret\n"})
    assert "secret" not in str(caught.value)


def test_a_function_is_asked_at_each_try() -> None:
    tokens = iter("ab")
    fields = Fields(lambda: {"X-Token": next(tokens)})
    assert [fields.now(), fields.now()] == [(("X-Token", "a"),), (("X-Token", "b"),)]


def test_what_goes_wrong_in_a_function_is_an_error_of_the_try() -> None:
    with pytest.raises(ConnectionError, match="the function for headers raised StopIteration"):
        Fields(lambda: next(iter(()))).now()
    with pytest.raises(ConnectionError, match="the function for headers: expected latin-1"):
        Fields(lambda: {"X": "\n"}).now()


def test_a_coroutine_function_is_refused() -> None:
    async def headers() -> dict[str, str]:
        return {}

    with pytest.raises(UsageError, match="plain function"):
        Fields(headers)
