"""Chat rooms, one topic for each name, begun by whoever comes first. Who speaks is the server's word, not the client's.

Run it and talk from two terminals (`pip install "nuphar[identity]"`):

    python examples/chat.py serve
    python examples/chat.py join http://127.0.0.1:8000/live tea Ada

A name belongs to who asks for it first: `/name/Ada` gives a signed token for it, once.
"""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import nuphar
from nuphar.transport.identify import required, sign_token, signed_token

KEPT = 100
"""Lines that a room remembers."""


@dataclass(frozen=True)
class Line:
    """What somebody said; the server itself is ``*``."""

    author: str
    text: str


Room = tuple[Line, ...]


def say(room: Room, text: str, meta: nuphar.Meta) -> Room:
    """Add a line of whoever the server says it is from, and forget the oldest. Empty and endless lines are refused."""
    if not 0 < len(text) <= 1_000:
        raise nuphar.Refused("invalid", f"a line has 1 to 1000 characters, got {len(text)}")
    return (*room, Line(meta.author or "*", text))[-KEPT:]


serialiser = nuphar.automatic(Line)
store = nuphar.Store((), say)


def make_server(secret: str) -> nuphar.Server:
    """Return a server with one topic kind: ``room:<name>``, for whoever has a token that ``secret`` signs."""
    server = nuphar.Server(serialiser=serialiser, identify=required(signed_token(secret)))
    rooms = server.topic_kind("room:", parse=room_name, store=store, share=("author",))
    rooms.on_join(lambda client_id: [f"{client_id[:4]} came in"])
    rooms.on_leave(lambda client_id: [f"{client_id[:4]} left"])
    return server


def make_names(secret: str) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application that gives out each name once."""
    taken: set[str] = set()

    def names(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix("/name/")
        if not name.isalnum() or name in taken:
            start_response("409 Conflict", [("Content-Type", "text/plain")])
            return [b"this name is taken, or is not one word"]
        taken.add(name)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
        return [sign_token(secret, name).encode()]

    return names


def room_name(text: str) -> str:
    """Return a room's name; only words name rooms."""
    if not text.isalnum():
        raise ValueError(f"a room's name is one word, got {text!r}")
    return text


def join(url: str, room: str, name: str) -> None:
    """Take a name, print what is said in a room, and say what is typed."""
    try:
        with urlopen(f"{url.removesuffix('/live')}/name/{name}", timeout=5) as answer:
            token = answer.read().decode()
    except HTTPError as error:
        sys.exit(f"{name}: {error.read().decode()}")
    topic = f"room:{room}"
    printed, printing = 0, threading.Lock()
    with nuphar.Client(url, serialiser, {topic: store}, token=token) as client:

        @client.on_change
        def show() -> None:
            nonlocal printed
            with printing:
                lines, fresh = client.confirmed(topic), client.seq(topic) - printed
                for each in lines[max(0, len(lines) - fresh) :]:
                    print(f"{each.author}: {each.text}", flush=True)
                printed += fresh

        client.wait_live()
        show()
        for text in sys.stdin:
            try:
                client.dispatch(topic, text.strip()).get(timeout=5)
                show()
            except nuphar.Refused as refused:
                print(f"not said: {refused}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *port]:
            secret = secrets.token_hex()
            nuphar.serve(
                make_server(secret),
                make_names(secret),
                port=int(port[0]) if port else 8000,
                on_start=lambda url: print(url, flush=True),
            )
        case ["join", url, room, name]:
            join(url, room, name)
        case _:
            sys.exit(__doc__)
