"""How a session hears no: by Rejected, which changes nothing, and by Out, whatever puts it out of a target."""

from __future__ import annotations

from typing import Any

from ..runtime.log_throttle import ThrottledLogger
from ..words.errors import LocalProtocolError
from .subscriber import Subscriber, Told

logger = ThrottledLogger("nuphar.actors")


def say_out(session: Told, target: str, code: str, text: str, join: int = 0) -> None:
    """Write an Out; ``join`` is the ref of the Subscribe that had let it in, 0 if none had."""
    session.write(session.encoding.join([session.encoding.out(target, sayable(code), sayable(text), join)]))


def say_rejected(session: Told, ref: int, target: str | None, code: str, text: str, details: Any) -> None:
    """Write a Rejected; ``details`` of an application that are no plain data are left out."""
    encoding = session.encoding
    try:
        piece = encoding.rejected(ref, target, code, text, details)
    except LocalProtocolError as error:
        logger.error("%s: a refusal cannot be sent as it is, %s: expected plain data in its details", target, error)
        piece = encoding.rejected(ref, target, sayable(code), sayable(text), None)
    session.write(encoding.join([piece]))


def refuse_outsider(
    session: Subscriber, ref: int | None, target: str, code: str, text: str, details: Any = None
) -> None:
    """Refuse a session that is not in ``target``: a Subscribe with its ``ref``, a Resync (None) with an Out."""
    if ref is None:
        say_out(session, target, code, text)
    else:
        session.reject(ref, target, code, text, details)


def sayable(text: Any) -> str:
    """Return text that any frame can carry, whatever an application has said."""
    return str(text).encode(errors="replace").decode()
