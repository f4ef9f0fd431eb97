"""How a simulated client comes back to its session (docs/wire.md, Coming back): what it says, and what again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..transport.wire.frames import ClientMessage, Cursor, Frame, Hello, Subscribe, Welcome

SUBSCRIBE = 1
"""The ref of a client's Subscribe; its messages have the refs after it."""


class Resumption:
    """Who the client is for the server, and how far it got in saying things.

    ``is_live`` says that frames may be sent: there is a connection, and it has brought its Welcome.
    """

    def __init__(self, target: str) -> None:
        self.is_live = False
        self._target = target
        self._session: str | None = None
        self._token: str | None = None
        self._said = SUBSCRIBE  # the highest ref that the server may have seen

    def greeting(self, cursor: Cursor | None) -> list[Frame]:
        """Return the first frames of a connection, ``cursor`` being how far the client got in its target."""
        if self._session is None:
            return [Hello(1, None, None, {}, {}), Subscribe(SUBSCRIBE, self._target, None, None)]
        return [Hello(1, self._session, self._token, {} if cursor is None else {self._target: cursor}, {})]

    def welcome(self, welcome: Welcome) -> bool:
        """Take the server's answer; False if it is not the session that was asked for."""
        is_right = welcome.resumed or self._session is None
        self._session, self._token = welcome.session, welcome.token
        self.is_live = is_right
        return is_right

    def say(self, ref: int, payload: object) -> ClientMessage:
        """Return the frame of a message."""
        self._said = max(self._said, ref)
        return ClientMessage(ref, self._target, payload)

    def lose(self) -> None:
        """The connection is lost."""
        self.is_live = False

    def repeats(self, unanswered: Mapping[int, object]) -> set[int]:
        """Return the refs that the server may have seen, and answer twice: in the catch-up, and when repeated."""
        return {ref for ref in unanswered if ref <= self._said}
