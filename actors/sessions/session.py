"""A session: one client as the server sees it, and the way of its messages to their targets.

Everything here runs on the server's hub and never waits, so no step can be cut in two by another greenlet.
"""

from __future__ import annotations

from typing import Any

from ..runtime.hooks import ServerHooks
from ..runtime.mailbox import Mailbox
from ..targets.messages import Leave, Request, Room, new_post
from ..targets.outs import refuse, say_rejected
from ..words.errors import Busy
from ..words.ports import Encoding, Sink
from ..words.target_names import SESSION, TOPIC
from .answers import Answers, Refusal
from .held import HELD, Held
from .repeats import Repeats, named, turn_away
from .unnamed import Cursor, Unnamed

SUBSCRIPTIONS = 1_000
"""Targets that one session may be subscribed to, unless told otherwise."""


class Membership(Held):
    """A session in a target: ``put`` takes its messages to the target's mailbox, or holds them while it is joining.

    ``requests`` counts the Subscribes that are not answered yet, ``ref`` is that of the one that let it in, or 0;
    ``welcomed`` says that the join hook has been called.
    ``replaces`` is the session that is still in the target for this one, when it is resumed; ``trusted`` says that the
    server put it there; ``has_left`` that the client has unsubscribed, so what it asked before counts no more.
    While it is joining, ``leaves`` counts its Unsubscribes and ``left`` those that have gone to the target.
    """

    __slots__ = (
        "_mailbox", "admitted", "has_left", "leaves", "left", "ref", "replaces", "requests", "trusted", "welcomed",
    )  # fmt: skip

    def __init__(self, held: int = HELD) -> None:
        super().__init__(held)
        self._mailbox: Mailbox | None = None
        self.replaces: Session | None = None
        self.trusted = False
        self.has_left = False
        self.admitted = False
        self.requests = self.ref = self.leaves = self.left = 0
        self.welcomed = False

    def admit(self, mailbox: Mailbox) -> None:
        """Send what was held, and everything from now on, to ``mailbox``; up to an Unsubscribe."""
        self.admitted = True
        self._mailbox = mailbox
        self.put = mailbox.put
        for at, message in enumerate(self._held):
            mailbox.put_anyway(named(message, self.ref))
            if isinstance(message, Leave):
                self.admitted = False
                self.left += message.ref is not None
                self.put = self._hold
                self._held = self._held[at + 1 :]
                return
        self._held = []

    def expel(self) -> None:
        """Its target has ended while a Subscribe is still being considered: it is joining again."""
        self.admitted = self.welcomed = False
        self._mailbox = None
        self.put = self._hold

    def put_anyway(self, message: Any) -> None:
        """Send ``message`` the way of the others even over the bound: for what is bounded elsewhere."""
        if self.admitted and self._mailbox is not None:
            self._mailbox.put_anyway(message)
        else:
            self.hold_anyway(message)


class _Touched:
    """What each delivery touches of a session. Slots of a base come first: so they share the header's cache line."""

    __slots__ = ("answers", "encoding", "sink", "write")


class Session(_Touched):
    """``write(joined)`` hands what ``encoding.join`` made to the session's sink.

    A session has one of these for each of its connections, one after the other: ``successor`` is the next, and
    ``answers`` is the same for all. ``closed`` says that this one counts no more. ``key`` is the id under which its
    client finds it again. ``unnamed`` is there while its client is still to name what it comes back to.
    """

    __slots__ = (
        "_hooks", "_repeats", "_router", "_subscriptions", "_wanting", "client_id", "closed", "in_hand", "key",
        "memberships", "successor", "unnamed",
    )  # fmt: skip

    def __init__(
        self,
        client_id: str,
        encoding: Encoding,
        sink: Sink,
        router: Mailbox,
        hooks: ServerHooks,
        subscriptions: int = SUBSCRIPTIONS,
        answers: Answers | None = None,
    ) -> None:
        self.client_id = client_id
        self.encoding = encoding
        self.connect(sink)
        self.memberships: dict[str, Membership] = {}
        self.answers = answers if answers is not None else Answers()
        self.closed = False
        self._wanting: dict[Mailbox, None] = {}
        self.in_hand = 0
        """The ref of the message that a hook hears at the moment; hooks may wait."""
        self.key: str | None = None
        self.successor: Session | None = None
        self.unnamed: Unnamed | None = None
        self._repeats: Repeats | None = None
        self._router = router
        self._hooks = hooks
        self._subscriptions = subscriptions

    def __repr__(self) -> str:
        return f"<Session {self.client_id}>"

    def connect(self, sink: Sink) -> None:
        """Write to ``sink`` from now on."""
        self.sink = sink
        self.write = sink.write

    def want_room(self, mailbox: Mailbox) -> None:
        """Have a `Room` put into ``mailbox`` as soon as nothing waits for the client."""
        is_first = not self._wanting
        self._wanting[mailbox] = None
        if is_first:
            self.sink.on_empty(self._tell_room)

    def subscribe(self, ref: int | None, target: str, since: Cursor | None, params: Any = None) -> None:
        """Ask the router to subscribe this session; ``ref`` None for a Resync, which is not acknowledged."""
        membership = self.memberships.get(target)
        if membership is not None and membership.wake is not None:
            membership.wake(since)
        if membership is None and len(self.memberships) >= self._subscriptions:
            refuse(self, ref, target, "busy", f"a session may have {self._subscriptions} subscriptions")
            return
        asked = Membership() if membership is None else membership
        try:
            self._router.put(Request(self, ref, target, since, params, False, asked, asked.leaves))
        except Busy as error:
            turn_away(self, ref, target, str(error))
            return
        self.memberships[target] = asked
        asked.requests += 1

    def restore(self, target: str, cursor: Cursor | None) -> None:
        """Ask the router again for a membership that was taken over, from ``cursor`` on; None asks for a Snapshot."""
        membership = self.memberships[target]
        membership.wake = None
        self._router.put_anyway(Request(self, None, target, cursor, None, membership.trusted, membership))

    def unsubscribe(self, ref: int, target: str) -> None:
        """Leave ``target``; a session that is not in it has what it asked for."""
        membership = self.memberships.get(target)
        if membership is None or target == SESSION:
            self.say_done(ref, target)
            return
        if membership.admitted:
            # Even over the bound: there is one for each membership, and who has left must not be kept.
            membership.put_anyway(Leave(self, ref))
            membership.has_left = True
            del self.memberships[target]
            return
        # Likewise one for each Subscribe that is not answered yet.
        hold = membership.put_anyway if membership.leaves < membership.requests else membership.put
        try:
            hold(Leave(self, ref))
        except Busy as error:
            self.reject(ref, target, "busy", str(error))
        else:
            membership.leaves += 1

    def post(self, ref: int, target: str, message: Any, payload: bytes) -> None:
        """Send a message of this client to its target; ``payload`` is its bytes. A repeated ref is only answered."""
        if ref and (fate := self.answers.begin(ref, target)):
            self.repeats.take(fate, ref, target)
            return
        if self._hooks.topic_message and target.startswith(TOPIC):
            self.in_hand = ref
            self._hooks.run("topic_message", message, target[len(TOPIC) :], self.client_id)
            self.in_hand = 0
            if self.successor is not None:
                return  # it went on with another connection meanwhile, on which the message comes again
        membership = self.memberships.get(target)
        if membership is None:
            if target != SESSION:
                self.reject(ref, target, "not_subscribed", f"subscribe to {target} first")
                return
            self.subscribe_to_self()
            membership = self.memberships[SESSION]
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

    def subscribe_to_self(self) -> None:
        """Start the session's own store, if it is not running."""
        if SESSION not in self.memberships:
            membership = self.memberships[SESSION] = Membership()
            membership.requests += 1
            self._router.put_anyway(Request(self, None, SESSION, None, None, trusted=True, membership=membership))

    def _tell_room(self) -> None:
        wanting, self._wanting = self._wanting, {}
        for mailbox in wanting:
            mailbox.put_anyway(Room(self))

    def reject(self, ref: int, target: str | None, code: str, text: str, details: Any = None) -> None:
        """Tell the client that a frame of his was not applied."""
        if ref:
            self.answers.refuse(ref, Refusal(target, code, text, details))
        self.say_rejected(ref, target, code, text, details)

    def say_done(self, ref: int, target: str) -> None:
        """Write an Acknowledge of a Subscribe or an Unsubscribe after which there is nothing left to do."""
        self.write(self.encoding.join([self.encoding.acknowledge(target, 0, [ref], False)]))

    def say_rejected(self, ref: int, target: str | None, code: str, text: str, details: Any = None) -> None:
        """Write a Rejected that is not the answer to the message with this ref, or not the first."""
        say_rejected(self, ref, target, code, text, details)
