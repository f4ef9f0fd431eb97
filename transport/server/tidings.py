"""What the log is told of a connection: that it came, was refused, and how it ended (`happenings`)."""

from __future__ import annotations

from typing import Any

from ...actors.runtime import happenings
from ...actors.runtime.happenings import CLOSED, CONNECTED, LOST, is_told, tell
from ...actors.sessions.session import Session
from ...actors.words.close_codes import GOING_AWAY, NORMAL_CLOSURE, REPLACED
from ...actors.words.identity import user_of
from .rate_book import Visit

PLANNED = frozenset({NORMAL_CLOSURE, GOING_AWAY, REPLACED})
"""Close codes of an end that nobody has to look into."""


def tell_connected(session: Session, visit: Visit | None, resumed: bool) -> None:
    """A client has said Hello."""
    if is_told(CONNECTED):
        tell(CONNECTED, session.client_id, user_of(session.identity), None if visit is None else visit.address, resumed)


def tell_refused(address: str | None, code: str) -> None:
    """A connection was not let in, with this code of a Refused or this status over HTTP."""
    tell(happenings.REFUSED, address, code)


def tell_closed(socket: Any, session: Session | None, seconds: float) -> None:
    """A connection is over; ``session`` is None before Hello."""
    code = socket.close_code
    line = CLOSED if code in PLANNED else LOST
    if is_told(line):
        look = getattr(socket, "traffic", None)  # a line that somebody else carries counts no bytes
        received, taken = (None if look is None else look()) or (None, None)
        client_id, user = (None, None) if session is None else (session.client_id, user_of(session.identity))
        tell(line, client_id, user, code, round(seconds, 3), received, taken)
