"""Every message to the router, as data: which session it is about is an address, a `Subscriber`. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..targets.messages import Dispatch
from ..targets.subscriber import Subscriber


class Request(NamedTuple):
    """A session asks to be subscribed. ``trusted``: the server itself asks, nobody else has to allow it.

    ``number`` is that of the membership that counts it, and ``leaves`` how often the client had left it then.
    """

    session: Subscriber
    ref: int | None
    target: str
    since: tuple[str, int] | None
    params: Any
    trusted: bool = False
    number: int = 0
    leaves: int = 0


class Verdict(NamedTuple):
    """What the hooks said of a request: a code of Rejected, or None and what the join hook wants dispatched."""

    request: Request
    code: str | None
    text: str
    details: Any
    caused: tuple[Dispatch, ...]


class Evict(NamedTuple):
    """The server unsubscribes a session."""

    client_id: str
    topic_id: str


class Admit(NamedTuple):
    """The server subscribes a session, trusted."""

    client_id: str
    topic_id: str


class Connect(NamedTuple):
    """A session has come: tell the hooks."""

    client_id: str


class Disconnect(NamedTuple):
    """A session is gone: leave everything. Only if it is still this ``session``, when one is named."""

    client_id: str
    session: Subscriber | None


class DispatchTo(NamedTuple):
    """The server applies a message to a session's own store; ``client_id`` None means everybody's."""

    client_id: str | None
    dispatch: Dispatch
