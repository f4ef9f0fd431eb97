"""The frames of the wire protocol, one class each: the table that ``docs/wire.md`` explains.

A frame's fields are in wire order. Frames hold plain values: what a ``payload``,
``state``, ``arguments`` or ``value`` means is the serialiser's business.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...actors.words.target_names import Cursor as Cursor

MAX_INTEGER = 2**53 - 1
"""The largest integer that every client can hold exactly (a double's mantissa)."""


Extra = dict[str, Any]
"""What is told of messages besides their payload: see `nuphar.transport.wire.extra`. None and an empty one: nothing."""


class Hello(NamedTuple):
    """First frame of a connection; resumes a session if session and token are right."""

    version: int
    session: str | None
    token: str | None
    cursors: dict[str, Cursor]
    options: dict[str, Any]


class Subscribe(NamedTuple):
    """Join a target, from ``since`` on if that is still known."""

    ref: int
    target: str
    since: Cursor | None
    params: Any


class Unsubscribe(NamedTuple):
    """Leave a target."""

    ref: int
    target: str


class ClientMessage(NamedTuple):
    """A message for a target; ``ref`` 0 wants no answer. ``extra`` is for later versions."""

    ref: int
    target: str
    payload: Any
    extra: Extra | None = None


class Resync(NamedTuple):
    """Bring every named target up to date; ``None`` asks for a snapshot."""

    cursors: dict[str, Cursor | None]


class Call(NamedTuple):
    """A remote procedure call, answered by `Reply` or `Failure`."""

    ref: int
    name: str
    arguments: Any


class Ping(NamedTuple):
    """Are you there? Answered by `Pong` with the same number; either side may ask."""

    n: int


class Welcome(NamedTuple):
    """The server's first frame. ``heartbeat`` is in seconds; ``token`` is new each time."""

    client_id: str
    session: str
    token: str
    resumed: bool
    limits: dict[str, Any]
    heartbeat: float
    contract: str
    extra: Extra | None = None


class Acknowledge(NamedTuple):
    """``refs`` were applied, up to ``seq``; ``final`` says that the target has stopped.

    The values in ``extra`` are lists that run parallel to the refs.
    """

    target: str
    seq: int
    refs: list[int]
    final: bool
    extra: Extra | None = None


class Rejected(NamedTuple):
    """Not applied: undo what you showed early. ``ref`` is 0 for what had none, or could not be read."""

    ref: int
    target: str | None
    code: str
    text: str
    details: Any


class ServerMessage(NamedTuple):
    """A message of the target's order, from somebody else or from the server."""

    target: str
    seq: int
    payload: Any
    extra: Extra | None = None


class Push(NamedTuple):
    """A message outside any order: it may be dropped and is never replayed."""

    target: str
    payload: Any


class Snapshot(NamedTuple):
    """Replaces the target's slice; ``reason`` is one of subscribed, behind, restarted, slow."""

    target: str
    epoch: str
    seq: int
    state: Any
    reason: str


class Reply(NamedTuple):
    """The value of a call."""

    ref: int
    value: Any


class Failure(NamedTuple):
    """A call that failed in the framework; ``errors`` are ``(path, text)`` pairs."""

    ref: int
    code: str
    text: str
    trace_id: str | None
    errors: list[tuple[str, str]]


class Presence(NamedTuple):
    """Who came and who went; ``full`` says that ``joins`` is everybody."""

    target: str
    joins: list[Any]
    leaves: list[Any]
    full: bool


class Pong(NamedTuple):
    """The answer to a `Ping`."""

    n: int


class Bye(NamedTuple):
    """A planned end: come back after ``retry_after`` seconds, jitter included."""

    reason: str
    retry_after: float


class Out(NamedTuple):
    """The client is out of a target. ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""

    target: str
    code: str
    text: str
    join: int


Frame = (
    Hello
    | Subscribe
    | Unsubscribe
    | ClientMessage
    | Resync
    | Call
    | Ping
    | Welcome
    | Acknowledge
    | Rejected
    | ServerMessage
    | Push
    | Snapshot
    | Reply
    | Failure
    | Presence
    | Pong
    | Bye
    | Out
)
