"""Bodies in chunks, and bodies of answers."""

from __future__ import annotations

import pytest
from gevent import socket as gevent_socket
from support.raw import WAIT

from .application import HELLO
from .conftest import Site

POST = b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
GET = b"%b %b HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

ILL_FORMED = [
    ("a size has hexadecimal digits only", b"+3\r\nabc\r\n0\r\n\r\n"),
    ("no underscore", b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
    ("no prefix", b"0x3\r\nabc\r\n0\r\n\r\n"),
    ("a size has digits", b"\r\nabc\r\n0\r\n\r\n"),
    ("a size is below 2**64", b"10000000000000000\r\nabc"),
    ("a size line ends with CR LF", b"3\nabc\r\n0\r\n\r\n"),
    ("also one with an extension", b"3;x\nabc\r\n0\r\n\r\n"),
    ("a chunk ends with CR LF", b"3\r\nabcd\r\n0\r\n\r\n"),
    ("a trailer is a field", b"3\r\nabc\r\n0\r\nno field\r\n\r\n"),
    ("the body has an end", b"3\r\nab"),
]
"""Rules of RFC 9112, 7.1, each with a body that breaks it."""


@pytest.mark.parametrize(("rule", "body"), ILL_FORMED, ids=[rule for rule, _ in ILL_FORMED])
def test_an_ill_formed_chunked_body_gets_400_and_the_end(site: Site, rule: str, body: bytes) -> None:
    with gevent_socket.create_connection(("127.0.0.1", site.port), timeout=WAIT) as sock:
        sock.sendall(POST % b"/say" + body)
        if body.endswith(b"ab"):
            sock.shutdown(1)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 "), rule
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_line_of_ours_refuses_it_too(site: Site) -> None:
    request = POST.replace(b"\r\n\r\n", b"\r\nContent-Type: application/cbor-seq\r\n\r\n") % b"/live/send"
    assert site.ask(request + b"+3\r\nabc\r\n0\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_an_application_that_swallows_the_fault_is_the_last_one_on_its_connection(site: Site) -> None:
    answer = site.ask(POST.replace(b"Connection: close\r\n", b"") % b"/careless" + b"zz\r\n" + LAST)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert site.seen()[-1] == "a fault"


@pytest.mark.parametrize(
    ("rule", "body", "expected"),
    [
        (
            "sizes in either case, with zeros before",
            b"A\r\n0123456789\r\n00b\r\nabcdefghijk\r\n000\r\n\r\n",
            "0123456789abcdefghijk",
        ),
        ("extensions are ignored", b'3;a\r\nabc\r\n3 ; b="c"\r\ndef\r\n0;d\r\n\r\n', "abcdef"),
        ("trailers are read and dropped", b"3\r\nabc\r\n0\r\nX-Field: b\r\nX: y\r\n\r\n", "abc"),
        ("chunks of ten bytes, in any number", b"a\r\n0123456789\r\n" * 20_000 + b"0\r\n\r\n", "0123456789" * 20_000),
        ("an empty body", b"0\r\n\r\n", ""),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_a_chunked_body_is_put_together(site: Site, rule: str, body: bytes, expected: str) -> None:
    """RFC 9112, 7.1."""
    said = site.say(POST % b"/say" + body)
    assert (said["body"], said["HTTP_X_FIELD"]) == (expected, None), rule


@pytest.mark.parametrize(
    "flood", [b"1\r\nx\r\n" * 100_000, b"0\r\n" + b"X: y\r\n" * 100_000, b"1;" + b"x" * 8_000 + b"\r\ny\r\n" * 10],
    ids=["chunks of one byte", "trailers", "extensions"],
)  # fmt: skip
@pytest.mark.parametrize("path", [b"/live/send", b"/say"], ids=["ours", "application"])
def test_more_framing_than_content_is_refused_early(site: Site, flood: bytes, path: bytes) -> None:
    request = POST.replace(b"\r\n\r\n", b"\r\nContent-Type: application/cbor-seq\r\n\r\n") % path
    assert site.ask(request + flood).startswith(b"HTTP/1.1 400 ")


def test_who_waits_for_100_continue_gets_it_when_the_body_is_wanted(site: Site) -> None:
    """RFC 9110, 10.1.1; the expectation is compared without regard to case."""
    with gevent_socket.create_connection(("127.0.0.1", site.port), timeout=WAIT) as sock:
        sock.sendall(
            b"POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\nConnection: close\r\n\r\n"
        )
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        assert b'"body": "abc"' in b"".join(iter(lambda: sock.recv(65536), b""))


def test_in_http_1_0_there_is_no_100_continue(site: Site) -> None:
    """RFC 9110, 10.1.1."""
    request = b"POST /say HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"
    assert site.ask(request).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", [b"/hello", b"/parts", b"/endless", b"/nothing", b"/live/nuphar.js", b"/live/none"])
def test_head_gets_the_fields_and_no_body_and_the_connection_goes_on(site: Site, path: bytes) -> None:
    """RFC 9110, 9.3.2; RFC 9112, 6.3."""
    answer = site.ask(GET % (b"HEAD", path) + LAST)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404" if path == b"/live/none" else b"HTTP/1.1 200")
    assert rest.startswith(b"HTTP/1.1 200 ")
    assert rest.endswith(HELLO)
    if path == b"/hello":
        assert b"\r\nContent-Length: 12\r\n" in head
    if path == b"/nothing":  # RFC 9110, 8.6: no length that a GET would not have
        assert b"Content-Length" not in head


def test_an_answer_that_is_longer_than_it_says_is_cut_there(site: Site) -> None:
    """RFC 9112, 6.3: the rest would be taken for the next answer."""
    answer = site.ask(GET % (b"GET", b"/longer") + LAST)
    assert answer.partition(b"\r\n\r\n")[2].startswith(b"helloHTTP/1.1 200 ")


def test_an_answer_that_is_shorter_than_it_says_ends_the_connection(site: Site) -> None:
    """RFC 9112, 8: who reads it has to notice."""
    answer = site.ask(GET % (b"GET", b"/shorter") + LAST)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith(HELLO)
