"""What one simulated client checks in its topic: frames in, counts out. Pure: time comes in as an argument.

Every message has a `Marker`, so a loss or a copy is seen by which message it was and not by numbers alone; and the
client keeps the topic's model itself, to compare it with the server's in the end.
"""

from __future__ import annotations

from ..transport.wire.frames import Acknowledge, Cursor, Frame, Out, Rejected, ServerMessage, Snapshot
from .latency import Latencies
from .model import Marker, is_model, read_marker, update, write_marker
from .resume import SUBSCRIBE
from .rising import AGAIN, LATE, NEXT, Rising
from .senders import Senders


class Checker:
    """One client in one topic; ``run`` is a number that tells this run's messages from any other's."""

    def __init__(self, client: int, run: int, latencies: Latencies) -> None:
        self.client = client
        self.joined = False
        self._covered = 0  # the seq of the last Snapshot that brought the model
        self.posted = self.acknowledged = self.rejected = 0
        self.delivered = self.duplicated = self.disordered = 0
        self.final_acknowledges = 0
        self.diverged = False
        self.compared = False
        """Whether the Snapshot that `compare` announced has come."""
        self.fault: str | None = None
        """What the server refused that was no message of ours, in its own words."""
        self.refused: set[int] = set()
        """The refs of messages that were rejected: nobody should get them."""
        self.outstanding: dict[int, tuple[bytes, float]] = {}
        """Messages without an answer, by ref, and when they were posted."""
        self.repeats: set[int] = set()
        """Refs that were sent again on this connection: a second answer to them is no copy."""
        self.seqs = Rising(0)
        self.senders = Senders(SUBSCRIBE)
        """The refs that came from each client of the run, itself included."""
        self._run = run
        self._latencies = latencies
        self._epoch: str | None = None
        self._model = [0, 0]
        self._is_comparing = False

    @property
    def heard(self) -> int:
        """How much came for this client; it grows with everything that does."""
        return self.acknowledged + self.delivered + self.rejected + self.duplicated + self.compared

    @property
    def cursor(self) -> Cursor | None:
        """How far it got; None before the first Snapshot."""
        return None if self._epoch is None else (self._epoch, self.seqs.last)

    @property
    def last_ref(self) -> int:
        """The ref of the last message posted."""
        return SUBSCRIBE + self.posted

    def post(self, now: float) -> tuple[int, bytes]:
        """Return the ref and the payload of this client's next message."""
        self.posted += 1
        ref = self.last_ref
        payload = write_marker(Marker(self._run, self.client, ref, now))
        self.outstanding[ref] = payload, now
        return ref, payload

    def compare(self) -> None:
        """Compare the model with the next Snapshot, which a Resync without a cursor brings."""
        self._is_comparing = True

    def feed(self, frame: Frame, now: float) -> None:
        """Take one frame that arrived at ``now``. Never raises."""
        match frame:
            case ServerMessage(_, seq, payload):
                self._deliver(seq, payload, now)
            case Acknowledge():
                self._acknowledge(frame, now)
            case Snapshot():
                self._replace(frame)
            case Rejected():
                self._reject(frame)
            case Out(_, code, text, _):
                self.fault = f"{code}: {text}"

    def _deliver(self, seq: int, payload: object, now: float) -> None:
        if type(payload) is not bytes:
            self.diverged = True  # no load topic takes such a message
            return
        marker = read_marker(payload)
        if marker is not None and marker.run == self._run:
            self.delivered += 1
            self._latencies.add(now - marker.sent)
        self._place(seq, marker, payload)

    def _acknowledge(self, frame: Acknowledge, now: float) -> None:
        if frame.final:
            self.final_acknowledges += 1
        for seq, ref in enumerate(frame.refs, frame.seq - len(frame.refs) + 1):
            answered = self.outstanding.pop(ref, None)
            if answered is not None:
                payload, sent = answered
                self.acknowledged += 1
                self._latencies.add(now - sent)
                mine = Marker(self._run, self.client, ref, sent)
                is_ahead = ref in self.repeats and seq > self.seqs.last + 1
                if seq <= self._covered or is_ahead:
                    self._judge(self._see(mine))  # a Snapshot has brought it, or will: this is only the answer
                else:
                    self._place(seq, mine, payload)
            elif ref == SUBSCRIBE and not self.joined:
                self.joined = True
            elif ref in self.repeats and seq <= self.seqs.last:
                self.repeats.discard(ref)
            else:
                self.duplicated += 1

    def _place(self, seq: int, marker: Marker | None, payload: bytes) -> None:
        """Put a message into the topic's order."""
        if self._judge(max(self.seqs.see(seq), self._see(marker))):
            self._model = update(self._model, payload)

    def _see(self, marker: Marker | None) -> int:
        """Look at a message's place among its sender's."""
        if marker is None or marker.run != self._run:
            return NEXT
        return self.senders.see(marker.client, marker.ref)

    def _judge(self, fault: int) -> bool:
        """Count a fault, and say whether the message is new."""
        self.duplicated += fault == AGAIN
        self.disordered += fault == LATE
        return fault != AGAIN

    def _replace(self, frame: Snapshot) -> None:
        if not is_model(frame.state):
            self.fault = f"{frame.target} has no model [count, checksum]: add its topics with nuphar.load.add_topics"
        elif self._is_comparing:
            self.compared = True
            mine = (self._epoch, self.seqs.last, self._model)
            self.diverged = self.diverged or mine != (frame.epoch, frame.seq, frame.state)
        else:
            # The first one says where we begin. A later one may take us forward in the same order, and nowhere else.
            if self._epoch is not None and (frame.epoch != self._epoch or frame.seq < self.seqs.last):
                self.diverged = True
            self._epoch, self.seqs, self._model = frame.epoch, Rising(frame.seq), list(frame.state)
            self._covered = frame.seq

    def _reject(self, frame: Rejected) -> None:
        if self.outstanding.pop(frame.ref, None) is None:
            self.fault = f"{frame.code}: {frame.text}"
        else:
            self.rejected += 1
            self.refused.add(frame.ref)
