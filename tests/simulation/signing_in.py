"""Who the clients of a run are: users that sign in and out, or as somebody else, with other roles, for some time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nuphar import Identity

if TYPE_CHECKING:
    from .client import Client
    from .world import World

USERS = (None, "ada", "bob")
ROLES = ((), ("staff",))

LATE = 15.0
"""Virtual seconds in which the connections' actor has ticked, however often it was killed."""


class Signing:
    """What one client knows of who it is, and looks at what the server makes of that."""

    def __init__(self, client: Client) -> None:
        self.identity: Identity | None = None
        """As whom it connects the next time."""
        self.owner: str | None = None
        """Whose its session was by the last Welcome."""
        self.users: set[str | None] = set()
        """As whom it has said Hello since its session began: of some nobody may have heard."""
        self.ever: set[str | None] = set()
        """As whom it has ever connected."""
        self._client = client

    @property
    def now(self) -> str | None:
        """As whom it has connected."""
        line = self._client.line
        return None if line is None or line.identity is None else line.identity.user

    def connects(self) -> Identity | None:
        """Return who it is; of an identity whose time is over it gets a fresh one, as with a token."""
        if self.identity is not None and is_over(self.identity, self._client.world.hub.wall()):
            self.identity = replace(self.identity, expires=None)
        self.users.add(user := None if self.identity is None else self.identity.user)
        self.ever.add(user)
        return self.identity

    def must_be_resumed(self) -> bool:
        """Say whether its session is its own, whatever of its Hellos has arrived: its user's, or nobody's before."""
        return self.users <= {self.now} if self.now is None else self.users <= {None, self.now}

    def welcomed(self, *, resumed: bool) -> None:
        """A session goes on for its user, or for who has signed in."""
        world, now = self._client.world, self.now
        if resumed and self.owner not in (None, now):
            world.oracle.fail(f"{self._client.name} is {now} now, and gets the session of {self.owner}")
        if resumed and self.owner is None and now is not None:
            world.oracle.seen["a session goes on as one who has signed in"] += 1
        if not resumed and self.owner not in (None, now):
            world.oracle.seen["another user gets a fresh session"] += 1
        if not resumed:
            self.users = {now}
        self.owner = now

    def expires(self) -> None:
        """It was closed because its time is over."""
        world, line = self._client.world, self._client.line
        world.oracle.seen["an identity's time is over"] += 1
        if line is None or line.identity is None or not is_over(line.identity, world.hub.wall()):
            world.oracle.fail(f"{self._client.name} is closed before its time is over")


def is_over(identity: Identity, now: float) -> bool:
    """Say whether its time is over, without asking the code under test."""
    return identity.expires is not None and identity.expires <= now


def someone(world: World) -> Identity | None:
    """Return somebody."""
    user = USERS[int(world.chance() * len(USERS))]
    return None if user is None else Identity(user, ROLES[int(world.chance() * len(ROLES))])


def sign_in(world: World) -> None:
    """Let a client be somebody else from its next connection on, which may be at once."""
    client = world.clients[int(world.chance() * len(world.clients))]
    client.signing.identity = someone(world)
    if world.chance() < 0.7:
        client.drop()


def expire(world: World) -> None:
    """Give a user an identity for a short time."""
    client = world.clients[int(world.chance() * len(world.clients))]
    if (identity := client.signing.identity) is not None:
        client.signing.identity = replace(identity, expires=world.hub.wall() + 0.1 + 20 * world.chance())
        client.drop()


def check_identities(world: World) -> None:
    """See that each session knows who its client is by now, and that nobody is served for longer than may be."""
    for websocket, connection in world.connections.items():
        session, identity = connection.session, websocket._sock.identity
        if websocket.closed:
            continue
        if session is not None and not session.closed and session.identity != identity:
            world.oracle.fail(f"{session} is {session.identity}, and its connection is {identity}")
        if identity is not None and is_over(identity, world.hub.wall() - LATE):
            world.oracle.fail(f"{identity} is served, and its time was over {LATE:g} s ago")
