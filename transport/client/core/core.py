"""A client without a connection: frames in, frames and events out. Pure.

It keeps a replica of every target that it follows in step with the server (`Following`). Its own messages are shown at
once, sent until they are answered (`Outgoing`), and confirmed in the places that the server gives them. A session that
resumes hears what was not answered again, under the same refs.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ....actors.words.errors import QueueError, Refused
from ....actors.words.store import Store
from ....actors.words.target_names import SESSION
from ...serialiser.serialiser import Serialiser
from ...wire import frames
from ...wire.codec import Codec, decode, encode
from ...wire.frames import Frame
from .cursors import DEFAULT, Places
from .events import Answered, Changed, Denied, Ending, Event, Pushed, Welcomed
from .keeping import Keeping, restored
from .outgoing import AHEAD, Asked, MemoryQueue, Outgoing, Queue
from .replica import OwnMessage, Replica
from .replicas import Following


class ClientCore:
    """``outgoing`` are frames to be sent, in order; nothing is added to it unless there is a connection.

    Raises: QueueError if what ``queue`` kept cannot be read.
    """

    def __init__(self, serialiser: Serialiser, stores: dict[str, Store | None], queue: Queue | None = None) -> None:
        self.outgoing: deque[bytes] = deque()
        self.replicas = Following(self._send)
        self.client_id = ""
        self.is_live = False
        self._serialiser = serialiser
        self._codec = Codec(serialiser)
        self._queue = queue if queue is not None else MemoryQueue()
        self.keeping = Keeping(self._queue)
        self._connection = 0
        self._places = Places()
        self._notes: list[Event] = []
        saved = self._queue.load()
        self._session, self._token = saved.session, saved.token
        self._number = self.kept = saved.number  # the last message of an earlier run has the number ``kept``
        self._reserved = saved.ref
        self.requests = Outgoing(self._queue.bounds, saved.ref)
        try:
            for each in saved.messages:
                self.requests.restore(self._restored(*each))
            self._lost = [self._restored(*each) for each in saved.lost]
            for target, store in stores.items():
                self.replicas.follow(target, store, self.requests.unanswered())
        except BaseException:
            self._queue.close()
            raise

    # What the program does.

    def subscribe(self, target: str, store: Store | None, params: dict[str, Any] | None = None) -> None:
        """Follow ``target``, now or as soon as there is a connection; other ``params`` than before ask again."""
        replica = self.replicas.get(target)
        if replica is not None and replica.params != params:
            replica.params = params
            if self.is_live:
                self._ask(Asked(target, True))
        elif replica is None:
            replica = self.replicas.follow(target, store, self.requests.unanswered(), params)
            self.requests.ask_no_more(Asked(target, False))
            if self.is_live:
                # Even if a Subscribe is on its way: that was for a replica before, and says how far that one got.
                self._ask(Asked(target, True))
            return
        if self.is_live:
            self._subscribe(target, replica)

    def unsubscribe(self, target: str) -> None:
        """Follow ``target`` no more; its replica is gone at once."""
        if self.replicas.pop(target, None) is not None:
            self.requests.unsent.append(Asked(target, False))
            self._notes += self._send_waiting()

    def dispatch(self, target: str, message: Any) -> tuple[OwnMessage, list[Event]]:
        """Show ``message`` at once, and send it as soon as that is possible.

        Raises: Refused ``busy`` if too many wait, ``too_large``; UnregisteredType; LocalProtocolError; QueueError.
        Then nothing has happened.
        """
        requests = self.requests
        payload = self._codec.encode_message(message)
        requests.check_room(len(payload))
        own = OwnMessage(self._number + 1, target, message, payload)
        if (refused := requests.too_large(own)) is not None:
            raise refused
        is_now = self.is_live and not requests.unsent and requests.free_refs() > 0
        if is_now:
            self.keeping.settle()
        self._queue.add(own.number, requests.ref + 1 if is_now else 0, target, payload)
        self._number += 1
        requests.count(own)
        if is_now:
            self._post(own)
        else:
            requests.unsent.append(own)
            self._notes += self._send_waiting()  # most often there is no room; but perhaps the disk has some again
        replica = self.replicas.get(target)
        if replica is None or not replica.add(own):
            return own, []
        return own, [Changed(target, replica.model, message)]

    def set_local(self, target: str, values: dict[str, Any]) -> list[Event]:
        """Give local fields of a followed target other values."""
        replica = self.replicas[target]
        replica.set_local(values)
        return [Changed(target, replica.model, None)]

    def is_settled(self) -> bool:
        """Say whether the connection is live and every Subscribe has been answered."""
        return self.is_live and not any(asked.is_subscribe for asked in self.requests.asked.values())

    def retry(self) -> list[Event]:
        """Try again what the queue has refused; what is to be sent, if there is a connection."""
        events = self.keeping.try_again()
        return events if events or not self.is_live else self._send_waiting()

    # What happens to the connection.

    def open(self) -> None:
        """The connection is there: say Hello."""
        self.lose()
        self._connection += 1
        cursors = {} if self._session is None else self.replicas.cursors()
        bare = encode(frames.Hello(1, self._session, self._token, {}, {"more": True}), self._serialiser)
        first, has_more = self._places.greet(cursors, (self.requests.largest or DEFAULT) - len(bare) - 8)
        self._send(frames.Hello(1, self._session, self._token, first, {"more": True} if has_more else {}))

    def lose(self) -> None:
        """The connection is lost; the session may go on."""
        self.is_live = False
        self.outgoing.clear()
        for replica in self.replicas.values():
            replica.is_behind = False

    def receive(self, data: bytes | str) -> list[Event]:
        """Take one frame of the server.

        Raises: RemoteProtocolError for bytes that are not one.
        """
        events = self._receive(decode(data, self._serialiser))
        if self._notes:
            events += self._notes
            self._notes = []
        return events

    def _receive(self, frame: Frame) -> list[Event]:
        match frame:
            case frames.ServerMessage(target, seq, payload):
                return self.replicas.apply(target, seq, payload)
            case frames.Acknowledge(target, _, _, True):
                return self.replicas.end(target)
            case frames.Acknowledge(target, seq, refs, _):
                return [*self._acknowledge(target, seq, refs), *self._send_waiting()]
            case frames.Rejected(ref, _, code, text, details):
                return [*self._reject(ref, Refused(code, text, details)), *self._send_waiting()]
            case frames.Out(target, code, text, join):
                return [*self.replicas.put_out(self.requests, target, join, Refused(code, text)), *self._send_waiting()]
            case frames.Snapshot(target, epoch, seq, state, _):
                return self.replicas.snapshot(target, epoch, seq, state)
            case frames.Push(target, payload) if target in self.replicas:
                return [Pushed(target, payload)]
            case frames.Ping(n):
                self._send(frames.Pong(n))
                return self._send_waiting()  # what could not be kept as sent
            case frames.Welcome() as welcome:
                return self._welcome(welcome)
            case frames.Bye(_, retry_after):
                return [Ending(retry_after)]
        return []

    def _welcome(self, welcome: frames.Welcome) -> list[Event]:
        events: list[Event] = [Welcomed(welcome.client_id, welcome.resumed)]
        self.client_id = welcome.client_id
        self.is_live = True
        largest = welcome.limits.get("message")
        self.requests.largest = largest if type(largest) is int and largest > 0 else 0
        self._session, self._token = welcome.session, welcome.token
        # Before anything is sent: our Pong has the server forget the token that we had.
        self._reserve(is_new=not welcome.resumed)
        for part in self._places.welcomed(self.replicas.cursors(), welcome.resumed, self.requests.largest or DEFAULT):
            self._send(frames.Resync(dict(part)))
        if welcome.resumed:
            self._repeat()
        else:
            events += self._forget_session()
        refused = Refused("unknown_outcome", "the session ended before the answer came")
        while self._lost:
            events += self._settle(self._lost.pop(0), 0, refused)
        for target, replica in self.replicas.items():
            self._subscribe(target, replica)
        return events + self._send_waiting()

    def _repeat(self) -> None:
        """Say again what was not answered, in the order of the refs."""
        requests = self.requests
        for ref in sorted([*requests.sent, *requests.asked]):
            if (own := requests.sent.get(ref)) is not None:
                self.outgoing.append(own.frame())
            else:
                self._send(self.replicas.request(ref, *requests.asked[ref]))

    def _forget_session(self) -> list[Event]:
        """The session before is gone, and whatever it was asked; its own store has begun anew."""
        self._lost += self.requests.forget_session(self._places.named)
        for replica in self.replicas.values():
            replica.is_subscribed = False
        return self.replicas.end(SESSION)

    # Sending.

    def _subscribe(self, target: str, replica: Replica) -> None:
        if not replica.is_subscribed and not self.requests.is_subscribing(target):
            self._ask(Asked(target, True))

    def _ask(self, asked: Asked) -> None:
        if (ref := self.requests.next_ref()) > self._reserved:
            self._reserve()
        self.requests.asked[ref] = asked
        self.replicas.asked(*asked)
        self._send(self.replicas.request(ref, *asked))

    def _post(self, own: OwnMessage) -> None:
        own.ref, own.connection = self.requests.next_ref(), self._connection
        self.requests.sent[own.ref] = own
        self.outgoing.append(own.frame())

    def _send_waiting(self) -> list[Event]:
        """Send what waits, as much as the server would remember."""
        requests, events = self.requests, list[Event]()
        while self.is_live and (free := requests.enough_refs()):
            first = requests.unsent[0]
            if isinstance(first, Asked):
                requests.unsent.popleft()
                self._ask(first)
                continue
            judged = [(own, requests.too_large(own)) for own in requests.first_messages(free)]
            sound = [own for own, refused in judged if refused is None]
            try:
                self.keeping.settle()
                self._queue.sent([(own.number, requests.ref + 1 + at) for at, own in enumerate(sound)])
            except QueueError as error:
                return [*events, *self.keeping.refused(error)]  # else they could happen twice
            for own, refused in judged:
                requests.unsent.popleft()
                if refused is None:
                    self._post(own)
                else:
                    events += self._settle(own, 0, refused)
        self.keeping.kept()
        return events

    def _reserve(self, is_new: bool = False) -> None:
        """Keep who we are, and set some refs aside."""
        if self._session is None or self._token is None:
            return
        self._reserved = self.requests.ref + AHEAD
        self._notes += self.keeping.welcomed(self._session, self._token, self._reserved, is_new)

    def _send(self, frame: Frame) -> None:
        self.outgoing.append(encode(frame, self._serialiser))

    # Answers.

    def _restored(self, number: int, ref: int, target: str, payload: bytes) -> OwnMessage:
        own = restored(self._codec, number, ref, target, payload)
        self.requests.count(own)
        return own

    def _acknowledge(self, target: str, seq: int, refs: list[int]) -> list[Event]:
        events: list[Event] = []
        for at, ref in enumerate(refs):
            place = seq - (len(refs) - 1 - at) if seq else 0
            if (asked := self.requests.take_asked(ref)) is not None:
                # A Subscribe that we have left again since has a seq of 0, too.
                has_order = seq > 0 or self.requests.is_asking(target)
                events += self.replicas.answered(target, asked.is_subscribe, has_order)
            elif (own := self.requests.sent.get(ref)) is not None:
                events += self._settle(own, place, None)
            else:
                events += self.replicas.settle_again(target, place, ref)
        return events

    def _reject(self, ref: int, refused: Refused) -> list[Event]:
        if (own := self.requests.sent.get(ref)) is not None:
            return self._settle(own, 0, refused)
        if (asked := self.requests.asked.pop(ref, None)) is None:
            return [] if ref else [Denied(None, refused)]  # something of ours, which nobody waits for
        return self.replicas.refuse(asked.target, refused)

    def _settle(self, own: OwnMessage, place: int, refused: Refused | None) -> list[Event]:
        """A message of ours has its answer."""
        self.requests.forget(own)
        self._notes += self.keeping.answered(own.number)
        return [Answered(own, place, refused), *self.replicas.settle(own, place, refused, self._connection)]
