from __future__ import annotations

from typing import Any

import pytest

from nuphar.demo.site import site


def ask(path: str, method: str = "GET", **environ: str) -> tuple[str, dict[str, str], bytes]:
    answer: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        answer.extend([status, dict(headers)])

    body = b"".join(site()({"REQUEST_METHOD": method, "PATH_INFO": path, **environ}, start_response))
    return answer[0], answer[1], body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/board.js", "text/javascript; charset=utf-8"),
    ],
)
def test_the_pages_files_are_served_with_their_kind(path: str, kind: str) -> None:
    status, headers, body = ask(path)
    assert (status, headers["Content-Type"], headers["Content-Length"]) == ("200 OK", kind, str(len(body)))


@pytest.mark.parametrize("path", ["/", "/page.css", "/nowhere"])
def test_every_answer_forbids_what_the_page_does_not_need(path: str) -> None:
    policy = ask(path)[1]["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:"):
        assert rule in policy.split("; ")


@pytest.mark.parametrize("path", ["/nowhere", "/../board.py", "/page.html", "", "/__init__.py"])
def test_nothing_else_is_served(path: str) -> None:
    assert ask(path)[0] == "404 Not Found"


def test_a_known_page_is_not_sent_again() -> None:
    tag = ask("/")[1]["ETag"]
    status, _, body = ask("/", HTTP_IF_NONE_MATCH=tag)
    assert (status, body) == ("304 Not Modified", b"")


def test_a_head_has_no_body() -> None:
    status, headers, body = ask("/", "HEAD")
    assert (status, body) == ("200 OK", b"")
    assert int(headers["Content-Length"]) > 0


def test_nobody_may_post() -> None:
    status, headers, _ = ask("/", "POST")
    assert (status, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_the_page_asks_nobody_else_for_anything() -> None:
    for path in ("/", "/page.css", "/page.js", "/view.js"):
        body = ask(path)[2].replace(b"http://www.w3.org/2000/svg", b"")  # a name, not an address
        assert b"http:" not in body
        assert b"https:" not in body
