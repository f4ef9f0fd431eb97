"""Every message that goes between the actors, as data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..sessions.session import Membership, Session
    from ..words.delivery import Rule
    from .log import Outcome
    from .order import Order

# To a target's actor.


class Post(NamedTuple):
    """Apply a client's message; it answers with Acknowledge or Rejected."""

    session: Session
    ref: int
    message: Any
    payload: bytes


new_post = partial(tuple.__new__, Post)
"""``Post(*fields)``, given as one tuple, in a third of the time."""


class Dispatch(NamedTuple):
    """Apply the server's own message."""

    message: Any
    payload: bytes


class Broadcast(NamedTuple):
    """Push outside the order, to everybody but ``exclude``."""

    payload: bytes
    exclude: Session | None


class Join(NamedTuple):
    """Subscribe; then dispatch what the join hook answered. ``ref`` None wants no Acknowledge (a Resync).

    ``replaces`` is the session's own predecessor, when it is resumed: that one leaves in silence.
    """

    session: Session
    ref: int | None
    since: tuple[str, int] | None
    caused: tuple[Dispatch, ...]
    wish: Rule | None = None
    replaces: Session | None = None


class Repeat(NamedTuple):
    """Answer a ref again. Also to the router, for a target that the session is not in."""

    session: Session
    ref: int
    target: str


class Why(NamedTuple):
    """Why the server puts a session out of a target; ``join`` is the ref of the Subscribe that had let it in, or 0."""

    code: str
    text: str
    join: int


class Leave(NamedTuple):
    """Unsubscribe; ``ref`` None wants no Acknowledge (the session is gone, or is put out: ``why`` is what it hears)."""

    session: Session
    ref: int | None
    why: Why | None = None


class Use(NamedTuple):
    """An ephemeral topic gets a store."""

    order: Order


class Room(NamedTuple):
    """Nothing waits for ``session`` any more: it can take what its delivery rule has held."""

    session: Session


class Tick(NamedTuple):
    """Some subscriber who takes samples may get the next one."""


class Logged(NamedTuple):
    """What the log says of the target's ``batch``."""

    batch: int
    outcome: Outcome


class LookAgain(NamedTuple):
    """The log did not know what it has of the last batch: ask it again."""


class Read(NamedTuple):
    """Answer the present `Position`."""


# To the router.


class Request(NamedTuple):
    """A session asks to be subscribed. ``trusted``: the server itself asks, nobody else has to allow it.

    ``membership`` is the one that counts it among its requests, and ``leaves`` how often the client had left it then.
    """

    session: Session
    ref: int | None
    target: str
    since: tuple[str, int] | None
    params: Any
    trusted: bool = False
    membership: Membership | None = None
    leaves: int = 0

    @property
    def is_over(self) -> bool:
        """Has the client unsubscribed since it asked? Then it is answered, and takes no effect."""
        membership = self.membership
        return membership is not None and (membership.has_left or self.leaves < membership.left)


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
    session: Session | None


class DispatchTo(NamedTuple):
    """The server applies a message to a session's own store; ``client_id`` None means everybody's."""

    client_id: str | None
    dispatch: Dispatch
