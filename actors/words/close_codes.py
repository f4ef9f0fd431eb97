"""Every close code of a connection: who says it, what it means, and whether a client comes back after it. Pure.

The one table of them (RFC 6455 section 7.4). docs/wire.md and ``transport/js/src/close_codes.js`` say the same; tests
compare them. A code from 4400 to 4499 ends a client for good, also one that is not in the table; 4404 is the exception.

>>> is_final(FORBIDDEN), is_final(SESSION_GONE), is_final(4499), is_final(TOO_SLOW)
(True, False, True, False)
"""

from __future__ import annotations

from typing import Final, NamedTuple

NORMAL_CLOSURE: Final = 1000
GOING_AWAY: Final = 1001
FRAMING_ERROR: Final = 1002
NO_CODE: Final = 1005
ABNORMAL: Final = 1006
INVALID_TEXT: Final = 1007
TOO_LARGE: Final = 1009
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013
PROTOCOL_ERROR: Final = 4400
UNAUTHORISED: Final = 4401
FORBIDDEN: Final = 4403
SESSION_GONE: Final = 4404
OTHER_VERSION: Final = 4406
REPLACED: Final = 4409
RESTARTING: Final = 4500
HEARTBEAT_MISSED: Final = 4508
TOO_SLOW: Final = 4513
TOO_MANY_REQUESTS: Final = 4529


class CloseCode(NamedTuple):
    """One row. ``sender``: client, server, both, or nobody (reserved, or it only says how a connection ended)."""

    code: int
    sender: str
    meaning: str


CLOSE_CODES: Final = (
    CloseCode(NORMAL_CLOSURE, "client", "the client does not come back: its session ends"),
    CloseCode(GOING_AWAY, "both", "a planned end (the server says Bye before it); the session is kept"),
    CloseCode(FRAMING_ERROR, "both", "the WebSocket framing is broken"),
    CloseCode(NO_CODE, "nobody", "a close frame without a code"),
    CloseCode(ABNORMAL, "nobody", "the connection ended without a close frame, or a line without a request in time"),
    CloseCode(INVALID_TEXT, "both", "a text message is not UTF-8"),
    CloseCode(TOO_LARGE, "both", "a message is over the limit"),
    CloseCode(INTERNAL_ERROR, "both", "an error of its own has ended this side"),
    CloseCode(TRY_AGAIN_LATER, "server", "the server is busy"),
    CloseCode(PROTOCOL_ERROR, "both", "protocol error"),
    CloseCode(UNAUTHORISED, "server", "not signed in, signed in for too long, or a token that was used before"),
    CloseCode(FORBIDDEN, "server", "the application does not let this client in"),
    CloseCode(SESSION_GONE, "nobody", "the session is gone: start a new one"),
    CloseCode(OTHER_VERSION, "server", "another version of the protocol"),
    CloseCode(REPLACED, "server", "replaced by a newer connection"),
    CloseCode(RESTARTING, "server", "restarting"),
    CloseCode(HEARTBEAT_MISSED, "both", "nothing was heard for too long"),
    CloseCode(TOO_SLOW, "server", "too slow"),
    CloseCode(TOO_MANY_REQUESTS, "server", "too many requests, again and again, without waiting"),
)  # fmt: skip
"""All of them, in the order of their numbers."""


def is_final(code: int) -> bool:
    """Say whether a client that was closed with ``code`` does not come back by itself: 4400 to 4499 except 4404.

    1000 is final for the client that says it, and no reason to stay away for one that hears it.
    """
    return 4400 <= code <= 4499 and code != SESSION_GONE


def may_be_sent(code: int) -> bool:
    """Say whether a close frame may carry ``code`` (RFC 6455 section 7.4, and the registry that it founded)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
