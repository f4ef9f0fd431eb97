"""The request of a client that connects, by name, and what it does not show."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import ConnectRequest


def request(**environ: Any) -> ConnectRequest:
    return ConnectRequest({"PATH_INFO": "/live", "REMOTE_ADDR": "192.0.2.7", "wsgi.url_scheme": "http", **environ})


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ("a=1;b=2", {"a": "1", "b": "2"}),
        ("a=1; a=2", {"a": "1"}),
        ('a="1 2"', {"a": "1 2"}),
        ('a="', {"a": '"'}),
        ("a=b=c==", {"a": "b=c=="}),
        ("a=", {"a": ""}),
        ("=1; lonely; ;;", {}),
        ("a[x]={1}; b=2", {"a[x]": "{1}", "b": "2"}),  # http.cookies would drop them all
    ],
)
def test_cookies_are_read_each_by_itself(header: str, cookies: dict[str, str]) -> None:
    assert request(HTTP_COOKIE=header).cookies == cookies


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc.def-_~+/==", "abc.def-_~+/=="),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Basic YTpi", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer a b", None),
        ("Bearer a\u00e9", None),
        ("Bearerabc", None),
    ],
)
def test_a_bearer_token_is_one_of_rfc_6750(header: str, token: str | None) -> None:
    assert request(HTTP_AUTHORIZATION=header).bearer == token
    assert request().bearer is None


def test_headers_are_found_in_any_case_and_listed() -> None:
    headers = request(HTTP_X_USER="ada", CONTENT_TYPE="text/plain").headers
    assert headers["x-user"] == headers["X-USER"] == "ada"
    assert headers["Content-Type"] == "text/plain"
    assert headers.get("X-Other") is None
    assert sorted(headers) == ["Content-Type", "X-User"]
    assert len(headers) == 2


def test_of_two_values_in_the_query_the_first_counts() -> None:
    assert request(QUERY_STRING="a=1&a=2&b=%C3%A9&c").query == {"a": "1", "b": "é", "c": ""}


@pytest.mark.parametrize("query", ["%ff=%fe", "&&=", "a" * 10_000, "=&" * 1_000])
def test_a_query_of_anything_can_be_read(query: str) -> None:
    assert isinstance(dict(request(QUERY_STRING=query).query), dict)


def test_it_says_where_it_came_from_and_how() -> None:
    plain, secure = request(), request(**{"wsgi.url_scheme": "https", "HTTP_ORIGIN": "https://a.example"})
    assert (plain.path, plain.address, plain.is_secure, plain.is_browser) == ("/live", "192.0.2.7", False, False)
    assert (secure.is_secure, secure.is_browser) == (True, True)
    assert request(REMOTE_ADDR="").address is None  # a Unix socket
    assert request(SCRIPT_NAME="/app", PATH_INFO="/l\u00c3\u00a9").path == "/app/lé"  # as PEP 3333 decodes it


def test_what_it_prints_shows_no_cookie_no_token_and_no_value_of_the_query() -> None:
    secret = request(HTTP_COOKIE="s=c00kie", HTTP_AUTHORIZATION="Bearer t0ken", QUERY_STRING="q=qu3ry")
    for shown in (repr(secret), repr(secret.headers)):
        assert not [each for each in ("c00kie", "t0ken", "qu3ry") if each in shown]
