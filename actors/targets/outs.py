"""How a session hears that it is out of a target: by Out, whoever put it out and whatever the reason."""

from __future__ import annotations

from typing import Any

Session = Any
"""A session, of the room above."""


def say_out(session: Session, target: str, code: str, text: str, join: int = 0) -> None:
    """Write an Out; ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""
    session.write(session.encoding.join([session.encoding.out(target, code, text, join)]))


def refuse(session: Session, ref: int | None, target: str, code: str, text: str, details: Any = None) -> None:
    """Refuse a session that is not in ``target``: a Subscribe with its ``ref``, a Resync (None) with an Out."""
    if ref is None:
        say_out(session, target, code, text)
    else:
        session.reject(ref, target, code, text, details)
