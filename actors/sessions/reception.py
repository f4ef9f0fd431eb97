"""The reception of clients: who is new, who comes back as the one that left, and whose time is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..runtime.log_throttle import ThrottledLogger
from ..words.close_codes import REPLACED, UNAUTHORISED
from ..words.identity import Identity, goes_on_as
from ..words.ports import Encoding, Sink
from .asking import nothing_to_close
from .session import Session
from .session_book import Resumable
from .sessions import Sessions
from .takeover import NOWHERE
from .tokens import Tokens, TokenState
from .weight import weigh

logger = ThrottledLogger("nuphar.actors")

RESUME_WINDOW = 120.0
"""Seconds for which a session waits for its client, unless told otherwise: a tunnel, a change of networks."""


class Greeting(NamedTuple):
    """What a Welcome says: the session, its id and its new token, and whether it is one that its client knew."""

    session: Session
    id: str
    token: str
    resumed: bool


class Reception:
    """``window`` is in seconds; with 0 a session ends with its connection. Times are monotonic seconds.

    ``own_store(session)`` are the bytes that a session's own store holds.
    """

    def __init__(
        self, sessions: Sessions, window: float = RESUME_WINDOW, own_store: Callable[[Session], int] = lambda session: 0
    ) -> None:
        self._own_store = own_store
        self._sessions = sessions
        self._book = sessions.book
        self._window = window

    def greet(
        self,
        id: str | None,
        token: str | None,
        identity: Identity | None,
        encoding: Encoding,
        sink: Sink,
        close: Callable[[int, str], None],
    ) -> Greeting:
        """Return the session that a client asked for, or a new one; ``close(code, reason)`` ends its connection.

        It is now ``identity``'s. Each right of a session that goes on is asked again, so changed roles count.

        Whatever is wrong with what it says, it gets a new one: nobody learns which sessions there are.
        Raises: Busy for a new one, if too many calls of the hooks that hear of each session wait already.
        """
        known = self._find(id, token, identity)
        host = self._sessions.host
        newest = host.token(32)
        if known is None or token is None:
            self._sessions.check_room()
            session = self._sessions.connect(host.secret(16), encoding, sink, identity)
            session.key = id = host.secret(16)
            session.hang_up = close
            if self._window:
                self._book.save(Resumable(id, session, Tokens(newest), close))
            return Greeting(session, id, newest, False)
        self._book.take(known.id)
        older, close_older = known.session, known.close
        known.session = self._sessions.resume(older, encoding, sink, identity)
        known.session.hang_up = close
        known.close, known.lost_at = close, None
        known.tokens.rotate(token, newest)
        self._book.save(known)
        close_older(REPLACED, "replaced by a newer connection")
        return Greeting(known.session, known.id, newest, True)

    def prove(self, session: Session) -> None:
        """The client has shown that it got its newest token."""
        if session.key is not None and (known := self._book.get(session.key)) is not None:
            known.tokens.prove()
            self._book.save(known)

    def lose(self, session: Session, now: float, for_good: bool = False) -> None:
        """The connection of ``session`` is gone; ``for_good`` if its client said that it does not come back."""
        if session.closed:
            return  # it goes on with another connection, or has ended
        session.hang_up = nothing_to_close
        known = self._book.take(session.key) if session.key is not None else None
        if known is None or for_good or not self._window:
            self._sessions.disconnect(session)
            return
        session.connect(NOWHERE)
        known.lost_at, known.close = now, nothing_to_close
        known.weight = weigh(session, self._own_store(session))
        self._book.save(known)
        self.tick(now)

    def tick(self, now: float) -> None:
        """End the sessions whose clients have been away for too long, or are too many."""
        for known in self._book.expire(now):
            self._sessions.disconnect(known.session)

    def stop(self) -> None:
        """End all that wait, and keep none from now on: the server stops."""
        self._window = 0.0
        self.tick(float("inf"))

    def _find(self, id: str | None, token: str | None, identity: Identity | None) -> Resumable | None:
        """Return the session with this id, if this client may have it."""
        if id is None or token is None or (known := self._book.get(id)) is None:
            return None
        verdict = known.tokens.judge(token)
        if verdict is TokenState.BURNT:
            logger.warning("a used token of client %s came again: its session ends", known.session.client_id)
            self._book.take(id)
            self._sessions.disconnect(known.session)
            known.close(UNAUTHORISED, "token reused")
        is_good = verdict is TokenState.GOOD and not known.session.closed
        return known if is_good and goes_on_as(known.session.identity, identity) else None
