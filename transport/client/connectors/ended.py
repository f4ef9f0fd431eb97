"""How a client's connection ended, and whether that is for good: the one judgement of all connectors. Pure.

>>> closed_with(4403, "forbidden")
ConnectionEnd(code=4403, why='forbidden', after=0.0)
>>> closed_with(4500, "restarting")
ConnectionEnd(code=0, why='closed with 4500: restarting', after=0.0)
>>> refused_with(404, "no such page"), refused_with(503, "full", 10.0)
(ConnectionEnd(code=404, why='no such page', after=0.0), ConnectionEnd(code=0, why='HTTP status 503: full', after=10.0))
"""

from __future__ import annotations

from typing import NamedTuple

from ....actors.words.close_codes import is_final

_LATER = frozenset({408, 425, 429})
"""Request Timeout, Too Early and Too Many Requests (RFC 9110 section 15.5.9, RFC 8470, RFC 6585): come back."""


class ConnectionEnd(NamedTuple):
    """``why`` is for people. With ``code`` 0 the client comes back, no sooner than ``after`` seconds; else it is over.

    Then ``code`` is a close code or an HTTP status.
    """

    code: int
    why: str
    after: float = 0.0


FAREWELL = 0.5
"""Seconds that the last bytes of a client may take: its close frame, or its request that ends a line."""

CLOSED_HERE = ConnectionEnd(0, "closed by this client")
"""The end of a connection that the program does not want any more."""


def closed_with(code: int, reason: str) -> ConnectionEnd:
    """Return the end of a connection that the server closed with a close code (docs/wire.md, *Codes*)."""
    return ConnectionEnd(code, reason) if is_final(code) else ConnectionEnd(0, f"closed with {code}: {reason}")


def refused_with(status: int, text: str, after: float = 0.0) -> ConnectionEnd:
    """Return the end of a connection that an HTTP answer refused; ``after``: the seconds of its Retry-After."""
    return (
        ConnectionEnd(status, text) if is_for_good(status) else ConnectionEnd(0, f"HTTP status {status}: {text}", after)
    )


def is_for_good(status: int) -> bool:
    """Say whether an HTTP status refuses a connection for good: below 500, unless it only says that it was too soon."""
    return status < 500 and status not in _LATER
