"""How a session hears that it is out of a target: by Out, whoever put it out and whatever the reason."""

from __future__ import annotations

from typing import Any

from ..runtime.mailbox import Mailbox

Session = Any
"""A session, of the room above."""

Membership = Any
"""Likewise what it knows of itself in one target."""


def say_out(session: Session, target: str, code: str, text: str, join: int = 0) -> None:
    """Write an Out; ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""
    session.write(session.encoding.join([session.encoding.out(target, code, text, join)]))


def refuse(session: Session, ref: int | None, target: str, code: str, text: str, details: Any = None) -> None:
    """Refuse a session that is not in ``target``: a Subscribe with its ``ref``, a Resync (None) with an Out."""
    if ref is None:
        say_out(session, target, code, text)
    else:
        session.reject(ref, target, code, text, details)


def end_membership(session: Session, target: str, mailbox: Mailbox) -> int:
    """Take a session out of the target with ``mailbox``, on its own side; return what an Out has to name."""
    while session.successor is not None:
        session = session.successor
    membership = session.memberships.get(target)
    if membership is None:
        return 0
    if membership.replaces is not None:
        membership.replaces, membership.welcomed = None, False  # what it would resume is over
    # A topic that was begun anew under this name has taken it over otherwise.
    if membership.put == mailbox.put:
        if membership.requests:
            membership.expel()  # or an Unsubscribe would not find what is still being considered
        else:
            del session.memberships[target]
    join: int = membership.ref
    return join
