"""A client without a connection: frames in, frames and events out. Pure.

It keeps a replica of every target that it follows in step with the server (`Replicas`). Its own messages are shown at
once, sent until they are answered (`Exchange`), and confirmed in the places that the server gives them. A session that
resumes hears what was not answered again, under the same refs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....actors.words.errors import Refused
from ....actors.words.meta import Meta
from ....actors.words.store import Store
from ....actors.words.target_names import SESSION
from ...serialiser.serialiser import Serialiser
from ...wire import frames
from ...wire.codec import decode, encode
from ...wire.frames import Frame
from .cursors import DEFAULT, Places
from .events import Changed, ClientEvent, Ending, Pushed, Welcomed
from .exchange import Exchange
from .outgoing import Asked, MemoryQueue, Queue
from .replica import OwnMessage


class ClientCore:
    """``exchange.outgoing`` are frames to be sent, in order; nothing is added to it unless there is a connection.

    ``kept`` is the number of the last message of an earlier run. Raises: QueueError if what ``queue`` kept cannot be
    read.
    """

    def __init__(
        self,
        serialiser: Serialiser,
        stores: dict[str, Store | None],
        queue: Queue | None = None,
        watch: Callable[[str, Store], Store] | None = None,
        wall: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._wall = wall
        self.client_id = ""
        self._serialiser = serialiser
        self._places = Places()
        self.exchange = Exchange(serialiser, queue if queue is not None else MemoryQueue())
        self.outgoing = self.exchange.outgoing
        self.replicas = self.exchange.replicas
        self.replicas.watch = watch
        self.requests = self.exchange.requests
        self.keeping = self.exchange.keeping
        self.kept = self.exchange.number
        try:
            for target, store in stores.items():
                self.replicas.follow(target, store, self.requests.unanswered())
        except BaseException:
            self.exchange.queue.close()
            raise

    @property
    def is_live(self) -> bool:
        """Whether the server has said Welcome on this connection."""
        return self.exchange.is_live

    # What the program does.

    def subscribe(self, target: str, store: Store | None, params: dict[str, Any] | None = None) -> None:
        """Follow ``target``, now or as soon as there is a connection; other ``params`` than before ask again."""
        replica = self.replicas.get(target)
        if replica is not None and replica.params != params:
            replica.params = params
            if self.is_live:
                self.exchange.ask(Asked(target, True))
        elif replica is None:
            replica = self.replicas.follow(target, store, self.requests.unanswered(), params)
            self.requests.ask_no_more(Asked(target, False))
            if self.is_live:
                # Even if a Subscribe is on its way: that was for a replica before, and says how far that one got.
                self.exchange.ask(Asked(target, True))
            return
        if self.is_live:
            self.exchange.subscribe(target, replica)

    def unsubscribe(self, target: str) -> None:
        """Follow ``target`` no more; its replica is gone at once."""
        if self.replicas.pop(target, None) is not None:
            self.requests.unsent.append(Asked(target, False))
            self.exchange.notes += self.exchange.send_waiting()

    def dispatch(self, target: str, message: Any) -> tuple[OwnMessage, list[ClientEvent]]:
        """Show ``message`` at once, and send it as soon as that is possible.

        Raises: what `Exchange.add` does; then nothing has happened.
        """
        own = self.exchange.add(target, message, Meta(self.exchange.author, self.client_id or None, self._wall(), 0))
        replica = self.replicas.get(target)
        if replica is None or not replica.add(own):
            return own, []
        return own, [Changed(target, replica.model, message)]

    def set_local(self, target: str, values: dict[str, Any]) -> list[ClientEvent]:
        """Give local fields of a followed target other values."""
        replica = self.replicas[target]
        replica.set_local(values)
        return [Changed(target, replica.model, None)]

    def is_settled(self) -> bool:
        """Say whether the connection is live and every Subscribe has been answered."""
        return self.is_live and not self.requests.has_subscribes

    def retry(self) -> list[ClientEvent]:
        """Try again what the queue has refused; what is to be sent, if there is a connection."""
        events = self.keeping.try_again()
        return events if events or not self.is_live else self.exchange.send_waiting()

    def rested(self, turn: int) -> list[ClientEvent]:
        """The pause that a `Paused` named is over: send again what the server wanted later."""
        return self.exchange.rested(turn)

    # What happens to the connection.

    def open(self) -> None:
        """The connection is there: say Hello."""
        self.lose()
        exchange = self.exchange
        exchange.connection += 1
        session, token = exchange.session, exchange.token
        cursors = {} if session is None else self.replicas.cursors()
        bare = encode(frames.Hello(1, session, token, {}, {"more": True}), self._serialiser)
        first, has_more = self._places.greet(cursors, (self.requests.largest or DEFAULT) - len(bare) - 8)
        exchange.send(frames.Hello(1, session, token, first, {"more": True} if has_more else {}))

    def lose(self) -> None:
        """The connection is lost; the session may go on."""
        self.exchange.lose()
        for replica in self.replicas.values():
            replica.is_behind = False

    def receive(self, data: bytes | str) -> list[ClientEvent]:
        """Take one frame of the server.

        Raises: RemoteProtocolError for bytes that are not one.
        """
        events = self._receive(decode(data, self._serialiser))
        if self.exchange.notes:
            events += self.exchange.notes
            self.exchange.notes = []
        return events

    def _receive(self, frame: Frame) -> list[ClientEvent]:
        exchange, replicas = self.exchange, self.replicas
        match frame:
            case frames.ServerMessage(target, seq, payload, extra):
                return replicas.apply(target, seq, payload, None, extra)
            case frames.Acknowledge(target, _, _, True):
                return replicas.end(target)
            case frames.Acknowledge(target, seq, refs, _, extra):
                return [*exchange.acknowledge(target, seq, refs, extra), *exchange.send_waiting()]
            case frames.Rejected(ref, _, code, text, details):
                return [*exchange.reject(ref, Refused(code, text, details)), *exchange.send_waiting()]
            case frames.Out(target, code, text, join):
                return [*replicas.put_out(self.requests, target, join, Refused(code, text)), *exchange.send_waiting()]
            case frames.Snapshot(target, epoch, seq, state, _):
                return replicas.snapshot(target, epoch, seq, state)
            case frames.Push(target, payload) if target in replicas:
                return [Pushed(target, payload)]
            case frames.Ping(n):
                exchange.send(frames.Pong(n))
                return exchange.send_waiting()  # what could not be kept as sent
            case frames.Welcome() as welcome:
                return self._welcome(welcome)
            case frames.Bye(_, retry_after):
                return [Ending(retry_after)]
        return []

    def _welcome(self, welcome: frames.Welcome) -> list[ClientEvent]:
        exchange, requests = self.exchange, self.requests
        events: list[ClientEvent] = [Welcomed(welcome.client_id, welcome.resumed)]
        self.client_id = welcome.client_id
        exchange.author = (welcome.extra or {}).get("user")
        exchange.is_live = True
        largest = welcome.limits.get("message")
        requests.largest = largest if type(largest) is int and largest > 0 else 0
        exchange.session, exchange.token = welcome.session, welcome.token
        # Before anything is sent: our Pong has the server forget the token that we had.
        exchange.reserve(is_new=not welcome.resumed)
        for part in self._places.welcomed(self.replicas.cursors(), welcome.resumed, requests.largest or DEFAULT):
            exchange.send(frames.Resync(dict(part)))
        if welcome.resumed:
            exchange.repeat()
        else:
            exchange.forget_session(self._places.named)
            events += self.replicas.end(SESSION)  # its own store has begun anew
        events += exchange.settle_lost()
        for target, replica in self.replicas.items():
            exchange.subscribe(target, replica)
        return events + exchange.send_waiting()
