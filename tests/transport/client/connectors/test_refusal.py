"""What a refusal says, in whatever pieces it arrives."""

from __future__ import annotations

import pytest

from nuphar.transport.client.connectors.refusal import LOOKED_AT, HttpRefusal, explain

WHOLE = [
    (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7", b"because"),
    (b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked", b"3\r\nbec\r\n4;x=y\r\nause\r\n0\r\n\r\n"),
    (b"HTTP/1.1 403 Forbidden\r\ntransfer-encoding: Chunked\r\nContent-Length: 1", b"7\r\nbecause\r\n0\r\n\r\n"),
]


@pytest.mark.parametrize(("head", "body"), WHOLE)
def test_a_body_is_read_in_any_pieces(head: bytes, body: bytes) -> None:
    for size in (1, 2, len(body)):
        refusal = HttpRefusal(403, head)
        fed = [refusal.feed(body[at : at + size]) for at in range(0, len(body), size)]
        assert any(fed)
        assert refusal.text == "because"


def test_without_a_length_it_ends_with_the_connection() -> None:
    refusal = HttpRefusal(503, b"HTTP/1.1 503 x")
    assert not refusal.feed(b"because")
    assert refusal.text == "because"


def test_an_answer_that_has_no_body_is_whole_at_once() -> None:
    assert HttpRefusal(304, b"HTTP/1.1 304 x").feed(b"")
    assert HttpRefusal(403, b"HTTP/1.1 403 x\r\nContent-Length: 0").feed(b"")


def test_a_body_without_end_is_enough_one_day() -> None:
    refusal = HttpRefusal(403, b"HTTP/1.1 403 x\r\nContent-Length: 999999999")
    pieces = 0
    while not refusal.feed(b"word " * 100):
        pieces += 1
    assert pieces * 500 <= LOOKED_AT
    endless = HttpRefusal(403, b"HTTP/1.1 403 x\r\nTransfer-Encoding: chunked")
    while not endless.feed(b"1;" + b"x" * 150 + b"\r\na\r\n"):
        assert len(endless._data) <= 2 * LOOKED_AT


@pytest.mark.parametrize("size", ["9" * 5000, "-1", "x", "\u00b2"])
def test_a_length_that_is_none_is_left_aside(size: str) -> None:
    refusal = HttpRefusal(403, f"HTTP/1.1 403 x\r\nContent-Length: {size}".encode("latin-1"))
    refusal.feed(b"because")
    assert refusal.text == "because"


def test_a_redirect_is_named_with_its_location() -> None:
    refusal = HttpRefusal(302, b"HTTP/1.1 302 Found\r\nLocation: https://other.example/live")
    assert refusal.text == "redirected to https://other.example/live: give the client that address"


def test_what_is_told_is_one_short_line() -> None:
    assert explain(403, "", b"a\r\n b\x1b[31m\tc\xff" + b"x" * 1000)[:12] == "a b [31m c\ufffdx"
    assert len(explain(403, "", b"x" * 9999)) == 200
    assert "\n" not in explain(301, "a\nb", b"")
