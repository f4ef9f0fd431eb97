"""Every message to the router, as data: which session it is about is an address, a `Subscriber`. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..targets.messages import Dispatch
from ..targets.subscriber import Subscriber
from ..words.member import NOTHING, Asked


class Request(NamedTuple):
    """A session asks to be subscribed. ``trusted``: the server itself asks, nobody else has to allow it.

    ``number`` is that of the membership that counts it, as its ``nth`` request, and ``leaves`` how often the client had
    left it then. ``is_check``: it is in, or asks already; only its right is asked again. ``asked`` is what hooks are
    told of it: of a check, a Resync or a session that comes back what its last Subscribe said.
    """

    session: Subscriber
    ref: int | None
    target: str
    since: tuple[str, int] | None
    params: Any
    trusted: bool = False
    number: int = 0
    leaves: int = 0
    is_check: bool = False
    nth: int = 0
    asked: Asked = NOTHING


class Verdict(NamedTuple):
    """What was said of a request: a code of Rejected, or None and what the join hook wants dispatched.

    ``hint`` is what the target's kind has found out and need not find out again. ``greeted``: the join hook was called
    for this request.
    """

    request: Request
    code: str | None = None
    text: str = ""
    details: Any = None
    caused: tuple[Dispatch, ...] = ()
    hint: Any = None
    greeted: bool = False


class Evict(NamedTuple):
    """The server unsubscribes a session."""

    client_id: str
    target: str


class LetIn(NamedTuple):
    """The server subscribes a session, trusted."""

    client_id: str
    target: str


class Reconsider(NamedTuple):
    """Ask again for all rights of a session that its targets' kinds name; ``client_id`` None means everybody's."""

    client_id: str | None


class Connect(NamedTuple):
    """A session has come: tell the hooks."""

    session: Subscriber


class Disconnect(NamedTuple):
    """A session is gone: leave everything. Only if it is still this ``session``, when one is named."""

    client_id: str
    session: Subscriber | None


class DispatchTo(NamedTuple):
    """The server applies a message to a target of a session's own; ``client_id`` None means everybody's."""

    client_id: str | None
    target: str
    dispatch: Dispatch


class Sweep(NamedTuple):
    """A second has passed: kinds of targets do what is due."""


class For(NamedTuple):
    """A message to the kind of ``target`` itself (`TargetKind.take`)."""

    target: str
    message: Any
