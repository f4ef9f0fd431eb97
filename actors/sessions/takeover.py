"""How a session goes on with another connection: a newer `Session` takes the place of the older one.

Nothing here waits, so no frame comes between. The older one is mute at once; in each of its targets it stays until the
newer one's Join, which brings what was missed, takes it out: so the newer connection hears nothing before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ..targets.outs import say_out
from ..words.target_names import Cursor
from .answers import WINDOW
from .asking import nothing_to_close
from .membership_table import Supersede
from .session import Session
from .unnamed import Follow, NotThere, Restore, Step, Unnamed


class Nowhere:
    """The sink of a session without a connection: its client finds what it missed when it comes back."""

    ready = -1
    """It is no descriptor that may be written to (what `Encoding.deliver` asks a WebSocket's outbox)."""

    pending = 0

    def write(self, joined: Any, /) -> None:
        """Drop ``joined``."""

    def offer(self, joined: Any, /) -> bool:
        """Drop it too, and want nobody to remember it."""
        return True

    def on_empty(self, hear: Callable[[], None], /) -> None:
        """Do nothing: it never fills."""


NOWHERE = Nowhere()


def supersede(older: Session, newer: Session) -> None:
    """Give ``newer`` the place of ``older``, whose memberships it has to `restore`.

    What ``older`` was still asking for, and what it held for targets that it was not in yet, nobody has begun: the
    client sends it again.
    """
    older.closed = True
    older.successor = newer
    older.connect(NOWHERE)
    older.hang_up = nothing_to_close
    newer.key = older.key
    older.answers.release(older.in_hand)
    for target, membership in list(older.memberships.items()):
        heir = membership.heir(older, newer.next_number(), WINDOW, partial(_wake, newer, target))
        older.step(target, Supersede())
        if heir is not None:
            newer.memberships[target] = heir
    older.unnamed = None


def restore(session: Session, cursors: Mapping[str, Cursor], resumed: bool, now: float, more: bool) -> None:
    """Ask the router for every membership again, from its cursor on; with ``more`` only for those that are named.

    Cursors of other targets are taken as a Resync in a new session. In one that is ``resumed`` the client does not
    know that it is out. ``now`` is in monotonic seconds.
    """
    if not resumed:
        _perform(session, [Follow(*named) for named in cursors.items()])
        return
    session.unnamed = unnamed = Unnamed(session.memberships, now)
    _perform(session, unnamed.name(cursors, session.memberships))
    if not more:
        end_naming(session)


def resync(session: Session, cursors: Mapping[str, Cursor | None]) -> None:
    """Take a Resync. An empty one says that everything is named which a Hello had no room for."""
    if session.unnamed is None:
        _perform(session, [Follow(*named) for named in cursors.items()])
    elif cursors:
        _perform(session, session.unnamed.name(cursors, session.memberships))
    else:
        end_naming(session)


def end_naming(session: Session) -> None:
    """Wait no longer for the names of what ``session`` came back to."""
    if session.unnamed is not None:
        _perform(session, session.unnamed.end())
        session.unnamed = None


def _wake(session: Session, target: str, cursor: Cursor | None) -> None:
    if session.unnamed is not None:
        _perform(session, session.unnamed.wake(target, cursor))


def _perform(session: Session, steps: Iterable[Step]) -> None:
    for step in steps:
        if session.closed:
            return
        match step:
            case Restore(target, cursor):
                session.restore(target, cursor)
            case Follow(target, cursor):
                session.subscribe(None, target, cursor)
            case NotThere(target):
                say_out(session, target, "not_subscribed", f"you are not subscribed to {target} any more")
