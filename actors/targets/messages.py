"""Every message to a target's actor, as data: who it is about is an address, a `Subscriber`. Pure."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from ..words.delivery import Rule
from ..words.member import NOTHING, Asked
from .log import AppendOutcome
from .order import Order
from .subscriber import Caller, Subscriber


class Post(NamedTuple):
    """Apply a client's message; it answers with Acknowledge or Rejected."""

    session: Subscriber
    ref: int
    message: Any
    payload: bytes


new_post = partial(tuple.__new__, Post)
"""``Post(*fields)``, given as one tuple, in a third of the time."""


class Dispatch(NamedTuple):
    """Apply the server's own message; ``caller`` waits for what becomes of it."""

    message: Any
    payload: bytes
    caller: Caller | None = None


class Broadcast(NamedTuple):
    """Push outside the order, to everybody but ``exclude``."""

    payload: bytes
    exclude: Subscriber | None


class Join(NamedTuple):
    """Subscribe; then dispatch what the join hook answered. ``ref`` None wants no Acknowledge (a Resync).

    ``replaces`` is the session's own predecessor, when it is resumed: that one leaves in silence.
    """

    session: Subscriber
    ref: int | None
    since: tuple[str, int] | None
    caused: tuple[Dispatch, ...]
    wish: Rule | None = None
    replaces: Subscriber | None = None


class Repeat(NamedTuple):
    """Answer a ref again. Also to the router, for a target that the session is not in."""

    session: Subscriber
    ref: int
    target: str


class Why(NamedTuple):
    """Why the server puts a session out of a target; ``join`` is the ref of the Subscribe that had let it in, or 0."""

    code: str
    text: str
    join: int


class Leave(NamedTuple):
    """Unsubscribe; ``ref`` None wants no Acknowledge (the session is gone, or is put out: ``why`` is what it hears).

    ``greeted``: the join hook was called when it came in, so the leave hook is called now; ``asked`` is what that is
    told of its Subscribe.
    """

    session: Subscriber
    ref: int | None
    why: Why | None = None
    greeted: bool = True
    asked: Asked = NOTHING


class UseStore(NamedTuple):
    """An ephemeral topic gets a store."""

    order: Order


class Room(NamedTuple):
    """Nothing waits for ``session`` any more: it can take what its delivery rule has held."""

    session: Subscriber


class Tick(NamedTuple):
    """Some subscriber who takes samples may get the next one."""


class Logged(NamedTuple):
    """What the log says of the target's ``batch``, to the question with the number ``asking``."""

    batch: int
    outcome: AppendOutcome
    asking: int


class More(NamedTuple):
    """What was put back into the mailbox ends here: more may wait behind the target's log."""


class LookAgain(NamedTuple):
    """The log did not know what it has of the last batch: ask it again."""


class Overdue(NamedTuple):
    """It may be that the log has not answered in time, or that a stop has waited long enough: look at the clock."""


class Read(NamedTuple):
    """Answer the present `Position`."""
