"""What happens to clients, as lines of the log: their words, levels and fields stand here and nowhere else.

Each line has its fields in its text and, by the same names, as attributes of the record (``extra``), beside ``event``:
a formatter that writes JSON has them without reading the text. docs/operations.md lists them all. No line has a token,
a cookie, a payload, or a text that a client or an application wrote, but for the user's name and a target's. All are
throttled (`log_throttle`), as a client can provoke each of them.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from .log_throttle import ThrottledLogger

NAME = "nuphar.events"
"""The logger that all of them are written to."""

logger = ThrottledLogger(NAME)
_level = logging.getLogger(NAME)


class Happening(NamedTuple):
    """One kind of line. ``fields`` are those that it has, in the order in which ``text`` names them."""

    event: str
    level: int
    text: str
    fields: tuple[str, ...]


def _kind(event: str, level: int, text: str, *fields: str) -> Happening:
    return Happening(event, level, text, fields)


CONNECTED = _kind(
    "connected", logging.DEBUG, "client %s connected: user %r, address %s, resumed %s",
    "client_id", "user", "address", "resumed",
)  # fmt: skip
IDENTIFIED = _kind("identified", logging.DEBUG, "user %r identified, address %s", "user", "address")
REFUSED = _kind("refused", logging.INFO, "a connection from %s refused: %s", "address", "code")
SUBSCRIBED = _kind(
    "subscribed", logging.DEBUG, "client %s subscribed to %s: user %r", "client_id", "topic_id", "user"
)  # fmt: skip
DENIED = _kind(
    "denied", logging.INFO, "client %s denied %s: user %r, code %s", "client_id", "topic_id", "user", "code"
)  # fmt: skip
LEFT = _kind("left", logging.DEBUG, "client %s left %s", "client_id", "topic_id")
KICKED = _kind("kicked", logging.INFO, "client %s kicked: user %r, code %s", "client_id", "user", "code")
LIMITED = _kind(
    "limited", logging.INFO, "client %s is beyond its limit for %s: user %r, to wait %.1f s",
    "client_id", "topic_id", "user", "seconds",
)  # fmt: skip
CLOSED = _kind(
    "closed", logging.DEBUG, "client %s closed: user %r, code %s after %.1f s, %s bytes in, %s bytes out",
    "client_id", "user", "code", "seconds", "bytes_in", "bytes_out",
)  # fmt: skip
LOST = CLOSED._replace(level=logging.INFO)
"""The same for an end that nobody planned."""

ALL = (CONNECTED, IDENTIFIED, REFUSED, SUBSCRIBED, DENIED, LEFT, KICKED, LIMITED, CLOSED, LOST)
"""Every kind of line."""


def is_told(happening: Happening) -> bool:
    """Say whether anybody wants to hear of it: ask first where finding out the fields costs something."""
    return _level.isEnabledFor(happening.level)


def tell(happening: Happening, *values: Any) -> None:
    """Write a line; ``values`` are those of its ``fields``, in their order, None for what is not known."""
    if _level.isEnabledFor(happening.level):
        extra = dict(zip(happening.fields, values, strict=True))
        logger.log(happening.level, happening.text, *values, extra={"event": happening.event, **extra})
