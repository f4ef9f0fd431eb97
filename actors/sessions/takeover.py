"""How a session goes on with another connection: a newer `Session` takes the place of the older one.

Nothing here waits, so no frame comes between. The older one is mute at once; in each of its targets it stays until the
newer one's Join, which brings what was missed, takes it out: so the newer connection hears nothing before that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..runtime.mailbox import Mailbox
from ..targets.messages import Request
from ..targets.outs import say_out
from .answers import WINDOW
from .membership_table import Supersede
from .session import Session


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
    newer.key = older.key
    older.answers.release(older.in_hand)
    for target, membership in list(older.memberships.items()):
        heir = membership.heir(older, newer.next_number(), WINDOW)
        older.step(target, Supersede())
        if heir is not None:
            newer.begin(target, heir)


def restore(session: Session, cursors: Mapping[str, tuple[str, int]], router: Mailbox, resumed: bool) -> None:
    """Ask the router for every membership again, from its cursor on.

    Cursors of other targets are taken as a Resync in a new session. In one that is ``resumed`` the client does not
    know that it is out: what told it so was lost with its line.
    """
    for target, membership in list(session.memberships.items()):
        since, trusted = cursors.get(target), membership.trusted
        router.put_anyway(Request(session, None, target, since, None, trusted, membership.number))
    for target, cursor in cursors.items():
        if target in session.memberships:
            continue
        if resumed:
            say_out(session, target, "not_subscribed", f"you are not subscribed to {target} any more")
        else:
            session.subscribe(None, target, cursor)
