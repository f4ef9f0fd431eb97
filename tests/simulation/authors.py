"""Who wrote each message, as clients are told: never somebody else, and the same whichever way it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nuphar.transport import decode
from nuphar.transport.wire.frames import Acknowledge, ServerMessage

from .site import PLAIN

if TYPE_CHECKING:
    from .client import Client
    from .oracle import Oracle

SHARING = ("topic:board", "topic:room:")
"""The beginnings of the targets that tell it."""


class Authors:
    """What was told of each place of each order."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._users: dict[Any, set[str | None]] = {}
        self._told: dict[tuple[str, int], tuple[str | None, float]] = {}

    def dispatches(self, client: Client, message: int) -> None:
        """Note who may be its author: whoever the client is then, or when it says it again."""
        self._users[message] = client.signing.ever

    def says(self, message: int, user: str | None) -> None:
        """Note that somebody has said a message who is no client of this run, once, as ``user``."""
        self._users[message] = {user}

    def hears(self, client: Client, data: bytes) -> None:
        """Look at what ``client`` is about to take."""
        frame = decode(data, PLAIN)
        if not isinstance(frame, ServerMessage | Acknowledge) or not frame.target.startswith(SHARING):
            return
        replica = client.core.replicas.get(frame.target)
        epoch = None if replica is None or frame.seq <= replica.seq else replica.epoch
        if isinstance(frame, ServerMessage):
            if frame.extra is None:
                self._oracle.fail(f"{client.name} is not told who wrote {frame.payload} in {frame.target}")
            self._told_of(client, epoch, frame.seq, frame.payload, frame.extra)
        elif frame.extra is not None:
            for at, ref in enumerate(frame.refs):
                own = client.core.requests.sent.get(ref)
                if own is not None:
                    told = {name: values[at] for name, values in frame.extra.items()}
                    self._told_of(client, epoch, frame.seq - len(frame.refs) + 1 + at, own.message, told)

    def _told_of(self, client: Client, epoch: str | None, seq: int, message: Any, told: Any) -> None:
        author, users = told["author"], self._users.get(message, {None})
        self._oracle.seen[f"an author is {'told' if author else 'nobody'}"] += 1
        if author not in users:
            self._oracle.fail(f"{client.name} is told that {author} wrote {message}, which one of {users} did")
        known = (author, told["at"])
        if epoch is not None and self._told.setdefault((epoch, seq), known) != known:
            others = self._told[epoch, seq]
            self._oracle.fail(f"{client.name} is told {told} of {message} at {seq}, and others {others}")
