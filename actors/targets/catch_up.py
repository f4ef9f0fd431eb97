"""What somebody gets who is not current: the messages that he missed, or a Snapshot. Pure."""

from __future__ import annotations

from ..words.ports import Codec, Encoding
from .order import Order


class CatchUp:
    """Writes it for one target, and each Snapshot only once for all who are at the same seq."""

    __slots__ = ("_codec", "_late", "_name", "_state")

    def __init__(self, name: str, codec: Codec) -> None:
        self._name = name
        self._codec = codec
        self._state = (-1, b"")
        self._late: tuple[Encoding, int, str, bytes] | None = None

    def write(
        self, encoding: Encoding, order: Order, since: tuple[str, int] | None, own: dict[int, int]
    ) -> list[bytes]:
        """Return the frames for a cursor; ``own`` are the reader's own messages after it, refs by seq.

        They come as Acknowledges: in their places among what was missed, and in front of a Snapshot that contains them.
        Raises: what the serialiser raises for a model that it cannot write.
        """
        if since is None:
            return [self.snapshot(encoding, order, "subscribed")]
        if since[0] != order.epoch:
            return [self.snapshot(encoding, order, "restarted")]
        missed = order.missed(*since)
        if missed is None:
            answers = [encoding.acknowledge(self._name, seq, [own[seq]], False) for seq in sorted(own)]
            return [*answers, self.snapshot(encoding, order, "behind")]
        return [
            encoding.acknowledge(self._name, seq, [own[seq]], False)
            if seq in own
            else encoding.server_message(self._name, seq, payload)
            for seq, payload in missed
        ]

    def snapshot(self, encoding: Encoding, order: Order, reason: str) -> bytes:
        """Return a Snapshot of the present. Raises: likewise."""
        model, seq = order.position
        if self._state[0] != seq:
            self._state = (seq, self._codec.encode_model(model))
        return encoding.snapshot(self._name, order.epoch, seq, self._state[1], reason)

    def late(self, encoding: Encoding, order: Order, reason: str) -> bytes:
        """Return it for somebody who was behind: the whole frame once for all, as they may be many."""
        late = self._late
        if late is None or late[:3] != (encoding, order.seq, reason):
            late = self._late = (encoding, order.seq, reason, self.snapshot(encoding, order, reason))
        return late[3]
