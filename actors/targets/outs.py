"""How a session hears that it is out of a target: by Out, whoever put it out and whatever the reason."""

from __future__ import annotations

from typing import Any

from ..runtime.mailbox import Mailbox
from ..words.target_names import SESSION
from .messages import Leave, Repeat, Why

Session = Any
"""A session, of the room above."""

Membership = Any
"""Likewise what it knows of itself in one target."""


def say_out(session: Session, target: str, code: str, text: str, join: int = 0) -> None:
    """Write an Out; ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""
    session.write(session.encoding.join([session.encoding.out(target, code, text, join)]))


def named(message: Any, join: int) -> Any:
    """Let a Leave that was held while its session was joining name what has let it in."""
    if isinstance(message, Leave) and message.why is not None:
        return message._replace(why=message.why._replace(join=join))
    return message


def refuse(session: Session, ref: int | None, target: str, code: str, text: str, details: Any = None) -> None:
    """Refuse a session that is not in ``target``: a Subscribe with its ``ref``, a Resync (None) with an Out."""
    if ref is None:
        say_out(session, target, code, text)
    else:
        session.reject(ref, target, code, text, details)


def turn_away(session: Session, ref: int | None, target: str, text: str) -> None:
    """Refuse what there is no room to consider; who is in is out, as after any refusal.

    Unless something else that it asked for is under way: that brings it up to date, or puts it out.
    """
    membership = session.memberships.get(target)
    if membership is None or (target == SESSION and not membership.requests):
        refuse(session, ref, target, "busy", text)  # nobody leaves its own store: it only asks again
        return
    if ref is not None:
        session.reject(ref, target, "busy", text)
    if membership.admitted and not membership.requests:
        del session.memberships[target]
        membership.put_anyway(Leave(session, None, Why("busy", text, membership.ref)))


def answer_held(session: Session, target: str, membership: Membership) -> None:
    """Answer what was sent on the strength of a Subscribe that was refused."""
    for message in membership.take_held():
        if isinstance(message, Leave):
            if message.ref is not None:
                session.unsubscribe(message.ref, target)
        elif isinstance(message, Repeat):
            session.repeats.answer(message.ref, target, None)
        else:
            session.reject(message.ref, target, "not_subscribed", f"you are not subscribed to {target}")


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
