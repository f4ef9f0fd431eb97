"""Whom a hook is told of: which client, who it is, and where. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from .identity import Identity, user_of


class Asked(NamedTuple):
    """What a Subscribe said besides its target: ``params``, and the cursor ``since`` which its client has all."""

    params: Any = None
    since: tuple[str, int] | None = None


NOTHING = Asked()
"""Nothing was said: the server let it in, or nobody asked for a target at all."""


class Member(NamedTuple):
    """What a hook gets that has a parameter ``member``.

    ``client_id`` names the client (a tab, a program), ``session_id`` its session (None: it has no connection of ours,
    and nothing to come back to), ``identity`` who it is (None: nobody knows). ``topic_id`` is the topic that the hook
    is called for, ``key`` what the `parse` of its kind made of the id (None for a topic without a kind). ``params`` are
    those of its Subscribe, plain data, and ``since`` the cursor (epoch, seq) from which on it wanted the messages. All
    of these four are None in hooks of the server that are about no topic.
    Source: docs/server.md.

    >>> guest = Member("c1", "s1", None)
    >>> guest.user, guest.topic_id
    (None, None)
    >>> Member("c1", "s1", Identity("ada"), "room:7", 7).user
    'ada'
    """

    client_id: str
    session_id: str | None
    identity: Identity | None
    topic_id: str | None = None
    key: Any = None
    params: Any = None
    since: tuple[str, int] | None = None

    @property
    def user(self) -> str | None:
        """The user that it is signed in as, None if it is not."""
        return user_of(self.identity)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of its identity; a client that nobody knows has none."""
        return () if self.identity is None else self.identity.roles


class Known(Protocol):
    """A client, as far as a `Member` tells of it; ``key`` is the id of its session."""

    @property
    def client_id(self) -> str: ...

    @property
    def key(self) -> str | None: ...

    @property
    def identity(self) -> Identity | None: ...


def member_of(client: Known, topic_id: str | None = None, key: Any = None, asked: Asked = NOTHING) -> Member:
    """Return what hooks are told of ``client``, in a topic or in none."""
    return Member(client.client_id, client.key, client.identity, topic_id, key, *asked)
