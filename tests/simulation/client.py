"""A client of a run: the real core, on lines that break, and a check of every frame that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nuphar import Refused
from nuphar.transport import decode
from nuphar.transport.client.core.core import ClientCore
from nuphar.transport.client.core.events import Answered, ClientEvent, Denied, Paused, Pushed, UpdateFailed, Welcomed
from nuphar.transport.client.core.outgoing import MemoryQueue, QueueBounds
from nuphar.transport.wire.frames import Acknowledge
from nuphar.transport.wire.websocket_frames import (
    BINARY,
    PONG,
    WebSocketClose,
    WebSocketPing,
    encode_close,
    encode_frame,
)
from nuphar.transport.wire.websocket_reader import FrameReader

from .calls import Calls
from .naming import Naming
from .network import Line
from .oracle import check, following
from .promises import Promises
from .rights import Rights
from .signing_in import Signing
from .site import PLAIN

if TYPE_CHECKING:
    from .world import World

MASK = b"\x01\x02\x03\x04"
WAITING = 60
"""Messages that a client keeps at most."""
RUDE = {"garbage", "resync", "again"}
"""What clients do without asking whether there is room."""
ACKNOWLEDGE, SERVER_MESSAGE, PUSH, SNAPSHOT, WELCOME = 0x11, 0x13, 0x14, 0x15, 0x10


class Client:
    """``line`` is the connection that it talks on; there may be older ones that the server still takes for alive."""

    def __init__(self, world: World, name: str, targets: dict[str, Any]) -> None:
        self.world = world
        self.name = name
        self.core = ClientCore(
            PLAIN, targets, MemoryQueue(QueueBounds(WAITING, 1 << 20, world.plan.sizes["in_flight"]))
        )
        self.line: Line | None = None
        self.is_over = False
        self.is_connecting = False
        self.tokens: list[tuple[str, str]] = []
        """What its Welcomes said, oldest first: what a thief might know."""
        self.open_messages: dict[int, str] = {}
        """What has no answer yet."""
        self.forgotten: set[str] = set()
        """Targets that a Rejected or an Out has taken from it."""
        self.evicted: set[str] = set()
        """Targets that the server may have taken from it, whether it has heard of that or not."""
        self.admitted: set[str] = set()
        """Targets that the server has put it into by itself."""
        self._id = ""
        self._session = 0
        """Counts its sessions: what it said in one that is over is somebody else's."""
        self._reader = FrameReader(1 << 24, client=True)
        self._seen: dict[str, tuple[Any, Any, int]] = {}
        self._pushes: set[int] = set()
        self._written: list[bytes] = []
        self._greeting_is_lost = False
        self._frame_is_lost = False
        self.signing = Signing(self)
        self.promises = Promises(self)
        self.naming = Naming(self)
        self.calls = Calls(self)
        self.rights = Rights(self)

    # The connection.

    def connect(self) -> None:
        """Open another connection; the one before is closed on this side, if it is there."""
        if self.is_over:
            return
        self.is_connecting = False
        self.calls.forget()
        world = self.world
        if self.line is not None:
            self.line.on_data, self.line.on_end = _ignore, _nothing
        if not world.site.is_up:
            self.retry()
            return
        line = self.line = world.open_line()
        line.identity = self.signing.connects()
        line.on_data = lambda data: self.hear(line, data)
        line.on_end = lambda: self.lose(line)
        self._reader = FrameReader(1 << 24, client=True)
        self.core.open()
        self.naming.opens(self.core.outgoing[0])
        world.note("open", self.name)
        self.flush()

    def lose(self, line: Line) -> None:
        """Hear that a connection is gone."""
        if line is not self.line:
            return
        self.line = None
        self.calls.forget()
        self.core.lose()
        self.world.note("lost", self.name)
        self.retry()

    def retry(self, after: float = 0.0) -> None:
        """Come back soon."""
        if not self.is_connecting and not self.is_over:
            self.is_connecting = True
            self.world.later(after + self.world.chance() * self.world.backoff, self.connect)

    def drop(self) -> None:
        """Close the connection without a word that it is for good."""
        if (line := self.line) is not None:
            line.send_up(encode_close(1001, "", MASK))
            line.leave()
            self.lose(line)

    def end(self) -> None:
        """Leave for good."""
        if (line := self.line) is not None:
            line.send_up(encode_close(1000, "", MASK))
            line.leave()
        self.line = None
        self.core.lose()
        self.is_over = True

    def flush(self) -> None:
        """Send what the core wants to be sent."""
        outgoing, line = self.core.outgoing, self.line
        if not outgoing:
            return
        if line is None:
            self.world.oracle.fail(f"{self.name} wants to send without a connection")
        self.naming.says(outgoing)
        data = b"".join([encode_frame(BINARY, frame, MASK) for frame in outgoing])
        outgoing.clear()
        assert line is not None
        if self.world.plan.chop and self.world.chance() < self.world.plan.chop:
            at = int(self.world.chance() * len(data))
            line.send_up(data[:at])
            data = data[at:]
        if data:
            line.send_up(data)

    def hear(self, line: Line, data: bytes) -> None:
        """Take what has arrived."""
        if line is not self.line:
            return
        self.world.note("hear", self.name, data)
        for event in self._reader.feed(data):
            if line is not self.line:
                return
            match event:
                case bytes():
                    if event[1] == 24:
                        self._receive(event, event[2])
                    else:
                        self._receive(event, event[1])
                case WebSocketPing(payload):
                    line.send_up(encode_frame(PONG, payload, MASK))
                case WebSocketClose(code, reason):
                    self._closed(line, code, reason)
                case _:
                    self.world.oracle.fail(f"{self.name} got {event!r}")
        if line is self.line:
            self.flush()

    def _closed(self, line: Line, code: int, reason: str) -> None:
        line.send_up(encode_close(code, "", MASK))
        line.leave()
        seen = self.world.oracle.seen
        seen[f"closed with {code}"] += 1
        if code == 4529 and self.world.plan.weights.keys().isdisjoint(RUDE):
            self.world.oracle.fail(f"{self.name} is closed as too hasty, and waits whenever it is told to")
        if code == 4401 and reason == "expired":
            self.signing.expires()
        elif 4400 <= code < 4500:
            # It is told not to come back. Whether it was fenced by itself or by a thief, this client is over.
            if code == 4400:
                self.world.oracle.fail(f"{self.name} is told that it broke the protocol")
            self.line = None
            self.core.lose()
            self.is_over = True
            self.world.replace(self)
            return
        self.lose(line)

    # Frames.

    def _receive(self, frame: bytes, kind: int) -> None:
        if kind == WELCOME and self._greeting_is_lost:
            self._greeting_is_lost = False
            self.world.oracle.seen["a Welcome that is lost"] += 1
            assert self.line is not None
            self.line.cut(self.world.rng, 20 * self.world.chance(), 0.0)
            self.lose(self.line)
            return
        if self._frame_is_lost and kind == SERVER_MESSAGE and self._is_missed(decode(frame, PLAIN)):
            self._frame_is_lost = False
            self.promises.missed_frames = True
            self.world.oracle.seen["a frame that is lost"] += 1
            return
        self.naming.hears(frame, kind)
        self.promises.hears(frame, kind)
        self.world.authors.hears(self, frame)
        self.calls.hears(frame, kind)
        self.rights.hears(frame, kind)
        replicas = self.core.replicas.items() if kind == SNAPSHOT else ()
        before = {target: (replica.epoch, replica.seq) for target, replica in replicas}
        events = self.core.receive(frame)
        self.promises.heard(frame, kind, before)
        if events or kind != PUSH:
            self._check(frame, kind, events)

    def lose_next_welcome(self) -> None:
        """Let the next Welcome be on its way when the connection breaks."""
        self._greeting_is_lost = True

    def _is_missed(self, frame: Any) -> bool:
        """Say whether there will be a gap: not in its own store, where nobody else speaks, and not in a gap's end."""
        replica = self.core.replicas.get(frame.target)
        return replica is not None and not replica.is_behind and frame.target != "session"

    def lose_next_message(self, is_lost: bool = True) -> None:
        """Let the next message of somebody else be lost, as no line does it: the client has to see the gap."""
        self._frame_is_lost = is_lost

    def _check(self, frame: bytes, kind: int, events: list[ClientEvent]) -> None:
        world, core = self.world, self.core
        for event in events:
            if type(event) is Answered:
                self._answered(event)
            elif type(event) is Pushed:
                self._pushed(event)
            elif type(event) is Welcomed:
                self._welcomed(event)
            elif type(event) is Paused:
                self._pause(event)
            elif type(event) is Denied:
                world.oracle.seen[f"denied: {event.refused.code}"] += 1
                if "cannot write its model" in event.refused.text:
                    world.oracle.fail(f"{self.name} is told of {event.target}: {event.refused}")
                if event.target is not None and self._follows(event.target):
                    world.oracle.seen["a second Subscribe is refused and changes nothing"] += 1
                elif event.target is not None:
                    self.forgotten.add(event.target)
                    self.promises.strayed(event.target)
            elif type(event) is UpdateFailed:
                world.oracle.fail(f"{self.name}: the update of {event.target} raised {event.error!r}")
        for target, replica in core.replicas.items():
            if replica.store is None:
                continue
            seen = self._seen.get(target)
            epoch, seq = replica.epoch, replica.seq
            if seen is None or seen[0] is not replica:
                seen = (replica, None, 0)
            if seen[1] == epoch and seen[2] == seq:
                if events:
                    self.check_model(target, replica)
                continue
            self._check_step(frame, kind, target, replica, seen)
            self._seen[target] = (replica, epoch, seq)
            self.check_model(target, replica)

    def _follows(self, target: str) -> bool:
        """Say whether it believes that it is in a target."""
        replica = self.core.replicas.get(target)
        return replica is not None and replica.is_subscribed

    def _check_step(self, frame: bytes, kind: int, target: str, replica: Any, seen: Any) -> None:
        """See that a replica has gone from one place of the order to the next, or was given a Snapshot."""
        oracle = self.world.oracle
        epoch, seq = replica.epoch, replica.seq
        if epoch is None and target == "session" and seq > seen[2] and kind in (ACKNOWLEDGE, SERVER_MESSAGE):
            return  # begun by its first message, without a Subscribe
        if epoch is None:
            if target == "session" and kind == WELCOME:
                return  # a fresh session has another one
            end = decode(frame, PLAIN)
            is_over = isinstance(end, Acknowledge) and end.seq == 0 and end.refs  # its Subscribe has come to nothing
            if not (is_over or (kind == ACKNOWLEDGE and seq == 0 and end[3])):
                oracle.fail(f"{self.name}: {target} went back to nothing without a final Acknowledge")
            return
        if kind == SNAPSHOT:
            reason = decode(frame, PLAIN)[4]
            oracle.seen[f"Snapshot {reason}"] += 1
            if seen[1] == epoch and seq < seen[2] and not self._is_checkpoint(epoch, seq):
                oracle.fail(f"{self.name}: {target} went back from {seen[2]} to {seq} in one epoch")
        elif seen[1] != epoch:
            oracle.fail(f"{self.name}: {target} went from {seen[1:]} to {(epoch, seq)} without a Snapshot")
        elif kind == SERVER_MESSAGE:
            if seq != seen[2] + 1:
                oracle.fail(f"{self.name}: {target} went from {seen[2]} to {seq} by one message")
        elif kind != ACKNOWLEDGE or not 1 <= seq - seen[2] <= len(decode(frame, PLAIN)[2]):
            oracle.fail(f"{self.name}: {target} went from {seen[2]} to {seq} by frame {frame.hex()}")
        reference = oracle.references.get(epoch)
        if reference is not None:
            reference.settle_now()
        if reference is None or seq >= len(reference.models):
            oracle.fail(f"{self.name}: {target} is at {epoch, seq}, where nothing is")
        elif replica.confirmed != reference.models[seq]:
            oracle.fail(f"{self.name}: {target} at {epoch, seq} is not the server's model")

    def _is_checkpoint(self, epoch: str, seq: int) -> bool:
        """Say whether something behind ``seq`` cannot be written: then that is what a Snapshot may begin from."""
        reference = self.world.oracle.references.get(epoch)
        if reference is None:
            return False
        reference.settle_now()
        return max(reference.models[seq:]) >= 1 << 64

    def check_model(self, target: str, replica: Any) -> None:
        """See that what is shown is what is confirmed with what is pending on top."""
        model = replica.confirmed
        for own in replica.pending:
            message = own.message
            if message & 15:
                try:
                    check(model, message)
                except (Refused, ValueError):
                    continue
            model = following(model, message)
        if model != replica.model:
            self.world.oracle.fail(f"{self.name}: {target} does not show confirmed with pending on top")
        numbers = [own.number for own in replica.pending]
        if numbers != sorted(numbers):
            self.world.oracle.fail(f"{self.name}: pending of {target} is out of order: {numbers}")
        if any(own.message not in self.open_messages and not own.place for own in replica.pending):
            self.world.oracle.fail(f"{self.name}: {target} shows a message as pending that was answered")
        self.promises.shown(target, replica)

    def _answered(self, event: Answered) -> None:
        world, own = self.world, event.own
        if self.open_messages.pop(own.message, None) is None:
            world.oracle.fail(f"{self.name}: message {own.message} is answered twice, or was never sent")
        world.oracle.answered(own.message, own.target, event.seq, event.refused)
        self.promises.answered(event)
        if event.refused is not None:
            world.oracle.seen[f"refused: {event.refused.code}"] += 1
            if event.refused.code == "rate_limited":
                world.oracle.fail(f"{self.name}: message {own.message} is given up, as there were too many")
            if event.refused.code == "unknown_outcome":
                world.oracle.authors.pop(own.message, None)  # it is somebody else's for the session that came after

    def _pushed(self, event: Pushed) -> None:
        message, oracle = event.message, self.world.oracle
        oracle.seen["a push"] += 1
        if message in self._pushes:
            oracle.fail(f"{self.name} heard {message} twice")
        if oracle.authors.get(message) == (self, self._session):
            oracle.fail(f"{self.name} heard itself: {message}")
        if message not in oracle.pushed:
            oracle.fail(f"{self.name} heard {message}, which nobody has said")
        self._pushes.add(message)

    def _welcomed(self, event: Welcomed) -> None:
        core, seen = self.core, self.world.oracle.seen
        assert core.exchange.session is not None
        assert core.exchange.token is not None
        if event.resumed and event.client_id != self._id:
            self.world.oracle.fail(f"{self.name} is resumed as another: {event.client_id}, not {self._id}")
        self._id = event.client_id
        self._session += not event.resumed
        if event.resumed:
            seen["resumed"] += 1
            if core.requests.sent:
                seen["resumed with messages unanswered"] += 1
        self.promises.welcomed(event)
        self.signing.welcomed(resumed=event.resumed)
        self.naming.welcomed(resumed=event.resumed)
        if not event.resumed and self.tokens:
            seen["came back to a fresh session"] += 1
        self.tokens.append((core.exchange.session, core.exchange.token))

    def _pause(self, paused: Paused) -> None:
        """Send again later what the server wanted later."""
        self.world.oracle.seen["too much at once"] += 1

        def rested() -> None:
            if self.is_over:
                return
            for event in self.core.rested(paused.turn):
                if type(event) is Paused:
                    self._pause(event)
                elif type(event) is Answered:
                    self._answered(event)
            self.flush()

        self.world.later(paused.seconds, rested)

    # What the program does.

    def dispatch(self, target: str, message: int) -> None:
        """Send a message."""
        if self.is_over:
            return
        self.world.oracle.authors[message] = (self, self._session)
        try:
            self.open_messages[message] = target
            self.promises.dispatched(target, message)
            self.world.authors.dispatches(self, message)
            self.core.dispatch(target, message)
        except Refused as refused:
            del self.open_messages[message]
            self.world.oracle.seen[f"refused at once: {refused.code}"] += 1
            return
        if target.startswith("topic:eph"):
            self.world.oracle.pushed.add(message)
        replica = self.core.replicas.get(target)
        if replica is not None and replica.store is not None:
            self.check_model(target, replica)
        self.flush()

    def subscribe(self, target: str, store: Any, params: dict[str, Any] | None = None) -> None:
        self.forgotten.discard(target)
        self.core.subscribe(target, store, params)
        self.flush()

    def unsubscribe(self, target: str) -> None:
        self.promises.strayed(target)
        self.core.unsubscribe(target)
        self.flush()


def _ignore(data: bytes) -> None:
    """Stand for the ear of a client that has another connection."""


def _nothing() -> None:
    """Do nothing."""
