"""A client without a connection: frames in, frames and events out. Pure.

It keeps a replica of every target it is subscribed to in step with the server: its own messages are applied when they
are acknowledged, everybody else's when they arrive, each exactly one after the seq before; a gap asks for a Resync.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..actors.errors import Refused
from ..actors.store import Store
from . import frames
from .client_events import Answered, Changed, Ending, Event, Failed, Live, Pushed
from .codec import decode, encode
from .frames import Frame
from .serialiser import Serialiser

QUEUE = 256
"""Messages that may wait for the connection to come back."""


@dataclass
class Replica:
    """What the client knows of one target."""

    store: Store | None
    model: Any = None
    seq: int = 0
    epoch: str | None = None
    is_subscribed: bool = False
    params: Any = None
    """What a Subscribe says besides, for example the wish for a delivery rule."""
    is_behind: bool = False
    """A Resync is on its way: everything but its answer is too early."""

    def __post_init__(self) -> None:
        self.reset()

    @property
    def cursor(self) -> frames.Cursor | None:
        return None if self.epoch is None else (self.epoch, self.seq)

    @property
    def is_resynced(self) -> bool:
        """Is a Resync enough after a lost connection? It carries no params, so whoever has some subscribes again."""
        return self.is_subscribed and self.params is None

    def reset(self) -> None:
        """Go back to what it was before the first Snapshot."""
        self.model = None if self.store is None else self.store.model
        self.seq, self.epoch, self.is_behind = 0, None, False


class ClientCore:
    """``outgoing`` are frames to be sent, in order; nothing is added to it unless the connection is live."""

    def __init__(self, serialiser: Serialiser, stores: dict[str, Store | None]) -> None:
        self.outgoing: deque[bytes] = deque()
        self.replicas = {target: Replica(store) for target, store in stores.items()}
        self.client_id = ""
        self.is_live = False
        self._serialiser = serialiser
        self._ref = 0
        self._asked: dict[int, tuple[str, bool]] = {}  # Subscribes (True) and Unsubscribes by ref
        self._own: dict[int, Any] = {}  # messages sent and not answered, by ref
        self._waiting: deque[tuple[int, str, Any]] = deque()

    def open(self) -> None:
        """The connection is there: say Hello."""
        self.outgoing.clear()
        self._send(frames.Hello(1, None, None, {}, {}))

    def lose(self) -> list[Event]:
        """The connection is lost: nobody will answer what is on its way."""
        self.is_live = False
        self.outgoing.clear()
        self._asked.clear()
        for replica in self.replicas.values():
            replica.is_behind = False
        refs, self._own = list(self._own), {}
        text = "the connection was lost before the answer came"
        return [Answered(ref, 0, Refused("unknown_outcome", text)) for ref in refs]

    def subscribe(self, target: str, store: Store | None, params: Any = None) -> None:
        """Follow ``target``, now or as soon as there is a connection; other ``params`` are asked for at once."""
        replica = self.replicas.get(target)
        if replica is None:
            replica = self.replicas[target] = Replica(store)
        is_new, replica.params = replica.params != params, params
        if self.is_live and (is_new or not replica.is_subscribed):
            self._subscribe(target, replica)

    def unsubscribe(self, target: str) -> None:
        """Follow ``target`` no more; its replica is gone at once."""
        if self.replicas.pop(target, None) is not None and self.is_live:
            self._ref += 1
            self._asked[self._ref] = (target, False)
            self._send(frames.Unsubscribe(self._ref, target))

    def dispatch(self, target: str, message: Any) -> int:
        """Send ``message``, or keep it until there is a connection; return its ref.

        Raises: Refused ``busy`` if too many wait already; UnregisteredType.
        """
        self._serialiser.encode_message(message)
        if not self.is_live and len(self._waiting) >= QUEUE:
            raise Refused("busy", f"{QUEUE} messages wait for the connection")
        self._ref += 1
        if self.is_live:
            self._post(self._ref, target, message)
        else:
            self._waiting.append((self._ref, target, message))
        return self._ref

    def is_settled(self) -> bool:
        """Say whether the connection is live and every Subscribe has been answered."""
        return self.is_live and not any(is_subscribe for _, is_subscribe in self._asked.values())

    def receive(self, data: bytes | str) -> list[Event]:
        """Take one frame of the server.

        Raises: RemoteProtocolError for bytes that are not one.
        """
        match decode(data, self._serialiser):
            case frames.ServerMessage(target, seq, payload):
                return self._apply(target, seq, payload)
            case frames.Acknowledge(target, seq, refs, final):
                return self._end(target) if final else self._acknowledge(target, seq, refs)
            case frames.Rejected(ref, target, code, text, details):
                return self._reject(ref, target, Refused(code, text, details))
            case frames.Snapshot(target, epoch, seq, state, _):
                replica = self.replicas.get(target)
                if replica is None:
                    return []
                replica.model, replica.epoch, replica.seq, replica.is_behind = state, epoch, seq, False
                return [Changed(target, None)]
            case frames.Push(target, payload):
                return [Pushed(target, payload)] if target in self.replicas else []
            case frames.Ping(n):
                self._send(frames.Pong(n))
            case frames.Welcome() as welcome:
                return self._welcome(welcome)
            case frames.Bye(_, retry_after):
                return [Ending(retry_after)]
        return []

    def _welcome(self, welcome: frames.Welcome) -> list[Event]:
        self.client_id = welcome.client_id
        self.is_live = True
        known = {target: replica.cursor for target, replica in self.replicas.items() if replica.is_resynced}
        if known:
            self._send(frames.Resync(known))
        for target, replica in self.replicas.items():
            if not replica.is_resynced:
                self._subscribe(target, replica)
        while self._waiting:
            self._post(*self._waiting.popleft())
        return [Live(welcome.client_id)]

    def _subscribe(self, target: str, replica: Replica) -> None:
        self._ref += 1
        self._asked[self._ref] = (target, True)
        self._send(frames.Subscribe(self._ref, target, replica.cursor, replica.params))

    def _post(self, ref: int, target: str, message: Any) -> None:
        self._own[ref] = message
        self._send(frames.ClientMessage(ref, target, message))

    def _acknowledge(self, target: str, seq: int, refs: list[int]) -> list[Event]:
        events: list[Event] = []
        replica = self.replicas.get(target)
        for at, ref in enumerate(refs):
            if ref in self._asked:
                _, is_subscribe = self._asked.pop(ref)
                if replica is not None:
                    replica.is_subscribed = is_subscribe
            elif ref in self._own:
                message = self._own.pop(ref)
                place = seq - (len(refs) - 1 - at) if seq else 0
                events.append(Answered(ref, place, None))
                if place:
                    events += self._apply(target, place, message)
        return events

    def _apply(self, target: str, seq: int, message: Any) -> list[Event]:
        replica = self.replicas.get(target)
        if replica is None or seq <= replica.seq:
            return []
        if seq != replica.seq + 1 or (replica.epoch is None and replica.store is not None and seq != 1):
            self._resync(target, replica, replica.cursor)
            return []
        if replica.store is not None:
            try:
                replica.model = replica.store.update(replica.model, message)
            except Exception as error:
                replica.is_behind = False  # what was asked for would bring this message again
                self._resync(target, replica, None)
                return [Failed(target, error)]
        replica.seq, replica.is_behind = seq, False
        return [Changed(target, message)]

    def _reject(self, ref: int, target: str | None, refused: Refused) -> list[Event]:
        asked = self._asked.pop(ref, None)
        if asked is not None or (ref == 0 and target in self.replicas):
            # A Subscribe, or a Resync's target.
            name = asked[0] if asked is not None else target
            if name is not None and (replica := self.replicas.get(name)) is not None:
                replica.is_subscribed = replica.is_behind = False
        self._own.pop(ref, None)
        return [Answered(ref, 0, refused)]

    def _end(self, target: str) -> list[Event]:
        replica = self.replicas.get(target)
        if replica is None:
            return []
        replica.reset()
        replica.is_subscribed = False
        return [Changed(target, None)]

    def _resync(self, target: str, replica: Replica, cursor: frames.Cursor | None) -> None:
        """Ask for what is missing, once: what arrives before the answer would only ask for it again."""
        if not replica.is_behind:
            replica.is_behind = True
            self._send(frames.Resync({target: cursor}))

    def _send(self, frame: Frame) -> None:
        self.outgoing.append(encode(frame, self._serialiser))
