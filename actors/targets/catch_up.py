"""Catching a subscriber up: the messages after its cursor, or a Snapshot if the history no longer has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..words.meta import extra_of, extras_of
from ..words.ports import Codec, Encoding
from .lane import Debt, Outcome
from .order import Order
from .outcomes import answers


class CatchUp:
    """Writes it for one target, and each Snapshot only once for all who are at the same seq."""

    __slots__ = ("_codec", "_late", "_name", "_state")

    def __init__(self, name: str, codec: Codec) -> None:
        self._name = name
        self._codec = codec
        self._state = (-1, b"")
        self._late: tuple[Encoding, int, str, list[bytes]] | None = None

    def write(self, encoding: Encoding, order: Order | None, debt: Debt, own: Sequence[Outcome] = ()) -> list[bytes]:
        """Return the frames that pay ``debt``, and answer ``own`` messages that came after the Join.

        Among what was missed each own message has its place, and so has the Subscribe's answer. A Snapshot for a cursor
        has those of an earlier connection in front of it, and all others behind it.
        Raises: what the serialiser raises for a model that it cannot write.
        """
        name, since = self._name, debt.since
        if order is None:
            return [encoding.acknowledge(name, 0, [ref], False) for ref, _ in debt.refs]
        if since is None:
            return [*self.snapshot(encoding, order, "subscribed"), *self._answers(encoding, order, debt, own)]
        if since[0] != order.epoch:
            return [*self.snapshot(encoding, order, "restarted"), *self._answers(encoding, order, debt, own)]
        missed = order.missed(*since)
        if missed is None:
            before = [encoding.acknowledge(name, seq, [ref], False) for seq, ref in sorted(debt.before.items())]
            return [*before, *self.snapshot(encoding, order, "behind"), *self._answers(encoding, order, debt, own)]
        places = {**debt.before, **{outcome.seq: outcome.ref for outcome in own}}
        return [
            *self._in_places(encoding, missed, places, debt.refs),
            *answers(encoding, name, [outcome for outcome in own if outcome.seq <= since[1]]),
        ]

    def guess(self, order: Order, since: tuple[str, int] | None) -> int:
        """Return about how many bytes that will be, without writing it: by the Snapshot that was written last."""
        if since is not None and (share := order.kept_since(*since)) is not None:
            return share
        return len(self._state[1])

    def _answers(self, encoding: Encoding, order: Order, debt: Debt, own: Sequence[Outcome]) -> list[bytes]:
        """Return what comes behind a Snapshot."""
        subscribes = [encoding.acknowledge(self._name, order.seq, [ref], False) for ref, _ in debt.refs]
        return subscribes + answers(encoding, self._name, own)

    def _in_places(
        self,
        encoding: Encoding,
        missed: Sequence[tuple[int, bytes]],
        own: Mapping[int, int],
        refs: Sequence[tuple[int, int]],
    ) -> list[bytes]:
        name, at, pieces = self._name, 0, []
        for seq, payload in missed:
            while at < len(refs) and refs[at][1] < seq:
                pieces.append(encoding.acknowledge(name, refs[at][1], [refs[at][0]], False))
                at += 1
            pieces.append(
                encoding.acknowledge(name, seq, [own[seq]], False, extras_of((payload,)))
                if seq in own
                else encoding.server_message(name, seq, payload, extra_of(payload))
            )
        return pieces + [encoding.acknowledge(name, seq, [ref], False) for ref, seq in refs[at:]]

    def snapshot(self, encoding: Encoding, order: Order, reason: str) -> list[bytes]:
        """Return a Snapshot of the present; if that cannot be written, of the checkpoint, and what came after it.

        Raises: likewise, if there is no checkpoint.
        """
        name, (model, seq) = self._name, order.position
        if self._state[0] != seq:
            try:
                self._state = (seq, self._codec.encode_model(model))
            except Exception:
                if (checkpoint := order.checkpoint) is None:
                    raise
                model, seq = checkpoint
                missed = order.missed(order.epoch, seq) or ()
                state = self._codec.encode_model(model)
                later = [encoding.server_message(name, at, payload, extra_of(payload)) for at, payload in missed]
                return [encoding.snapshot(name, order.epoch, seq, state, reason), *later]
        return [encoding.snapshot(name, order.epoch, seq, self._state[1], reason)]

    def late(self, encoding: Encoding, order: Order, reason: str) -> list[bytes]:
        """Return it for somebody who was behind: written once for all, as they may be many."""
        late = self._late
        if late is None or late[:3] != (encoding, order.seq, reason):
            late = self._late = (encoding, order.seq, reason, self.snapshot(encoding, order, reason))
        return late[3]
