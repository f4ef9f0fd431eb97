"""What a session is in, and asks for: its memberships, and its requests to the router.

Everything here runs on the server's hub and never waits, so no step can be cut in two by another greenlet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..runtime.mailbox import Mailbox
from ..targets.messages import Room
from ..targets.outs import refuse_outsider
from ..targets.pace import Pace
from ..targets.subscriber import Later, Place
from ..words.errors import Busy
from ..words.identity import Identity, user_of
from ..words.member import Asked
from ..words.ports import Encoding, Sink
from ..words.target_names import Cursor
from .answers import Answers
from .kinds import Kinds
from .membership import Membership
from .membership_table import AnswerHeld, Ask, Decide, End, Forward, MembershipEvent, MembershipState, Release, Trust
from .messages import Request
from .meter import Meter
from .repeats import Repeats, turn_away
from .unnamed import Unnamed
from .voice import Voice

SUBSCRIPTIONS = 1_000
"""Targets that one session may be subscribed to, unless told otherwise."""


def nothing_to_close(code: int, reason: str) -> None:
    """Stand for the connection of a session that has none."""


class Asking(Voice):
    """``kinds`` are those of the targets that it may ask for, ``router`` is asked.

    ``successor`` and what else a `Session` shares with those of its client's other connections stand there. ``key`` is
    the id under which its client finds it again, ``hang_up(code, reason)`` closes its connection, and ``unnamed`` is
    there while its client is still to name what it comes back to.
    """

    __slots__ = (
        "_begun", "_repeats", "_router", "_subscriptions", "_wanting", "client_id", "closed", "hang_up",
        "identity", "in_hand", "key", "kinds", "memberships", "meter", "pace", "successor", "unnamed",
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
        self.identity = identity
        """Who its client is, as the application said when this connection began; None: nobody knows."""
        self._wanting: dict[Mailbox, None] = {}
        self.in_hand = 0
        """The ref of the message that a hook hears at the moment; hooks may wait."""
        self.key: str | None = None
        self.successor: Self | None = None
        self.hang_up: Callable[[int, str], Any] = nothing_to_close
        self.unnamed: Unnamed | None = None
        self.meter: Meter | None = None
        self._repeats: Repeats | None = None
        self._router = router
        self.kinds = kinds
        self._subscriptions = subscriptions

    @property
    def user(self) -> str | None:
        """The user that its client is signed in as, None if it is not."""
        return user_of(self.identity)

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
            refuse_outsider(self, ref, target, "busy", f"a session may have {self._subscriptions} subscriptions")
            return
        asked = Asked(params, since) if ref is not None or membership is None else membership.asked
        known = membership or Membership(self.next_number())
        request = Request(
            self, ref, target, since, params, False, known.number, known.leaves, False, known.nth + 1, asked
        )
        try:
            self._router.put(request)
        except Busy as error:
            turn_away(self, ref, target, str(error), is_own=self.kinds.is_own(target))
            return
        self.begin(target, known)

    def restore(self, target: str, cursor: Cursor | None) -> None:
        """Ask the router again for a membership that was taken over, from ``cursor`` on; None asks for a Snapshot."""
        known = self.memberships[target]
        self.begin(target, known)
        request = Request(self, None, target, cursor, None, known.trusted, known.number, nth=known.nth)
        self._router.put_anyway(request._replace(asked=known.asked))

    def ask_trusted(self, target: str) -> Request | None:
        """Return the server's own request for ``target``, which nobody has to allow; None if it is in already."""
        membership = self.memberships.get(target) or Membership(self.next_number())
        if membership.state is MembershipState.UNNAMED:
            self.step(target, Trust())
            return None
        self.begin(target, membership, trusted=True)
        request = Request(self, None, target, None, None, True, membership.number, membership.leaves)
        return request._replace(nth=membership.nth, asked=membership.asked)

    def check(self, target: str) -> Request | None:
        """Return a request that asks again for its right to be in ``target``; None if nobody may put it out of it."""
        membership = self.memberships[target]
        if membership.trusted or membership.state is MembershipState.UNNAMED:  # that is judged when it is named
            return None
        self.begin(target, membership)
        request = Request(self, None, target, None, None, False, membership.number, membership.leaves, is_check=True)
        return request._replace(nth=membership.nth, asked=membership.asked)

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

    def step(self, target: str, event: MembershipEvent) -> None:
        """Have the membership in ``target`` take an event, and do what follows; without one nothing does.

        Raises: likewise `Membership.step`.
        """
        membership = self.memberships.get(target)
        if membership is None:
            return
        effects = membership.step(event)
        if membership.state is MembershipState.ENDED:
            del self.memberships[target]
        for effect in effects:
            if isinstance(effect, Forward):
                effect.mailbox.put_anyway(effect.message)
            elif isinstance(effect, AnswerHeld):
                self.repeats.answer_held(target, effect.message)
            elif isinstance(effect, Release):
                self.answers.release(effect.ref)
            elif isinstance(effect, Decide):
                self._router.put_anyway(effect.verdict)
            elif membership.wake is not None:
                membership.wake(None)

    def end(self, target: str, mailbox: Mailbox) -> int:
        """Note that the target with ``mailbox`` has let this session go; return the ref that an Out has to name."""
        session: Asking = self
        while session.successor is not None:
            session = session.successor
        membership = session.memberships.get(target)
        if membership is None:
            return 0
        if not membership.is_in or membership.mailbox is mailbox:  # one that was begun anew under this name may have it
            session.step(target, End())
        return membership.ref

    @property
    def repeats(self) -> Repeats:
        """What becomes of refs that come again; most sessions have none."""
        if self._repeats is None:
            self._repeats = Repeats(self, self._router)
        return self._repeats

    def answer_again(self, ref: int, target: str, place: Place | None, later: Later | None = None) -> None:
        """Say again what became of ``ref`` (`Repeats.answer`)."""
        self.repeats.answer(ref, target, place, later)

    def _tell_room(self) -> None:
        wanting, self._wanting = self._wanting, {}
        for mailbox in wanting:
            mailbox.put_anyway(Room(self))
