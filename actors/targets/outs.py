"""How a session hears no: by Rejected, which changes nothing, and by Out, whatever puts it out of a target."""

from __future__ import annotations

from typing import Any

from ..runtime.log_throttle import ThrottledLogger
from ..runtime.mailbox import Mailbox
from ..words.errors import LocalProtocolError

logger = ThrottledLogger("nuphar.actors")

Session = Any
"""A session, of the room above."""

Membership = Any
"""Likewise what it knows of itself in one target."""


def say_out(session: Session, target: str, code: str, text: str, join: int = 0) -> None:
    """Write an Out; ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""
    session.write(session.encoding.join([session.encoding.out(target, _sayable(code), _sayable(text), join)]))


def say_rejected(session: Session, ref: int, target: str | None, code: str, text: str, details: Any) -> None:
    """Write a Rejected; ``details`` of an application that are no plain data are left out."""
    encoding = session.encoding
    try:
        piece = encoding.rejected(ref, target, code, text, details)
    except LocalProtocolError as error:
        logger.error("%s: a refusal cannot be sent as it is, %s: expected plain data in its details", target, error)
        piece = encoding.rejected(ref, target, _sayable(code), _sayable(text), None)
    session.write(encoding.join([piece]))


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


def _sayable(text: Any) -> str:
    """Return text that any frame can carry, whatever an application has said."""
    return str(text).encode(errors="replace").decode()
