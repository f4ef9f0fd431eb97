"""Chat rooms, one topic for each name, begun by whoever comes first; names are taken by a session message.

Run it and talk from two terminals:

    python examples/chat.py serve
    python examples/chat.py join ws://127.0.0.1:8000/live tea Ada
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import nuphar

KEPT = 100
"""Lines that a room remembers."""


@dataclass(frozen=True)
class Line:
    """What somebody said."""

    author: str
    text: str


Room = tuple[Line, ...]


def say(room: Room, line: Line) -> Room:
    """Add a line, and forget the oldest. Empty or endless lines are refused."""
    if not 0 < len(line.text) <= 1_000:
        raise ValueError(f"a line has 1 to 1000 characters, got {len(line.text)}")
    return (*room, line)[-KEPT:]


serialiser = nuphar.automatic(Line)
store = nuphar.Store((), say)


def make_server() -> nuphar.Server:
    """Return a server with one topic kind: ``room:<name>``."""
    server = nuphar.Server(serialiser=serialiser)
    rooms = server.topic_kind("room:", parse=room_name, store=store)
    rooms.on_join(lambda client_id: [Line("*", f"{client_id[:4]} came in")])
    rooms.on_leave(lambda client_id: [Line("*", f"{client_id[:4]} left")])
    return server


def room_name(text: str) -> str:
    """Return a room's name; only words name rooms."""
    if not text.isalnum():
        raise ValueError(f"a room's name is one word, got {text!r}")
    return text


def join(url: str, room: str, author: str) -> None:
    """Print what is said in a room, and say what is typed."""
    topic = f"room:{room}"
    with nuphar.Client(url, serialiser, {topic: store}) as client:

        @client.on_change
        def show(model: Room, message: Line | None) -> None:
            for each in model if message is None else (message,):
                print(f"{each.author}: {each.text}", flush=True)

        client.wait_live()
        for text in sys.stdin:
            try:
                client.dispatch(topic, Line(author, text.strip())).get(timeout=5)
            except nuphar.Refused as refused:
                print(f"not said: {refused}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *port]:
            nuphar.serve(
                make_server(), port=int(port[0]) if port else 8000, on_start=lambda url: print(url, flush=True)
            )
        case ["join", url, room, author]:
            join(url, room, author)
        case _:
            sys.exit(__doc__)
