"""How a session hears that it is out of a target: by Out, whoever put it out and whatever the reason."""

from __future__ import annotations

from typing import Any

from .subscriber import Subscriber


def say_out(session: Subscriber, target: str, code: str, text: str, join: int = 0) -> None:
    """Write an Out; ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""
    session.write(session.encoding.join([session.encoding.out(target, code, text, join)]))


def refuse(session: Subscriber, ref: int | None, target: str, code: str, text: str, details: Any = None) -> None:
    """Refuse a session that is not in ``target``: a Subscribe with its ``ref``, a Resync (None) with an Out."""
    if ref is None:
        say_out(session, target, code, text)
    else:
        session.reject(ref, target, code, text, details)
