"""The application of these tests: it says what it sees of a request, and how many it has seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import nuphar

SEEN: list[str] = []
HELLO = b"hello, world"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer by path."""
    path = environ["PATH_INFO"]
    if path == "/seen":
        body = json.dumps(SEEN).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    SEEN.append(f"{environ['REQUEST_METHOD']} {path}")
    match path:
        case "/hello":
            start_response("200 OK", [("Content-Length", str(len(HELLO)))])
            return [HELLO]
        case "/parts":
            return parts(start_response)
        case "/endless":
            return endless(start_response)
        case "/nothing":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return []
        case "/longer":
            start_response("200 OK", [("Content-Length", "5")])
            return [b"hel", b"lo, wo", b"rld"]
        case "/shorter":
            start_response("200 OK", [("Content-Length", "50")])
            return [HELLO]
        case "/careless":  # reads, and goes on whatever comes of it
            try:
                environ["wsgi.input"].read()
            except OSError:
                SEEN.append("a fault")
            start_response("200 OK", [("Content-Length", str(len(HELLO)))])
            return [HELLO]
        case _:  # says what came
            body = environ["wsgi.input"].read().decode("latin-1")
            return say(environ, body, start_response)


def say(environ: dict[str, Any], body: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say what came."""
    keys = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "CONTENT_LENGTH", "HTTP_X_FIELD")
    text = json.dumps({key: environ.get(key) for key in keys} | {"body": body}).encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


def parts(start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer in parts of unknown number."""
    start_response("200 OK", [])
    yield from (b"one ", b"two ", b"three")


def endless(start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer without an end."""
    start_response("200 OK", [])
    while True:
        yield b"x" * 1000


live = nuphar.Live(nuphar.Server(), application)
