"""The work in the words of python-socketio, which Flask-SocketIO shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .start import Topic


def work(on: Callable[..., Any], enter_room: Callable[..., Any], emit: Callable[..., Any]) -> None:
    """Handle ``join`` and ``post``; the acknowledgements are Socket.IO's own."""
    topics: dict[str, Topic] = defaultdict(Topic)
    rooms: dict[str, str] = {}

    def join(sid: str, name: str) -> tuple[str, int, int]:
        enter_room(sid, name)
        rooms[sid] = name
        topic = topics[name]
        return "joined", topic.seq, topic.state

    def post(sid: str, message: str) -> tuple[str, int]:
        name = rooms[sid]
        seq = topics[name].apply()
        emit("message", (seq, message), room=name, skip_sid=sid)
        return "ack", seq

    on("join", join)
    on("post", post)
