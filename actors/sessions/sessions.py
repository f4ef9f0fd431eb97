"""Who is connected: every session, by client id. Outlives the router."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ..runtime.hooks import ServerHooks
from ..runtime.host import GEVENT, Host
from ..runtime.mailbox import Mailbox
from ..targets.subscriber import Subscriber
from ..words.errors import Busy, UsageError
from ..words.identity import Identity
from ..words.ports import Encoding, Sink
from ..words.target_names import Cursor
from .asking import SUBSCRIPTIONS
from .kinds import Kinds
from .messages import Connect, Disconnect
from .session import Session
from .session_book import MemoryBook, SessionBook
from .takeover import restore, supersede


def generate_client_id() -> str:
    """Return a new client id: 32 hex characters from the system's secure source.

    >>> len(generate_client_id())
    32
    """
    return secrets.token_hex(16)


def check_client_id(client_id: Any) -> str:
    """Return ``client_id`` if it can be one.

    Raises: UsageError.
    """
    if not isinstance(client_id, str) or not client_id:
        raise UsageError(f"a client id is a non-empty str, got {client_id!r}")
    return client_id


class Sessions:
    """The sessions of one server. Those in ``book`` are found again by their clients."""

    def __init__(
        self,
        router: Mailbox,
        hooks: ServerHooks,
        kinds: Kinds,
        subscriptions: int = SUBSCRIPTIONS,
        book: SessionBook | None = None,
        host: Host = GEVENT,
    ) -> None:
        self.host = host
        self.book: SessionBook = book if book is not None else MemoryBook(0.0)
        self._by_id: dict[str, Session] = {}
        self._router = router
        self._hooks = hooks
        self._kinds = kinds
        self.subscriptions = subscriptions

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, client_id: str) -> Session | None:
        """Return the session of a client."""
        return self._by_id.get(client_id)

    def all(self) -> list[Session]:
        """Return every session, oldest first."""
        return list(self._by_id.values())

    def of(self, subscriber: Subscriber) -> Session | None:
        """Return the session that a message is about; None if it has ended, or goes on with another connection."""
        return None if subscriber.closed else _session(subscriber)

    def newest(self, client_id: str, subscriber: Subscriber | None) -> Session | None:
        """Return the session of a client, or the one that ``subscriber`` goes on as: it is meant all the same."""
        session = self._by_id.get(client_id) if subscriber is None else _session(subscriber)
        while session is not None and session.successor is not None:
            session = session.successor
        return session

    def check_room(self) -> None:
        """Raise Busy if another session would add to too many calls of hooks that wait already."""
        hooks = self._hooks
        if (hooks.connect or hooks.disconnect) and hooks.calls.is_full:
            raise Busy("too many calls of hooks wait already")

    def connect(self, client_id: str, encoding: Encoding, sink: Sink, identity: Identity | None = None) -> Session:
        """Add a session of ``identity``; one that had this client id is disconnected first.

        Raises: UsageError for an empty client id.
        """
        check_client_id(client_id)
        older = self._by_id.get(client_id)
        session = Session(client_id, encoding, sink, self._router, self._kinds, self.subscriptions, None, identity)
        if older is not None:
            self.disconnect(older)
        self._by_id[client_id] = session
        if self._hooks.connect:
            # By way of the router: this may be any thread, and the hooks run on the server's.
            self._router.put_anyway(Connect(session))
        return session

    def resume(
        self,
        older: Session,
        encoding: Encoding,
        sink: Sink,
        identity: Identity | None = None,
    ) -> Session:
        """Return a session that takes the place of ``older``; what it was subscribed to is still to be restored."""
        newer = Session(
            older.client_id,
            encoding,
            sink,
            self._router,
            self._kinds,
            self.subscriptions,
            older.answers,
            identity,
        )
        newer.meter = older.meter
        newer.pace = older.pace
        supersede(older, newer)
        self._by_id[newer.client_id] = newer
        return newer

    def restore(self, session: Session, cursors: Mapping[str, Cursor], resumed: bool, more: bool = False) -> None:
        """Subscribe a session to what its predecessor was subscribed to, and to what ``cursors`` name besides.

        With ``more`` what is not named waits until it is (`unnamed`).
        """
        restore(session, cursors, resumed, self.host.clock(), more)

    def disconnect(self, session: Session) -> None:
        """Have the router take ``session`` out of everything. Safe from any thread."""
        self._router.put_anyway(Disconnect(session.client_id, session))

    def remove(self, session: Session) -> bool:
        """Forget ``session``; False if that has happened already."""
        if session.closed:
            return False
        session.closed = True
        if session.key is not None:
            self.book.take(session.key)
        if self._by_id.get(session.client_id) is session:
            del self._by_id[session.client_id]
        return True


def _session(subscriber: Subscriber) -> Session:
    assert isinstance(subscriber, Session), f"the router is asked by sessions, got {subscriber!r}"
    return subscriber
