"""The demo's web pages: a WSGI application that serves the files of ``page/`` and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from ..transport.server.wsgi_types import App, Environ, StartResponse

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
]


def site() -> App:
    """Return the application, with every file in memory: what a visitor asks for never names a file."""
    pages: dict[str, tuple[bytes, list[tuple[str, str]]]] = {}
    for file in files(__package__).joinpath("page").iterdir():
        kind = CONTENT_TYPES.get(file.name[file.name.rfind(".") :])
        if kind is not None:
            body = file.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            pages[f"/{file.name}"] = body, [("Content-Type", kind), ("ETag", tag), *HEADERS]
    pages["/"] = pages.pop("/page.html")

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, page = environ["REQUEST_METHOD"], pages.get(environ.get("PATH_INFO", ""))
        if page is None:
            return _text(start_response, "404 Not Found", "there is nothing here")
        if method not in ("GET", "HEAD"):
            return _text(start_response, "405 Method Not Allowed", "expected GET or HEAD", ("Allow", "GET, HEAD"))
        body, headers = page
        if environ.get("HTTP_IF_NONE_MATCH") == dict(headers)["ETag"]:
            start_response("304 Not Modified", headers)
            return []
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [] if method == "HEAD" else [body]

    return app


def _text(start_response: Any, status: str, text: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status,
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers, *HEADERS],
    )
    return [body]
