"""A client whose Hello has no room for all that it follows: how it names the rest, and what it may not hear before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nuphar.transport import decode, encode
from nuphar.transport.wire.frames import (
    ClientMessage,
    Hello,
    Push,
    Resync,
    ServerMessage,
    Snapshot,
    Subscribe,
    Unsubscribe,
)

from .site import PLAIN

if TYPE_CHECKING:
    from .client import Client
    from .network import Line

OF_A_TARGET = (0x13, 0x14, 0x15)
"""The types of ServerMessage, Push and Snapshot."""


class Naming:
    """``waiting`` are the targets that a client is in as far as it knows, and has not named on this connection yet."""

    def __init__(self, client: Client) -> None:
        self.waiting: set[str] = set()
        self.holds_back = False
        """Does it keep back, on this connection, what ours would send in front of its messages?"""
        self._client = client
        self._until = 0.0
        self._kept_back: list[tuple[Line, Any]] = []
        self._new: set[str] = set()

    def admitted(self, target: str) -> None:
        """The server puts it into ``target``: that brings something only if it is not there yet."""
        session = self._client.world.site.server.sessions.get(self._client.core.client_id)
        if session is None or target not in session.memberships:
            self._new.add(target)

    # What it sends.

    def opens(self, hello: bytes) -> None:
        """It comes with this Hello."""
        client, frame = self._client, decode(hello, PLAIN)
        assert isinstance(frame, Hello)
        self.waiting = set()
        self.holds_back = False
        if frame.options.get("more"):
            client.world.oracle.seen["a Hello that has no room for all"] += 1
            self.waiting = client.core.replicas.cursors().keys() - frame.cursors.keys()
            self._until = client.world.hub.now + client.world.plan.sizes["naming"]

    def says(self, frames: Iterable[bytes]) -> None:
        """It sends these."""
        if not self.waiting:
            return
        for data in frames:
            match decode(data, PLAIN):
                case Resync(cursors):
                    self.waiting = self.waiting - cursors.keys() if cursors else set()
                case Subscribe(_, target) | Unsubscribe(_, target) | ClientMessage(_, target):
                    self.waiting.discard(target)

    def welcomed(self, *, resumed: bool) -> None:
        """It is greeted, and wants to name the rest. Perhaps it does that later than ours do, or not at all."""
        client, chance = self._client, self._client.world.chance
        if not resumed:
            self.waiting = set()
        if not self.waiting or client.world.is_calm or chance() < 0.5:
            return
        line, after, outgoing = client.line, 0.0, client.core.outgoing
        assert line is not None
        resyncs = [data for data in outgoing if isinstance(decode(data, PLAIN), Resync)]
        self.holds_back = bool(resyncs)
        for data in resyncs:
            outgoing.remove(data)
        for data in resyncs:
            after += 2 * client.world.plan.sizes["naming"] * chance() ** 2
            resync = decode(data, PLAIN)
            if chance() < 0.6:
                self._name_later(after, line, resync)
            else:
                self._kept_back.append((line, resync))

    def calm_down(self) -> None:
        """Name what it did not want to name: of a target that it is out of, and does not name, nobody tells it."""
        for line, resync in self._kept_back:
            self._name(line, resync)

    def _name_later(self, after: float, line: Line, resync: Any) -> None:
        self._client.world.later(after, lambda: self._name(line, resync))

    def _name(self, line: Line, resync: Any) -> None:
        client = self._client
        if client.line is not line or not client.core.is_live:
            return
        known = client.core.replicas.cursors()
        cursors = {target: known[target] for target in resync.cursors if target in known}
        if cursors or not resync.cursors:
            client.core.outgoing.append(encode(Resync(dict(cursors)), PLAIN))
            client.flush()

    # What it hears.

    def hears(self, data: bytes, kind: int) -> None:
        """See that nothing comes of what it has not named."""
        if not self.waiting or kind not in OF_A_TARGET:
            return
        client = self._client
        if client.world.hub.now >= self._until:
            client.world.oracle.seen["a target that is not named in time"] += 1
            self.waiting = set()
            return
        frame = decode(data, PLAIN)
        assert isinstance(frame, ServerMessage | Push | Snapshot)
        if frame.target in self.waiting and frame.target not in client.evicted | self._new:
            client.world.oracle.fail(f"{client.name}: {frame.target} brings {frame}, and is not named yet")
