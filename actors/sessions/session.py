"""A session: one client as the server sees it, and the way of its messages to their targets.

Everything here runs on the server's hub and never waits, so no step can be cut in two by another greenlet.
"""

from __future__ import annotations

from typing import Any

from ..runtime.log_throttle import ThrottledLogger
from ..runtime.mailbox import Mailbox
from ..targets.faults import fault
from ..targets.messages import Leave, Room, new_post
from ..targets.outs import refuse
from ..targets.pace import Pace
from ..targets.subscriber import Later, Place
from ..words.errors import Busy, Refused, RemoteProtocolError
from ..words.identity import Identity, user_of
from ..words.ports import Encoding, Sink
from .answers import Answers
from .kinds import Call, Kinds
from .membership import Membership
from .membership_table import Answer, Ask, Decide, End, Event, Release, Send, State, Trust, Unsubscribe
from .messages import Request
from .meter import Meter
from .repeats import Repeats, answer_held, turn_away
from .unnamed import Cursor, Unnamed
from .voice import Voice

logger = ThrottledLogger("nuphar.actors")

SUBSCRIPTIONS = 1_000
"""Targets that one session may be subscribed to, unless told otherwise."""


class Session(Voice):
    """A session has one of these for each of its connections, one after the other: ``successor`` is the next.

    ``kinds`` are those of the targets that it asks the ``router`` for. ``answers`` and ``pace`` are the same for all.
    ``closed``: it counts no more. ``key``: its client finds it again under this id. ``unnamed``: what is to be named.
    ``meter``: what it may send, None: all.
    """

    __slots__ = (
        "_begun", "_kinds", "_repeats", "_router", "_subscriptions", "_wanting", "client_id", "closed", "identity",
        "in_hand", "key", "memberships", "meter", "pace", "successor", "unnamed",
    )  # fmt: skip

    def __init__(
        self,
        client_id: str,
        encoding: Encoding,
        sink: Sink,
        router: Mailbox,
        kinds: Kinds,
        subscriptions: int = SUBSCRIPTIONS,
        answers: Answers | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(encoding, sink, answers)
        self.pace = Pace()
        self.client_id = client_id
        self.memberships: dict[str, Membership] = {}
        """What it is in, or asks for, by target."""
        self._begun = 0
        self.closed = False
        self.identity = identity  # who its client is, as the application said when this connection began
        self._wanting: dict[Mailbox, None] = {}
        self.in_hand = 0  # the ref of the message that a hook hears at the moment; hooks may wait
        self.key: str | None = None
        self.successor: Session | None = None
        self.unnamed: Unnamed | None = None
        self.meter: Meter | None = None
        self._repeats: Repeats | None = None
        self._router = router
        self._kinds = kinds
        self._subscriptions = subscriptions

    def __repr__(self) -> str:
        return f"<Session {self.client_id}>"

    @property
    def user(self) -> str | None:
        """The user that its client is signed in as, None if it is not."""
        return user_of(self.identity)

    def want_room(self, mailbox: Mailbox) -> None:
        """Have a `Room` put into ``mailbox`` as soon as nothing waits for the client."""
        is_waiting, self._wanting[mailbox] = bool(self._wanting), None
        if not is_waiting:
            self.sink.on_empty(self._tell_room)

    def subscribe(self, ref: int | None, target: str, since: Cursor | None, params: Any = None) -> None:
        """Ask the router to subscribe this session; ``ref`` None for a Resync, which is not acknowledged."""
        membership = self.memberships.get(target)
        if membership is not None and membership.wake is not None:
            membership.wake(since)
        if membership is None and len(self.memberships) >= self._subscriptions:
            refuse(self, ref, target, "busy", f"a session may have {self._subscriptions} subscriptions")
            return
        asking = membership or Membership(self.next_number())
        request = Request(self, ref, target, since, params, False, asking.number, asking.leaves, nth=asking.asked + 1)
        try:
            self._router.put(request)
        except Busy as error:
            turn_away(self, ref, target, str(error), is_own=self._kinds.is_own(target))
            return
        self.begin(target, asking)

    def restore(self, target: str, cursor: Cursor | None) -> None:
        """Ask the router again for a membership that was taken over, from ``cursor`` on; None asks for a Snapshot."""
        known = self.memberships[target]
        self.begin(target, known)
        self._router.put_anyway(Request(self, None, target, cursor, None, known.trusted, known.number, nth=known.asked))

    def ask_trusted(self, target: str) -> Request | None:
        """Return the server's own request for ``target``, which nobody has to allow; None if it is in already."""
        membership = self.memberships.get(target) or Membership(self.next_number())
        if membership.state is State.UNNAMED:
            self.step(target, Trust())
            return None
        self.begin(target, membership, trusted=True)
        return Request(self, None, target, None, None, True, membership.number, membership.leaves, nth=membership.asked)

    def check(self, target: str) -> Request | None:
        """Return a request that asks again for its right to be in ``target``; None if nobody may put it out of it."""
        known = self.memberships[target]
        if known.trusted or known.state is State.UNNAMED:  # that is judged when it is named
            return None
        self.begin(target, known)
        return Request(self, None, target, None, None, False, known.number, known.leaves, True, known.asked)

    def begin(self, target: str, membership: Membership, trusted: bool = False) -> None:
        """Note that a request for ``target`` is on its way, which ``membership`` counts."""
        self.memberships[target] = membership
        membership.step(Ask(trusted))

    def next_number(self) -> int:
        """Return the number of the next membership."""
        self._begun += 1
        return self._begun

    def is_over(self, request: Request) -> bool:
        """Has the client unsubscribed since it asked? Then the request is answered, and takes no effect."""
        membership = self.memberships.get(request.target)
        return membership is None or membership.number != request.number or request.leaves < membership.left

    def step(self, target: str, event: Event) -> None:
        """Have the membership in ``target`` take an event, and do what follows; without one nothing does.

        Raises: likewise `Membership.step`.
        """
        membership = self.memberships.get(target)
        if membership is None:
            return
        effects = membership.step(event)
        if membership.state is State.ENDED:
            del self.memberships[target]
        for effect in effects:
            if isinstance(effect, Send):
                effect.mailbox.put_anyway(effect.message)
            elif isinstance(effect, Answer):
                answer_held(self, target, effect.message)
            elif isinstance(effect, Release):
                self.answers.release(effect.ref)
            elif isinstance(effect, Decide):
                self._router.put_anyway(effect.verdict)
            elif membership.wake is not None:
                membership.wake(None)

    def end(self, target: str, mailbox: Mailbox) -> int:
        """Note that the target with ``mailbox`` has let this session go; return the ref that an Out has to name."""
        session = self
        while session.successor is not None:
            session = session.successor
        membership = session.memberships.get(target)
        if membership is None:
            return 0
        if not membership.is_in or membership.mailbox is mailbox:  # one that was begun anew under this name may have it
            session.step(target, End())
        return membership.ref

    def unsubscribe(self, ref: int, target: str) -> None:
        """Leave ``target``; a session that is not in it has what it asked for."""
        membership = self.memberships.get(target)
        if membership is None or self._kinds.is_own(target):
            self.say_done(ref, target)
            return
        try:
            self.step(target, Unsubscribe(Leave(self, ref)))
        except Busy as error:
            self.reject(ref, target, "busy", str(error))

    def post(self, ref: int, target: str, message: Any, payload: bytes) -> None:
        """Send a message of this client to its target; ``payload`` is its bytes. A repeated ref is only answered."""
        if ref and (fate := self.answers.begin(ref, target)):
            self.repeats.take(fate, ref, target)
            return
        if self._kinds.listeners and (kind := self._kinds.of(target)) is not None:
            self.in_hand = ref
            kind.hear(self, target, message)
            self.in_hand = 0
            if self.successor is not None:
                return  # it went on with another connection meanwhile, on which the message comes again
        membership = self.memberships.get(target)
        if membership is None:
            if not self._kinds.is_own(target):
                self.reject(ref, target, "not_subscribed", f"subscribe to {target} first")
                return
            self.enter(target)
            membership = self.memberships[target]
        try:
            membership.put(new_post((self, ref, message, payload)))
        except Busy as error:
            self.reject(ref, target, "busy", str(error))

    @property
    def repeats(self) -> Repeats:
        """What becomes of refs that come again; most sessions have none."""
        if self._repeats is None:
            self._repeats = Repeats(self, self._router)
        return self._repeats

    def answer_again(self, ref: int, target: str, place: Place | None, later: Later | None = None) -> None:
        """Say again what became of ``ref`` (`Repeats.answer`)."""
        self.repeats.answer(ref, target, place, later)

    def enter(self, target: str) -> None:
        """Be in a target of its own, if it is not."""
        if target not in self.memberships:
            self._router.put_anyway(self.ask_trusted(target))

    def call(self, ref: int, name: str, arguments: Any) -> None:
        """Have whoever takes calls of this name answer one; ``arguments`` are plain data."""
        kind = self._kinds.of(name)
        if kind is None:
            self.fail(ref, "not_found", f"there is no call {name[:100]!r}")
            return
        try:
            kind.call(self, Call(ref, name, arguments))
        except (Refused, RemoteProtocolError) as error:
            self.fail(ref, error.code, error.text if isinstance(error, Refused) else str(error))
        except Exception as error:
            text, details = fault(logger, self._router.host, f"call {name[:100]!r}", error, "crashed")
            self.fail(ref, "crashed", text, details["trace_id"])

    def _tell_room(self) -> None:
        wanting, self._wanting = self._wanting, {}
        for mailbox in wanting:
            mailbox.put_anyway(Room(self))
