"""Heads of requests, judged without a socket. What the rules are is in tests/conformance/http."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.wire.http_head import BadRequest, RequestLine, read_field, read_fields, read_line

HOST = b"Host: a\r\n"


def test_a_line_is_cut_apart() -> None:
    assert read_line("GET /a?b=c HTTP/1.1\r\n") == RequestLine("GET", "/a?b=c", (1, 1))
    assert read_line("OPTIONS * HTTP/1.0\n") == RequestLine("OPTIONS", "*", (1, 0))
    assert read_line("CONNECT a:80 HTTP/1.1\r\n") == RequestLine("CONNECT", "a:80", (1, 1))


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        ("http://a", "/", "a"),
        ("HTTPS://a:8443/b?c", "/b?c", "a:8443"),
        ("http://a?b", "/?b", "a"),
        ("http://[::1]:80/", "/", "[::1]:80"),
    ],
)
def test_a_url_as_target_gives_path_and_host(target: str, path: str, host: str) -> None:
    assert read_line(f"GET {target} HTTP/1.1\r\n") == RequestLine("GET", path, (1, 1), host)


def test_a_field_is_its_name_and_its_value() -> None:
    assert read_field(b"X-Field: \t b, c \r\n") == ("X-Field", "b, c")
    assert read_field(b"X:\n") == ("X", "")


@pytest.mark.parametrize(
    "fields", [[HOST], [HOST, b"Content-Length: 0\r\n"], [HOST, b"TRANSFER-ENCODING: Chunked\r\n"]]
)
def test_sound_fields_pass(fields: list[bytes]) -> None:
    assert len(read_fields(fields, (1, 1))) == len(fields)


def test_what_is_said_of_a_long_line_is_short() -> None:
    with pytest.raises(BadRequest) as refusal:
        read_field(b"x" * 60_000 + b"\r\n")
    assert len(str(refusal.value)) < 200


def test_what_is_said_has_no_control_characters() -> None:
    with pytest.raises(BadRequest) as refusal:
        read_line("GET \x1b[2J\n HTTP/1.1\r\n")
    assert str(refusal.value).isprintable()


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_line_is_judged(text: str) -> None:
    with contextlib.suppress(BadRequest):
        line = read_line(text)
        assert not re.search(r"[\x00-\x20\x7f]", line.method + line.target)


@given(st.lists(st.binary()))
def test_any_fields_are_judged(lines: list[bytes]) -> None:
    """Nothing but a refusal is ever raised."""
    with contextlib.suppress(BadRequest):
        read_fields(lines, (1, 1))


@pytest.mark.parametrize("value", [b" " * 60_000 + b"x\x00", b"a " * 30_000 + b"\x00", b"\t" * 60_000 + b"\r"])
def test_a_long_value_is_read_once(value: bytes) -> None:
    """A pattern that goes back over it would need minutes, and the limit of a test ends it."""
    with pytest.raises(BadRequest):
        read_field(b"X: " + value + b"\r\n")
