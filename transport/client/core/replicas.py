"""The replicas of a client, each kept one seq after the other; a gap asks for a Resync. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ....actors.words.errors import Refused
from ....actors.words.store import Store
from ....actors.words.target_names import SESSION
from ...wire.frames import Cursor, Extra, Resync, Subscribe, Unsubscribe
from .events import Changed, ClientEvent, Denied, UpdateFailed
from .outgoing import Outgoing
from .replica import OwnMessage, Replica


class Replicas(dict[str, Replica]):
    """By target. ``ask`` sends a Resync."""

    def __init__(self, ask: Callable[[Resync], None]) -> None:
        super().__init__()
        self._ask = ask
        self.watch: Callable[[str, Store], Store] | None = None
        """What watches the updates of stores, if anything does."""

    def request(self, ref: int, target: str, is_subscribe: bool) -> Subscribe | Unsubscribe:
        """Return the frame that asks for, or against, ``target``."""
        if not is_subscribe:
            return Unsubscribe(ref, target)
        if target not in self:
            return Subscribe(ref, target, None, None)  # given up since it was asked for
        replica = self[target]
        replica.has_order = False
        return Subscribe(ref, target, replica.cursor, replica.params)

    def follow(
        self, target: str, store: Store | None, own: Iterable[OwnMessage], params: dict[str, Any] | None = None
    ) -> Replica:
        """Begin to follow ``target``, with those of our messages on top that are not answered."""
        replica = self[target] = Replica(
            store, store if store is None or self.watch is None else self.watch(target, store)
        )
        replica.params = params
        for each in own:
            if each.target == target:
                replica.add(each)
        return replica

    def cursors(self) -> dict[str, Cursor]:
        """Return how far we got with everything that we are subscribed to."""
        return {
            target: replica.cursor
            for target, replica in self.items()
            if replica.is_subscribed and replica.cursor is not None
        }

    def asked(self, target: str, is_subscribe: bool) -> None:
        """A Subscribe, or an Unsubscribe, is on its way: what the server said before counts no more."""
        if is_subscribe and (replica := self.get(target)) is not None:
            replica.refused = None

    def answered(self, target: str, is_subscribe: bool, has_order: bool) -> list[ClientEvent]:
        """It was done as asked. Unless ``has_order``, or one was heard since, what we know of another is over."""
        if (replica := self.get(target)) is None:
            return []
        replica.is_subscribed, replica.refused = is_subscribe, None
        if (
            not is_subscribe
            or has_order
            or replica.has_order
            or not (replica.seq or any(own.place for own in replica.pending))
        ):
            return []
        replica.reset()
        return [Changed(target, replica.model, None)]

    def put_out(self, requests: Outgoing, target: str, join: int, refused: Refused) -> list[ClientEvent]:
        """The server says that we are out; ``join`` is the ref of what had let us in. What we asked later counts."""
        replica = self.get(target)
        if replica is None or (replica.refused is not None and not replica.is_subscribed):
            return []  # we follow it no more, or know
        if (ref := requests.subscribing(target)) not in (0, join):
            replica.is_subscribed = replica.is_behind = False  # until that has its answer
            return []
        requests.asked.pop(ref, None)
        return self.out(target, refused)

    def refuse(self, target: str, refused: Refused) -> list[ClientEvent]:
        """What we asked for is not done: who is in stays in, and who is not hears why."""
        if (replica := self.get(target)) is not None and replica.is_subscribed:
            return [Denied(target, refused)]
        return self.out(target, refused)

    def out(self, target: str, refused: Refused) -> list[ClientEvent]:
        """We are out of a target, at once or later, and the server has said why."""
        if (replica := self.get(target)) is not None:
            replica.is_subscribed = replica.is_behind = False
            replica.refused = refused
        return [Denied(target, refused)]

    def snapshot(self, target: str, epoch: str, seq: int, state: Any) -> list[ClientEvent]:
        """Replace a slice."""
        replica = self.get(target)
        if replica is None:
            return []
        replica.snapshot(epoch, seq, state)
        return [Changed(target, replica.model, None)]

    def end(self, target: str) -> list[ClientEvent]:
        """A target has stopped."""
        replica = self.get(target)
        if replica is None:
            return []
        replica.reset()
        replica.is_subscribed = False
        return [Changed(target, replica.model, None)]

    def settle(self, own: OwnMessage, place: int, refused: Refused | None, connection: int) -> list[ClientEvent]:
        """A message of ours was answered on this ``connection``; ``place`` 0 is outside any order, or unknown."""
        replica = self.get(own.target)
        if replica is None:
            return []
        if refused is not None or place <= replica.seq:
            return [Changed(own.target, replica.model, None)] if replica.drop(own) else []
        if place == replica.seq + 1 and _is_begun(own.target, replica):
            return self.apply(own.target, place, own.message, own, own.extra)
        own.place = place  # shown, until what came between is there too, or a Snapshot
        if not _is_begun(own.target, replica):
            return []
        return self._gap(own.target, replica, replica.cursor) if own.connection == connection else []

    def settle_again(self, target: str, place: int, ref: int) -> list[ClientEvent]:
        """A message of ours that was answered beyond a gap stands in its place: what came between is there now."""
        replica = self.get(target)
        if replica is None or place <= replica.seq or not _is_begun(target, replica):
            return []
        if place != replica.seq + 1:
            return []  # still ahead: it stands in front of a Snapshot, as it did on a connection that was lost
        own = next((own for own in replica.pending if own.ref == ref and own.place), None)
        if own is None:  # answered without a place, while we were out; and what it said is forgotten
            return self._gap(target, replica, replica.cursor)
        return self.apply(target, place, own.message, own, own.extra)

    def apply(
        self, target: str, seq: int, message: Any, own: OwnMessage | None = None, extra: Extra | None = None
    ) -> list[ClientEvent]:
        """Take a message of the order in: somebody else's, or ``own``, of which ``extra`` is told."""
        replica = self.get(target)
        if replica is None or seq <= replica.seq:
            return []
        if not _is_begun(target, replica):
            return self._gap(target, replica, None) if replica.is_subscribed else []
        if seq != replica.seq + 1:
            return self._gap(target, replica, replica.cursor)
        if own is not None and own.extra is None and replica.is_told:
            own.place = seq  # an answer that was repeated says less: the model itself has what it left out
            return self._gap(target, replica, None)
        replica.is_told = replica.is_told or extra is not None
        before = replica.model
        error = replica.apply(seq, message, own, extra)
        if error is not None:
            replica.is_behind = False  # what was asked for would bring this message again
            return [UpdateFailed(target, message, error), *self._gap(target, replica, None)]
        if own is None or replica.store is None:
            return [Changed(target, replica.model, message)]
        return [] if replica.keeps(before) else [Changed(target, replica.model, None)]

    def _gap(self, target: str, replica: Replica, cursor: Cursor | None) -> list[ClientEvent]:
        """Ask for what is missing, once: what arrives before the answer would only ask for it again."""
        if not replica.is_behind:
            replica.is_behind = True
            self._ask(Resync({target: cursor}))
        return []


def _is_begun(target: str, replica: Replica) -> bool:
    """Say whether there is something to go on from: what comes before the Snapshot is of a subscription before.

    A client's own store begins as the client knows it, without a Snapshot.
    """
    return replica.epoch is not None or target == SESSION
