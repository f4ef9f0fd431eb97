"""What users and addresses share of their limits, as long as it matters, and who may connect. Pure: time comes in.

An owner is kept while it has a connection, and then until its buckets are full again: that is how they begin, so it
makes no difference that it is forgotten.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ...actors.sessions.flow import Flow, bucket, flow
from ...actors.sessions.meter import Meter
from ...actors.sessions.session import Session
from ...actors.words.rates import Rates
from ..wire.peer_address import Networks, site_of

IDLE = 100_000
"""Owners without a connection that are kept, some 50 MiB; of more, who has been gone for longest is forgotten."""

FULL = 10
"""Seconds after which one who has too many connections is told to come back."""

Key = tuple[str, str]


class Owner:
    """A user or an address. ``holders`` are its connections."""

    __slots__ = ("flow", "holders", "key", "left_at", "sessions")

    def __init__(self, key: Key, flow: Flow, sessions: Any) -> None:
        self.key = key
        self.flow = flow
        self.sessions = sessions
        self.holders = 0
        self.left_at = 0.0


class TurnedAway(NamedTuple):
    """No more from this address now. ``seconds`` are whole."""

    text: str
    seconds: int


class Visit:
    """One connection as the limits see it, from before its upgrade to its end."""

    __slots__ = ("_address", "_book", "_owners", "address")

    def __init__(self, book: RateBook, address: str, owner: Owner | None) -> None:
        self.address = address
        self._book = book
        self._address = owner
        self._owners = [] if owner is None else [owner]

    def measure(self, now: float, session: Session, user: str | None, resumed: bool) -> Meter:
        """Return the meter of its session, which draws from this user's and this address's flows from now on."""
        if resumed and self._address is not None and self._address.sessions is not None:
            self._address.sessions.give_back()
        if user is not None and (owner := self._book.hold_user(now, user)) is not None:
            self._owners.append(owner)
        if session.meter is None:
            session.meter = Meter(self._book.rates, now)
        session.meter.share(now, *(owner.flow for owner in self._owners))
        return session.meter

    def leave(self, now: float, session: Session | None = None) -> None:
        """The connection is over, and ``session`` has no other; does nothing the second time."""
        if session is not None and session.meter is not None and not session.closed:
            session.meter.share(now)
        owners, self._owners = self._owners, []
        for owner in owners:
            self._book.release(now, owner)


class RateBook:
    """Times are monotonic seconds."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self._exempt = [Networks(rates.exempt, "exempt")]
        self._owners: dict[Key, Owner] = {}
        self._idle: dict[Key, Owner] = {}  # whoever left first comes first
        limits = [rates.frames, rates.bytes, rates.subscribes, rates.sessions]
        # A debt may be as large as a burst, so it takes at most twice the time.
        self._longest = 2 * max((each.burst / each.per_second for each in limits if each is not None), default=0.0)

    def __len__(self) -> int:
        return len(self._owners)

    def enter(self, now: float, address: str) -> Visit | TurnedAway:
        """Let a connection in, or not; ``address`` is that of its client, "" if it has none."""
        rates = self.rates
        site = site_of(address, self._exempt)
        if site is None or (rates.address, rates.connections, rates.sessions) == (None, None, None):
            return Visit(self, address, None)
        owner = self._hold(now, ("address", site), rates.address)
        if rates.connections is not None and owner.holders > rates.connections:
            self.release(now, owner)
            return TurnedAway(f"there are {rates.connections} connections from your address already", FULL)
        if owner.sessions is not None and (seconds := owner.sessions.take(now)):
            self.release(now, owner)
            return TurnedAway("too many clients have come from your address at once", math.ceil(seconds))
        return Visit(self, address, owner)

    def nobody(self) -> Visit:
        """Return a visit without an address: of a client that has no socket."""
        return Visit(self, "", None)

    def hold_user(self, now: float, user: str) -> Owner | None:
        """Return what a user shares, which is kept until it is released; None if users share nothing."""
        return None if self.rates.user is None else self._hold(now, ("user", user), self.rates.user)

    def release(self, now: float, owner: Owner) -> None:
        """One connection of it is over."""
        owner.holders -= 1
        if not owner.holders:
            owner.left_at = now
            self._idle[owner.key] = owner
            if len(self._idle) > IDLE:
                self._forget(next(iter(self._idle.values())))

    def tick(self, now: float) -> None:
        """Forget who has been gone for so long that it has all that it may have."""
        while self._idle:
            first = next(iter(self._idle.values()))
            if now - first.left_at < self._longest:
                break
            self._forget(first)

    def _hold(self, now: float, key: Key, times: float | None) -> Owner:
        owner = self._owners.get(key)
        if owner is None:
            shared = Flow() if times is None else flow(self.rates, now, times)
            sessions = bucket(self.rates.sessions, now) if key[0] == "address" else None
            owner = self._owners[key] = Owner(key, shared, sessions)
        self._idle.pop(key, None)
        owner.holders += 1
        return owner

    def _forget(self, owner: Owner) -> None:
        del self._idle[owner.key], self._owners[owner.key]
