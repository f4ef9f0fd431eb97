"""The tokens of one session: what proves that a client which comes back is the one that left. Pure.

Only their SHA-256 hashes are kept, so that nobody who reads the server's memory or store can come back as somebody
else. Each is good for one use; the one before the newest stays good until the client has proven that it has the newest,
as that travels in a Welcome which can be lost.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum, auto

BURNT = 8
"""Used tokens that are still recognised: who presents one has stolen it, or was robbed."""


class TokenState(Enum):
    """What a token is."""

    GOOD = auto()
    BURNT = auto()
    UNKNOWN = auto()


class Tokens:
    """``newest`` is what the client was sent last; `judge`, then `rotate` with the same token."""

    __slots__ = ("_burnt", "_newest", "_older")

    def __init__(self, newest: str) -> None:
        self._newest = digest(newest)
        self._older: bytes | None = None
        self._burnt: tuple[bytes, ...] = ()

    def judge(self, token: str) -> TokenState:
        """Say what ``token`` is; how long that takes tells nothing about how much of it is right."""
        given = digest(token)
        if _is_in(given, (self._newest, self._older or self._newest)):
            return TokenState.GOOD
        return TokenState.BURNT if _is_in(given, self._burnt) else TokenState.UNKNOWN

    def rotate(self, used: str, newest: str) -> None:
        """Replace the good token ``used``: it stays good until `prove`, and any other good one is burnt."""
        given = digest(used)
        for other in (self._older, self._newest):
            if other is not None and other != given:
                self._burn(other)
        self._older, self._newest = given, digest(newest)

    def prove(self) -> None:
        """The client has the newest token: burn the one before it."""
        if self._older is not None:
            self._burn(self._older)
            self._older = None

    def _burn(self, used: bytes) -> None:
        self._burnt = (*self._burnt, used)[-BURNT:]


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _is_in(given: bytes, known: tuple[bytes, ...]) -> bool:
    # All are compared, to the last byte.
    return sum([hmac.compare_digest(given, each) for each in known]) > 0
