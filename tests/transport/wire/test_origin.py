"""Which origins may connect, and what a refusal says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.errors import OriginRefused, UsageError
from nuphar.transport.wire.origin import Origins


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://a.example", "a.example"),
        ("http://a.example", "a.example"),
        ("https://A.Example/", "a.eXample"),
        ("https://a.example", "a.example:443"),
        ("https://a.example:443", "a.example"),
        ("http://a.example:8000", "a.example:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        (None, "a.example"),
        (None, None),
    ],
)
def test_the_same_origin_passes(origin: str | None, host: str | None) -> None:
    Origins().check(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://b.example", "a.example"),
        ("https://a.example.b.example", "a.example"),
        ("https://a.example:8443", "a.example"),
        ("http://a.example", "a.example:443"),
        ("https://a.example@b.example", "b.example"),
        ("https://a.example/path", "a.example"),
        ("https://a.example//", "a.example"),
        ("https://a.example,https://b.example", "a.example"),
        ("null", "null"),
        ("a.example", "a.example"),
        ("ftp://a.example", "a.example"),
        ("", "a.example"),
        ("https://a.example", None),
        ("https://", ""),
    ],
)
def test_another_origin_is_refused(origin: str, host: str | None) -> None:
    with pytest.raises(OriginRefused):
        Origins().check(origin, host)


@pytest.mark.parametrize("origin", ["https://b.example", "https://b.example/", "HTTPS://B.example", "null"])
def test_a_listed_origin_passes(origin: str) -> None:
    Origins.allow(["https://B.example/", "null"]).check(origin, "a.example")


@pytest.mark.parametrize(
    "origin",
    ["", "https://a.example", "http://b.example", "https://b.example:443", "https://b.example//", "null"],
)
def test_with_a_list_every_other_origin_is_refused_even_the_own_host(origin: str) -> None:
    with pytest.raises(OriginRefused):
        Origins.allow(["https://b.example"]).check(origin, "a.example")


@pytest.mark.parametrize("policy", [Origins(), Origins.allow(["https://b.example"]), Origins.allow([]), Origins.any()])
def test_a_program_that_names_no_origin_is_no_foreign_page(policy: Origins) -> None:
    policy.check(None, "a.example")


def test_a_refusal_says_what_was_got_and_what_is_allowed() -> None:
    with pytest.raises(OriginRefused) as refusal:
        Origins.allow(["https://b.example"]).check("https://a.example", None)

    assert str(refusal.value) == "origin 'https://a.example' is not allowed; allowed: ['https://b.example']"


@pytest.mark.parametrize("origin", [None, "null", "https://a.example", "\x00"])
def test_any_origin_passes_where_all_may(origin: str | None) -> None:
    Origins.any().check(origin, "b.example")


@pytest.mark.parametrize("wrong", ["https://a.example", ["a.example"], ["*"], ["https://*.example"], ["https://a/b"]])
def test_a_list_that_can_never_match_is_an_error(wrong: list[str]) -> None:
    with pytest.raises(UsageError):
        Origins.allow(wrong)


@given(st.text(), st.text())
def test_any_text_is_judged_and_never_crashes(origin: str, host: str) -> None:
    for policy in (Origins(), Origins.allow(["https://a.example"])):
        with pytest.raises(OriginRefused):
            policy.check(f"{origin}\n", host)
