"""Heads: what a server must refuse with 400 and the end of the connection, and what it must take.

Each case names its rule and section. The examples are the smallest that break the rule, and ask for nothing.
"""

from __future__ import annotations

import pytest

from .conftest import Site

REFUSED = [
    # rule, section, first line, fields
    ("a method is a token", "RFC 9110, 9.1", b"G@T {} HTTP/1.1", b"Host: a"),
    ("a request line has a method, a target and a version", "RFC 9112, 3", b"GET {}", b"Host: a"),
    ("one space stands between them", "RFC 9112, 3", b"GET  {} HTTP/1.1", b"Host: a"),
    ("nothing follows the version", "RFC 9112, 3", b"GET {} HTTP/1.1 x", b"Host: a"),
    ("the version is HTTP/ and two digits", "RFC 9112, 2.3", b"GET {} HTTP/1", b"Host: a"),
    ("the version's name has capitals", "RFC 9112, 2.3", b"GET {} http/1.1", b"Host: a"),
    ("the major version is ours", "RFC 9112, 2.3", b"GET {} HTTP/2.0", b"Host: a"),
    ("a target is a path or a URL", "RFC 9112, 3.2", b"GET x{} HTTP/1.1", b"Host: a"),
    ("a target has no fragment", "RFC 9112, 3.2.1", b"GET {}#a HTTP/1.1", b"Host: a"),
    ("nor has a URL", "RFC 9112, 3.2.2", b"GET http://a{}?b#c HTTP/1.1", b"Host: a"),
    ("a target is ASCII", "RFC 3986, 2", b"GET {}/\xc3\xa9 HTTP/1.1", b"Host: a"),
    ("an asterisk is for OPTIONS", "RFC 9112, 3.2.4", b"GET * HTTP/1.1", b"Host: a"),
    ("a URL has a host, and no user", "RFC 9110, 4.2.4", b"GET http://me@a{} HTTP/1.1", b"Host: a"),
    ("a request of HTTP/1.1 has a Host", "RFC 9112, 3.2", b"GET {} HTTP/1.1", b"X-Field: a"),
    ("a request has no two Hosts", "RFC 9112, 3.2", b"GET {} HTTP/1.1", b"Host: a\r\nHost: a"),
    ("also in HTTP/1.0", "RFC 9112, 3.2", b"GET {} HTTP/1.0", b"Host: a\r\nHost: b"),
    ("a Host is a host and a port", "RFC 9112, 3.2", b"GET {} HTTP/1.1", b"Host: a b"),
    ("no space before the colon", "RFC 9112, 5.1", b"GET {} HTTP/1.1", b"Host: a\r\nX-Field : b"),
    ("a field's name is a token", "RFC 9110, 5.1", b"GET {} HTTP/1.1", b"Host: a\r\nX(Field): b"),
    ("a field has a name", "RFC 9110, 5.1", b"GET {} HTTP/1.1", b"Host: a\r\n: b"),
    ("a field has a colon", "RFC 9112, 5", b"GET {} HTTP/1.1", b"Host: a\r\nX-Field"),
    ("a field is not folded", "RFC 9112, 5.2", b"GET {} HTTP/1.1", b"Host: a\r\nX-Field: b\r\n c"),
    ("no space before the first field", "RFC 9112, 2.2", b"GET {} HTTP/1.1", b" X-Field: b\r\nHost: a"),
    ("no bare CR in a value", "RFC 9112, 2.2", b"GET {} HTTP/1.1", b"Host: a\r\nX-Field: b\rc"),
    ("no bare CR in a request line", "RFC 9112, 2.2", b"GET {}\r HTTP/1.1", b"Host: a"),
    ("no NUL in a value", "RFC 9110, 5.5", b"GET {} HTTP/1.1", b"Host: a\r\nX-Field: b\x00c"),
    ("a length has digits only: no sign", "RFC 9110, 8.6", b"POST {} HTTP/1.1", b"Host: a\r\nContent-Length: +3"),
    ("no minus", "RFC 9110, 8.6", b"POST {} HTTP/1.1", b"Host: a\r\nContent-Length: -3"),
    ("no underscore", "RFC 9110, 8.6", b"POST {} HTTP/1.1", b"Host: a\r\nContent-Length: 1_0"),
    ("no list", "RFC 9112, 6.3", b"POST {} HTTP/1.1", b"Host: a\r\nContent-Length: 3, 3"),
    ("no other digits", "RFC 9110, 8.6", b"POST {} HTTP/1.1", b"Host: a\r\nContent-Length: \xb2"),
    ("one length", "RFC 9112, 6.3", b"POST {} HTTP/1.1", b"Host: a\r\nContent-Length: 3\r\nContent-Length: 4"),
    (
        "not even twice the same",
        "RFC 9112, 6.3",
        b"POST {} HTTP/1.1",
        b"Host: a\r\nContent-Length: 3\r\nContent-Length: 3",
    ),
    (
        "no length with a coding",
        "RFC 9112, 6.3",
        b"POST {} HTTP/1.1",
        b"Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
    ),
    ("chunked comes last", "RFC 9112, 6.3", b"POST {} HTTP/1.1", b"Host: a\r\nTransfer-Encoding: chunked, gzip"),
    ("no other coding is known", "RFC 9112, 6.1", b"POST {} HTTP/1.1", b"Host: a\r\nTransfer-Encoding: gzip, chunked"),
    ("chunked comes once", "RFC 9112, 6.1", b"POST {} HTTP/1.1", b"Host: a\r\nTransfer-Encoding: chunked, chunked"),
    (
        "nor in two fields",
        "RFC 9112, 6.1",
        b"POST {} HTTP/1.1",
        b"Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ),
    ("a coding has its whole name", "RFC 9112, 7", b"POST {} HTTP/1.1", b"Host: a\r\nTransfer-Encoding: xchunked"),
    ("identity is none any more", "RFC 9112, 7", b"POST {} HTTP/1.1", b"Host: a\r\nTransfer-Encoding: identity"),
    ("no coding in HTTP/1.0", "RFC 9112, 6.1", b"POST {} HTTP/1.0", b"Host: a\r\nTransfer-Encoding: chunked"),
]  # fmt: skip


@pytest.mark.parametrize("path", [b"/live/send", b"/say"], ids=["ours", "application"])
@pytest.mark.parametrize(
    ("rule", "section", "line", "fields"), REFUSED, ids=[f"{each[0]}: {each[1]}" for each in REFUSED]
)
def test_what_breaks_a_rule_gets_400_and_the_end_and_nobody_sees_it(
    site: Site, rule: str, section: str, line: bytes, fields: bytes, path: bytes
) -> None:
    before = site.seen()
    request = line.replace(b"{}", path) + b"\r\n" + fields + b"\r\n\r\n"
    following = b"GET /say?smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    answer = site.ask(request + following)

    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 "), (rule, section)
    assert b"\r\nConnection: close" in head
    assert text.startswith(b"expected ")
    assert answer.count(b"HTTP/1.1 ") == 1 + text.count(b"HTTP/1.1 ")
    assert site.seen() == before


def test_an_answer_to_a_wrong_head_has_a_date_and_for_head_no_body(site: Site) -> None:
    """RFC 9110, 6.6.1 and 9.3.2."""
    answer = site.ask(b"HEAD /say HTTP/1.1\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nDate: " in head
    assert body == b""


def test_a_wrong_head_gets_its_answer_however_much_follows_it(site: Site) -> None:
    """RFC 9112, 9.6: to close over bytes that were not read would reset TCP, and take the answer away."""
    assert site.ask(b"POST /say HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000)).startswith(
        b"HTTP/1.1 400 "
    )


CLOSE = b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("section", "request_", "expected"),
    [
        (
            "RFC 9112, 2.2: a line end before the request",
            b"\r\nGET /say HTTP/1.1\r\nHost: a\r\n",
            {"PATH_INFO": "/say"},
        ),
        ("RFC 9112, 2.2: LF alone ends a line", b"GET /say HTTP/1.1\nHost: a\n", {"HTTP_HOST": "a"}),
        ("RFC 9112, 3.2: an empty Host", b"GET /say HTTP/1.1\r\nHost:\r\n", {"HTTP_HOST": ""}),
        ("RFC 9112, 3.2: an address and a port", b"GET /say HTTP/1.1\r\nHost: [::1]:80\r\n", {"HTTP_HOST": "[::1]:80"}),
        (
            "RFC 9112, 3.2.2: a URL as target, whose host counts",
            b"GET http://b:80/say?x=1 HTTP/1.1\r\nHost: a\r\n",
            {"PATH_INFO": "/say", "QUERY_STRING": "x=1", "HTTP_HOST": "b:80"},
        ),
        (
            "RFC 9112, 3.2.2: without a path",
            b"GET http://b HTTP/1.1\r\nHost: a\r\n",
            {"PATH_INFO": "/", "HTTP_HOST": "b"},
        ),
        ("RFC 9112, 3.2: HTTP/1.0 needs no Host", b"GET /say HTTP/1.0\r\n", {"HTTP_HOST": None}),
        (
            "RFC 9110, 9.1: any token is a method",
            b"M-SEARCH /say HTTP/1.1\r\nHost: a\r\n",
            {"REQUEST_METHOD": "M-SEARCH"},
        ),
        (
            "RFC 9110, 5.5: spaces around a value",
            b"GET /say HTTP/1.1\r\nHost: a\r\nX-Field: \t b c \t\r\n",
            {"HTTP_X_FIELD": "b c"},
        ),
        (
            "RFC 9110, 5.3: two fields are a list",
            b"GET /say HTTP/1.1\r\nHost: a\r\nX-Field: b\r\nX-Field: c\r\n",
            {"HTTP_X_FIELD": "b,c"},
        ),
        (
            "RFC 9110, 5.5: bytes above ASCII",
            b"GET /say HTTP/1.1\r\nHost: a\r\nX-Field: \xe9\r\n",
            {"HTTP_X_FIELD": "\xe9"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_must_be_taken_is_taken(
    site: Site, section: str, request_: bytes, expected: dict[str, str | None]
) -> None:
    said = site.say(request_ + CLOSE)
    assert {key: said[key] for key in expected} == expected, section


def test_a_list_with_close_in_it_closes(site: Site) -> None:
    """RFC 9112, 9.6."""
    answer = site.ask(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_together_are_answered_in_order(site: Site) -> None:
    """RFC 9112, 9.3.2."""
    request = b"POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d"
    answer = site.ask(request % 1 + request % 2 + b"GET /hello HTTP/1.1\r\nHost: a\r\n" + CLOSE)
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert answer.index(b'"body": "1"') < answer.index(b'"body": "2"') < answer.index(b"hello, world")
