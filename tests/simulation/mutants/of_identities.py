"""Faults in who a client is: whose session goes on, as whom, and for how long."""

from __future__ import annotations

from .mutant import Mutant

OF_IDENTITIES = (
    Mutant(
        "whoever has a token gets the session of another user",
        "nuphar.actors.words.identity",
        "return before is None or before.user == user_of(now)",
        "return True",
    ),
    Mutant(
        "who has signed out gets its session back",
        "nuphar.actors.words.identity",
        "return before is None or before.user == user_of(now)",
        "return before is None or now is None or before.user == user_of(now)",
    ),
    Mutant(
        "a client that signs in loses its session",
        "nuphar.actors.words.identity",
        "return before is None or before.user == user_of(now)",
        "return user_of(before) == user_of(now)",
    ),
    Mutant(
        "the same user with other roles gets a fresh session",
        "nuphar.actors.words.identity",
        "return before is None or before.user == user_of(now)",
        "return before is None or before == now",
    ),
    Mutant(
        "a session that goes on keeps the roles of before",
        "nuphar.actors.sessions.reception",
        "self._sessions.resume(older, encoding, sink, identity)",
        "self._sessions.resume(older, encoding, sink, older.identity)",
    ),
    Mutant(
        "a new session does not know who its client is",
        "nuphar.actors.sessions.reception",
        "self._sessions.connect(host.secret(16), encoding, sink, identity)",
        "self._sessions.connect(host.secret(16), encoding, sink)",
    ),
    Mutant(
        "nobody looks whether an identity's time is over",
        "nuphar.transport.server.connection",
        "self._identity.has_expired(self._gateway.host.wall())",
        "self._identity.has_expired(0.0)",
    ),
    Mutant(
        "an identity that expires is closed at once",
        "nuphar.actors.words.identity",
        "self.expires is not None and now >= self.expires",
        "self.expires is not None",
    ),
)
