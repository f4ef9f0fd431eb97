"""What a request over HTTP asks for, as a decision: its environment in, the question or a refusal out. Pure.

Names and numbers stand in headers, or in the query for an EventSource, which cannot set any (docs/wire.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ....actors.words.errors import OriginRefused
from ...wire.origin import Origins
from ...wire.sequences import SEQUENCES, Sequence
from ...wire.upgrade import Decline

PATHS = frozenset({"send", "poll", "events"})
"""What follows the path of ``Live``."""

WAIT, LONGEST = 25.0, 60.0
"""Seconds that a poll waits unless it says otherwise, and at most: proxies commonly give up after 60."""

_PLAIN_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
_LINE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_CLOSE = re.compile(r"(1000|1001)( [\x20-\x7e]{0,123})?")


class SendRequest(NamedTuple):
    """A POST: ``size`` is None for a chunked body, ``close`` the code and reason with which the client ends."""

    line: str | None
    number: int
    after: int | None
    sequence: Sequence
    size: int | None
    close: tuple[int, str] | None


class PollRequest(NamedTuple):
    """A GET that is answered with one batch."""

    line: str
    after: int
    wait: float


class EventsRequest(NamedTuple):
    """A GET that is answered with a stream of events."""

    line: str
    after: int


def decline(status: str, text: str, *headers: tuple[str, str]) -> Decline:
    """Return an answer in plain text."""
    return Decline(status, text, _PLAIN_TEXT + headers, text)


def judge(
    name: str, environ: Mapping[str, Any], origins: Origins, largest: int
) -> SendRequest | PollRequest | EventsRequest | Decline:
    """Judge a request to ``name``, one of `PATHS`, whose body may have ``largest`` bytes."""
    method, expected = environ.get("REQUEST_METHOD"), "POST" if name == "send" else "GET"
    if method != expected:
        return decline("405 Method Not Allowed", f"expected the method {expected}, got {method!r}", ("Allow", expected))
    # Browsers leave the origin out of a GET to its own server. What protects a GET is the line's id, which only the
    # answer to a POST has told; and a page's POST always names its origin.
    try:
        origins.check(environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST"))
    except OriginRefused as refusal:
        return Decline("403 Forbidden", "this origin is not allowed", _PLAIN_TEXT, str(refusal))
    given = _given(environ)
    line, after = given.get("line"), given.get("after", "0")
    if line is not None and not _LINE.fullmatch(line):
        return decline("404 Not Found", "there is no such line")
    if name == "send":
        return _judge_send(environ, given, largest)
    if line is None:
        return decline("400 Bad Request", "expected the header Nuphar-Line, or line in the query")
    if not _NUMBER.fullmatch(after):
        return decline("400 Bad Request", f"expected the number of a batch as after, got {after[:40]!r}")
    if name == "events":
        return EventsRequest(line, int(after))
    wait = given.get("wait", str(WAIT))
    if not _SECONDS.fullmatch(wait):
        return decline("400 Bad Request", f"expected seconds as wait, got {wait[:40]!r}")
    return PollRequest(line, int(after), min(float(wait), LONGEST))


def _judge_send(environ: Mapping[str, Any], given: dict[str, str], largest: int) -> SendRequest | Decline:
    content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    sequence = SEQUENCES.get(content_type)
    if sequence is None:
        text = f"expected a content type of {list(SEQUENCES)}, got {content_type[:40]!r}"
        return decline("415 Unsupported Media Type", text)
    size = environ.get("CONTENT_LENGTH") or None
    if environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() == "chunked":
        size = None
    elif size is None:
        return decline("411 Length Required", "expected a Content-Length, or a chunked body")
    elif not _NUMBER.fullmatch(size):
        return decline("400 Bad Request", f"expected a number as Content-Length, got {size[:40]!r}")
    elif int(size) > largest:
        return too_large(largest)
    line, number = given.get("line"), given.get("number", "1" if given.get("line") is None else "")
    if not _NUMBER.fullmatch(number) or not int(number):
        text = f"expected the number of this request on its line, from 1, as Nuphar-Number, got {number[:40]!r}"
        return decline("400 Bad Request", text)
    if line is None and number != "1":
        return decline("400 Bad Request", f"expected number 1 in the request that opens a line, got {number}")
    after = given.get("after")
    if after is not None and not _NUMBER.fullmatch(after):
        return decline("400 Bad Request", f"expected the number of a batch as Nuphar-After, got {after[:40]!r}")
    close = given.get("close")
    if close is not None and not _CLOSE.fullmatch(close):
        return decline("400 Bad Request", f"expected 1000 or 1001 and a reason as Nuphar-Close, got {close[:40]!r}")
    return SendRequest(
        line,
        int(number),
        None if after is None else int(after),
        sequence,
        None if size is None else int(size),
        None if close is None else (int(close[:4]), close[5:]),
    )


def too_large(largest: int) -> Decline:
    """Return the answer to a body of more than ``largest`` bytes."""
    return decline("413 Content Too Large", f"expected a body of at most {largest} bytes")


def _given(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what the query says, then the headers: these win."""
    given = {}
    for part in environ.get("QUERY_STRING", "").split("&"):
        name, _, value = part.partition("=")
        given[name] = value
    if "HTTP_LAST_EVENT_ID" in environ:  # an EventSource that comes back has moved on since it wrote its query
        given["after"] = environ["HTTP_LAST_EVENT_ID"]
    for name in ("line", "number", "after", "close"):
        if (value := environ.get(f"HTTP_NUPHAR_{name.upper()}")) is not None:
            given[name] = value
    return given
