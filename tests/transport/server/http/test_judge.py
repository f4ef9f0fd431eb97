"""Requests over HTTP, judged: what each asks for, and the status of each that is ill-formed."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Origins
from nuphar.transport.server.http.judge import EventsRequest, PollRequest, SendRequest, judge
from nuphar.transport.wire.upgrade import Decline

LINE = "a" * 32


def ask(name: str, origins: Origins | None = None, **environ: Any) -> Any:
    defaults = {"REQUEST_METHOD": "POST" if name == "send" else "GET", "HTTP_HOST": "chat.example"}
    if name == "send":
        defaults |= {"CONTENT_TYPE": "application/cbor-seq", "CONTENT_LENGTH": "10"}
    given = {key: value for key, value in (defaults | environ).items() if value is not None}
    return judge(name, given, origins or Origins(), 1_000)


def test_a_post_without_a_line_opens_one() -> None:
    request = ask("send")
    assert isinstance(request, SendRequest)
    assert (request.line, request.number, request.after, request.size, request.close) == (None, 1, None, 10, None)


def test_a_post_names_its_line_and_its_number() -> None:
    request = ask("send", HTTP_NUPHAR_LINE=LINE, HTTP_NUPHAR_NUMBER="7", HTTP_NUPHAR_AFTER="3")
    assert (request.line, request.number, request.after) == (LINE, 7, 3)
    assert ask("send", QUERY_STRING=f"line={LINE}&number=7&after=3") == request


def test_a_post_may_end_the_line() -> None:
    assert ask("send", HTTP_NUPHAR_CLOSE="1000 done").close == (1000, "done")
    assert ask("send", HTTP_NUPHAR_CLOSE="1001").close == (1001, "")


def test_a_chunked_body_has_no_size_even_if_it_says_so() -> None:
    assert ask("send", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH=None).size is None
    assert ask("send", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="5").size is None


def test_a_content_type_may_have_parameters() -> None:
    request = ask("send", CONTENT_TYPE="Application/X-NDJSON; charset=utf-8")
    assert request.sequence.content_type == "application/x-ndjson"


def test_a_poll_says_how_far_it_got_and_how_long_it_waits() -> None:
    assert ask("poll", HTTP_NUPHAR_LINE=LINE) == PollRequest(LINE, 0, 25.0)
    assert ask("poll", QUERY_STRING=f"line={LINE}&after=3&wait=1.5") == PollRequest(LINE, 3, 1.5)
    assert ask("poll", QUERY_STRING=f"line={LINE}&wait=9999") == PollRequest(LINE, 0, 60.0)


def test_the_last_event_id_goes_before_the_query() -> None:
    assert ask("events", QUERY_STRING=f"line={LINE}&after=3", HTTP_LAST_EVENT_ID="8") == EventsRequest(LINE, 8)


def test_a_program_that_names_no_origin_passes_a_list_of_origins_and_a_foreign_page_does_not() -> None:
    origins = Origins.allow(["https://chat.example"])
    assert isinstance(ask("poll", origins, HTTP_NUPHAR_LINE=LINE), PollRequest)
    assert isinstance(ask("send", origins), SendRequest)
    assert ask("send", origins, HTTP_ORIGIN="https://evil.example").status == "403 Forbidden"
    assert isinstance(ask("send", origins, HTTP_ORIGIN="https://chat.example"), SendRequest)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("send", {"REQUEST_METHOD": "GET"}, "405"),
    ("poll", {"REQUEST_METHOD": "POST"}, "405"),
    ("events", {"REQUEST_METHOD": "HEAD"}, "405"),
    ("send", {"HTTP_ORIGIN": "https://evil.example"}, "403"),
    ("poll", {"HTTP_ORIGIN": "https://evil.example", "HTTP_NUPHAR_LINE": LINE}, "403"),
    ("send", {"HTTP_ORIGIN": "null"}, "403"),
    ("send", {"CONTENT_TYPE": None}, "415"),
    ("send", {"CONTENT_TYPE": "text/plain"}, "415"),
    ("send", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}, "415"),
    ("send", {"CONTENT_LENGTH": None}, "411"),
    ("send", {"CONTENT_LENGTH": ""}, "411"),
    ("send", {"CONTENT_LENGTH": "-1"}, "400"),
    ("send", {"CONTENT_LENGTH": "1e3"}, "400"),
    ("send", {"CONTENT_LENGTH": "9" * 5_000}, "400"),
    ("send", {"CONTENT_LENGTH": "1001"}, "413"),
    ("send", {"HTTP_NUPHAR_LINE": LINE}, "400"),
    ("send", {"HTTP_NUPHAR_LINE": LINE, "HTTP_NUPHAR_NUMBER": "0"}, "400"),
    ("send", {"HTTP_NUPHAR_LINE": LINE, "HTTP_NUPHAR_NUMBER": "x"}, "400"),
    ("send", {"HTTP_NUPHAR_NUMBER": "2"}, "400"),
    ("send", {"HTTP_NUPHAR_AFTER": "-1"}, "400"),
    ("send", {"HTTP_NUPHAR_CLOSE": "4401 stolen"}, "400"),
    ("send", {"HTTP_NUPHAR_CLOSE": "1000 a\nb"}, "400"),
    ("send", {"HTTP_NUPHAR_LINE": "a b"}, "404"),
    ("poll", {}, "400"),
    ("poll", {"HTTP_NUPHAR_LINE": "a" * 65}, "404"),
    ("poll", {"HTTP_NUPHAR_LINE": LINE, "QUERY_STRING": "after=x"}, "400"),
    ("poll", {"HTTP_NUPHAR_LINE": LINE, "QUERY_STRING": "wait=-1"}, "400"),
    ("poll", {"HTTP_NUPHAR_LINE": LINE, "QUERY_STRING": "wait=inf"}, "400"),
    ("events", {"HTTP_NUPHAR_LINE": LINE, "HTTP_LAST_EVENT_ID": "\u0663"}, "400"),
]


@pytest.mark.parametrize(("name", "environ", "status"), BAD)
def test_what_is_ill_formed_is_refused_with_its_status(name: str, environ: dict[str, Any], status: str) -> None:
    refusal = ask(name, **environ)
    assert isinstance(refusal, Decline)
    assert refusal.status.startswith(status)
    assert refusal.text
    assert len(refusal.body) < 300
