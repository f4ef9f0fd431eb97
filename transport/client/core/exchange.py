"""What a client asks and hears: sent in the order of its refs, again if need be, and settled by the answers. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Container

from ....actors.words.errors import QueueError, Refused
from ....actors.words.meta import Meta
from ...serialiser.serialiser import Serialiser
from ...wire.codec import Codec, encode
from ...wire.frames import Extra, Frame
from .events import Answered, ClientEvent, Denied, Ending
from .keeping import Keeping, restored
from .outgoing import AHEAD, Asked, Outgoing, Queue
from .pacing import Pacing, seconds_in
from .replica import OwnMessage, Replica
from .replicas import Replicas

LIMITED = "rate_limited"
"""The code of what was too much at once."""


class Exchange:
    """``outgoing`` are frames to be sent, in order; nothing is added to it unless there is a connection.

    ``session`` and ``token`` say who we are, from the last Welcome on, be it of an earlier run; ``connection`` counts
    the connections. ``notes`` are events that happened beside the answer to a call.
    """

    def __init__(self, serialiser: Serialiser, queue: Queue) -> None:
        self.outgoing: deque[bytes] = deque()
        self.replicas = Replicas(self.send)
        self.queue = queue
        self.keeping = Keeping(queue)
        self.pacing = Pacing()
        self.notes: list[ClientEvent] = []
        self.is_live = False
        self.connection = 0
        self.author: str | None = None
        """Who we are, as far as the server has told."""
        self._serialiser = serialiser
        self._codec = Codec(serialiser)
        saved = queue.load()
        self.session, self.token = saved.session, saved.token
        self.number = saved.number
        """That of the newest message."""
        self._reserved = saved.ref
        self.requests = Outgoing(queue.bounds, saved.ref)
        try:
            for each in saved.messages:
                self.requests.restore(self._restored(*each))
            self._lost = [self._restored(*each) for each in saved.lost]
        except BaseException:
            queue.close()
            raise

    # Sending.

    def send(self, frame: Frame) -> None:
        """Send any frame."""
        self.outgoing.append(encode(frame, self._serialiser))

    def subscribe(self, target: str, replica: Replica) -> None:
        """Ask for ``target``, unless it is followed or asked for already."""
        if not replica.is_subscribed and not self.requests.is_subscribing(target):
            self.ask(Asked(target, True))

    def ask(self, asked: Asked) -> None:
        """Send a Subscribe or an Unsubscribe, behind what is to be answered before anything new is sent."""
        if self.pacing.is_busy:
            self.requests.unsent.append(asked)
            return
        if (ref := self.requests.next_ref()) > self._reserved:
            self.reserve()
        self.requests.asked[ref] = asked
        self.replicas.asked(*asked)
        self.send(self.replicas.request(ref, *asked))

    def add(self, target: str, message: object, guess: Meta | None = None) -> OwnMessage:
        """Take a message of the program's in, and send it as soon as that is possible.

        Raises: Refused ``busy`` if too many wait, ``too_large``; UnregisteredType; LocalProtocolError; QueueError.
        Then nothing has happened.
        """
        requests = self.requests
        payload = self._codec.encode_message(message)
        requests.check_room(len(payload))
        own = OwnMessage(self.number + 1, target, message, payload, guess=guess)
        if (refused := requests.too_large(own)) is not None:
            raise refused
        is_now = self.is_live and not requests.unsent and requests.free_refs() > 0 and not self.pacing.is_busy
        if is_now:
            self.keeping.settle()
        self.queue.add(own.number, requests.ref + 1 if is_now else 0, target, payload)
        self.number += 1
        requests.count(own)
        if is_now:
            self._post(own)
        else:
            requests.unsent.append(own)
            self.notes += self.send_waiting()  # most often there is no room; but perhaps the disk has some again
        return own

    def send_waiting(self) -> list[ClientEvent]:
        """Send what waits, as much as the server would remember; nothing while something before it is held."""
        requests, events = self.requests, list[ClientEvent]()
        while self.is_live and not self.pacing.is_busy and (free := requests.enough_refs()):
            first = requests.unsent[0]
            if isinstance(first, Asked):
                requests.unsent.popleft()
                self.ask(first)
                continue
            judged = [(own, requests.too_large(own)) for own in requests.first_messages(free)]
            sound = [own for own, refused in judged if refused is None]
            try:
                self.keeping.settle()
                self.queue.sent([(own.number, requests.ref + 1 + at) for at, own in enumerate(sound)])
            except QueueError as error:
                return [*events, *self.keeping.refused(error)]  # else they could happen twice
            for own, refused in judged:
                requests.unsent.popleft()
                if refused is None:
                    self._post(own)
                else:
                    events += self.settle(own, 0, refused)
        self.keeping.kept()
        return events

    def repeat(self) -> None:
        """Say again what was not answered, in the order of the refs."""
        requests = self.requests
        for ref in sorted([*requests.sent, *requests.asked]):
            self._repeat(ref)

    def rested(self, turn: int) -> list[ClientEvent]:
        """The pause ``turn`` is over: send again what was held for so long, then what waits."""
        due, paused = self.pacing.rested(turn, self._may_be_refused_behind)
        for ref in due:
            self._repeat(ref)
        return [*([] if paused is None else [paused]), *self.send_waiting()]

    def lose(self) -> None:
        """The connection is lost."""
        self.is_live = False
        self.outgoing.clear()
        self.pacing.clear()

    def _repeat(self, ref: int) -> None:
        """Say again what has no answer."""
        requests = self.requests
        if (own := requests.sent.get(ref)) is not None:
            self.outgoing.append(own.frame())
        elif (asked := requests.asked.get(ref)) is not None:
            self.send(self.replicas.request(ref, *asked))
        else:
            self.pacing.forget(ref)  # overtaken

    def _may_be_refused_behind(self, ref: int) -> bool:
        """Say whether a message to the same target, sent behind ``ref``, has neither an answer nor been refused."""
        sent, held = self.requests.sent, self.pacing.held
        first = sent.get(ref) or self.requests.asked.get(ref)
        return first is not None and any(
            own.ref > ref and own.ref not in held and own.target == first.target for own in sent.values()
        )

    def reserve(self, is_new: bool = False) -> None:
        """Keep who we are, and set some refs aside."""
        if self.session is None or self.token is None:
            return
        self._reserved = self.requests.ref + AHEAD
        self.notes += self.keeping.welcomed(self.session, self.token, self._reserved, is_new)

    def _post(self, own: OwnMessage) -> None:
        own.ref, own.connection = self.requests.next_ref(), self.connection
        self.requests.sent[own.ref] = own
        self.outgoing.append(own.frame())

    # Answers.

    def acknowledge(self, target: str, seq: int, refs: list[int], extra: Extra | None = None) -> list[ClientEvent]:
        """What has ``refs`` was applied, up to ``seq``; the lists of ``extra`` say more of each."""
        events: list[ClientEvent] = []
        for at, ref in enumerate(refs):
            place = seq - (len(refs) - 1 - at) if seq else 0
            self.pacing.forget(ref)
            if (asked := self.requests.take_asked(ref)) is not None:
                # A Subscribe that we have left again since has a seq of 0, too.
                has_order = seq > 0 or self.requests.is_asking(target)
                events += self.replicas.answered(target, asked.is_subscribe, has_order)
            elif (own := self.requests.sent.get(ref)) is not None:
                if extra:
                    own.extra = {name: values[at] for name, values in extra.items()}
                    self.author = own.extra.get("author") or self.author
                events += self.settle(own, place, None)
            else:
                events += self.replicas.settle_again(target, place, ref)
        return events

    def reject(self, ref: int, refused: Refused) -> list[ClientEvent]:
        """What has ``ref`` was not applied. What was too much at once is kept, and sent again."""
        if refused.code == LIMITED:
            return self._hold(ref, refused)
        self.pacing.forget(ref)
        if (own := self.requests.sent.get(ref)) is not None:
            return self.settle(own, 0, refused)
        if (asked := self.requests.asked.pop(ref, None)) is None:
            return [] if ref else [Denied(None, refused)]  # something of ours, which nobody waits for
        return self.replicas.refuse(asked.target, refused)

    def _hold(self, ref: int, refused: Refused) -> list[ClientEvent]:
        seconds = seconds_in(refused.details)
        if not ref:
            return [Denied(None, refused), Ending(seconds)]  # the connection will end
        if ref not in self.requests.sent and ref not in self.requests.asked:
            return []
        paused = self.pacing.hold(ref, seconds)
        return [] if paused is None else [paused]

    def settle(self, own: OwnMessage, place: int, refused: Refused | None) -> list[ClientEvent]:
        """A message of ours has its answer."""
        self.requests.forget(own)
        self.notes += self.keeping.answered(own.number)
        return [Answered(own, place, refused), *self.replicas.settle(own, place, refused, self.connection)]

    def forget_session(self, claimed: Container[str]) -> None:
        """The session is gone, and what it was asked, except for the targets that the new one was asked for."""
        self._lost += self.requests.forget_session(claimed)
        for replica in self.replicas.values():
            replica.is_subscribed = False

    def settle_lost(self) -> list[ClientEvent]:
        """Answer what was sent in a session that is gone: what became of it, nobody knows."""
        refused = Refused("unknown_outcome", "the session ended before the answer came")
        events: list[ClientEvent] = []
        while self._lost:
            events += self.settle(self._lost.pop(0), 0, refused)
        return events

    def _restored(self, number: int, ref: int, target: str, payload: bytes) -> OwnMessage:
        own = restored(self._codec, number, ref, target, payload)
        self.requests.count(own)
        return own
