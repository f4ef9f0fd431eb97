"""A session in one target: what it asks for, what it holds meanwhile, and whether it is in. Pure.

`Membership.step` takes one event, as the tables of `membership_table.py` allow it, and returns what is to be done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..targets.messages import Join, Leave, Post
from ..targets.subscriber import Subscriber
from ..words.errors import Busy
from ..words.guard import UNKNOWN
from ..words.member import NOTHING
from ..words.target_names import Cursor
from . import membership_table as table
from .membership_table import AnswerHeld, Decide, Forward, Grant, MembershipEffect, Predecessor, Release, Wake
from .standing import Standing

HELD = 256
"""Messages that may wait for the answer to their own Subscribe, for each target."""

MembershipEffects = list[MembershipEffect]
Waking = Callable[[Cursor | None], None]


def _ended(message: Any) -> None:
    raise Busy("this subscription has ended")


class Membership:
    """``put(message)`` takes a message of the client on its way: to the target, or among what is held. Raises: Busy.

    Plainly mutable, as `put` is on the path of every message; all else changes in `step` alone. ``number`` tells it
    from those that the session had in this target before. Of ``nth`` requests ``requests`` are being considered;
    ``ref`` is that of the one that let it in, or 0. ``trusted``: the server wants it in. ``leaves`` counts the client's
    Unsubscribes while it was joining, ``left`` those that have gone to the target. ``wake(cursor)`` is there while it
    is `UNNAMED`, and has the router asked: from ``cursor`` on, or (None) for a Snapshot.
    """

    __slots__ = (
        "_bound", "_held", "_predecessor", "asked", "guard", "leaves", "left", "mailbox", "nth", "number", "put", "ref",
        "requests", "standing", "state", "trusted", "wake",
    )  # fmt: skip

    def __init__(self, number: int = 0, bound: int = HELD) -> None:
        self.number = number
        self.state = table.MembershipState.ASKING
        self.nth = self.requests = self.ref = self.leaves = self.left = 0
        self.trusted = False
        self.asked, self.guard = NOTHING, UNKNOWN  # what the Subscribe said that let it in; who may write there
        self.mailbox: Any = None  # the target's, while it is in
        self.put: Callable[[Any], None] = self._hold
        self.wake: Waking | None = None
        self._bound = bound
        self._held: list[Any] = []  # not a deque, which takes 0.7 KiB even when nothing waits
        self._predecessor: Predecessor | None = None
        self.standing = Standing()

    @property
    def is_in(self) -> bool:
        """Whether what is sent goes straight to the target."""
        return self.mailbox is not None

    @property
    def replaces(self) -> Subscriber | None:
        """The older connection of its session that is in the target for it, None if none is."""
        return None if self._predecessor is None else self._predecessor.subscriber

    def is_new(self, leaves: int) -> bool:
        """Whether a request from when the client had left ``leaves`` times lets it come in anew: it has to be greeted.

        Who resumes has been greeted, unless it goes out before it comes in by this request.
        """
        return not self.is_in and (self._predecessor is None or self.left < leaves)

    def step(self, event: table.MembershipEvent) -> MembershipEffects:
        """Take one event, and return what is to be done, in this order.

        Raises: Illegal for an event that cannot happen; Busy for an Unsubscribe when too much is held, and for a `Wait`
        when too many wait. Then nothing has changed.
        """
        then = table.NEXT[self.state].get(type(event))
        if then is None:
            raise table.Illegal(f"{type(event).__name__} cannot happen to a membership that is {self.state.name}")
        effects = self._do(event)
        if type(event) is Grant and not self.is_in:
            then = table.WHEN_A_LEAVE_WAS_HELD[then]
        if not self.requests and then in table.WHEN_NOTHING_IS_ASKED:
            if then is table.MembershipState.ASKING:
                effects += self._give_up()
            then = table.WHEN_NOTHING_IS_ASKED[then]
        self.state = then
        if then is table.MembershipState.UNNAMED and self._held:
            effects.append(Wake())
        if then is table.MembershipState.ENDED:
            self.wake = None
            self.put, self._held = _ended, []  # its own method would be a circle, which only a full collection frees
        return effects

    def put_anyway(self, message: Any) -> None:
        """Do as `put`, even over the bound: for what is bounded elsewhere."""
        if self.is_in:
            self.mailbox.put_anyway(message)
        else:
            self._hold_anyway(message)

    def heir(self, older: Subscriber, number: int, bound: int, wake: Waking) -> Membership | None:
        """Return the membership in which the connection after ``older`` resumes this one; None if nobody is in."""
        inside = Predecessor(older, self.mailbox) if self.is_in else self._predecessor
        if inside is None:
            return None
        heir = Membership(number, bound)
        heir.state, heir.wake = table.MembershipState.UNNAMED, wake
        heir._predecessor = inside
        heir.trusted, heir.asked = self.trusted, self.asked
        return heir

    def held_bytes(self, each: int) -> int:
        """Return the bytes of what is held: ``each`` for a message, and its payload."""
        return sum(each + len(getattr(message, "payload", b"")) for message in self._held)

    def _do(self, event: table.MembershipEvent) -> MembershipEffects:
        match event:
            case table.Ask(trusted):
                self.nth += 1
                self.requests += 1
                self.trusted = self.trusted or trusted
                self.wake = None
            case table.Trust():
                self.trusted = True
            case table.Greet():
                self.standing.greet()
            case table.Wait(verdict):
                return [] if self.standing.wait(verdict) else [Decide(verdict)]
            case table.Greeted():
                return [Decide(verdict) for verdict in self.standing.greeted()]
            case table.Bar(leave, nth):
                self.standing.bar(nth, leave.why)
                return self._let_go(leave) if self.is_in else []
            case Grant():
                self.requests -= 1
                return self._let_in(event)
            case table.Dismiss():
                self.requests -= 1
            case table.Refuse(leave):
                self.requests -= 1
                return self._let_go(leave) if self.is_in else []
            case table.Unsubscribe(leave) if not self.is_in:
                # One for each request, even over the bound: who has left must not be kept.
                if self.leaves - self.left >= self.requests:
                    self._check_room()
                self._held.append(leave)
                self.leaves += 1
            case table.PutOut(leave) if not self.is_in:
                self._held.append(leave)
            case table.Close() if not self.is_in:
                return self._take_out_predecessor()
            case table.Unsubscribe(leave) | table.PutOut(leave) | table.Close(leave):
                return self._let_go(leave)
            case table.End():
                self._forget()
            case table.Supersede():
                return [Release(message.ref) for message in self._held if isinstance(message, Post)]
        return []

    def _let_in(self, grant: Grant) -> MembershipEffects:
        effects: MembershipEffects = []
        mailbox, join = grant.mailbox, grant.join
        if join is not None:
            while self.left < grant.leaves:
                # It left since, and asked again, and this is the answer to the latter: nobody was greeted before that.
                replaces = self.replaces
                self._predecessor = None
                if replaces is not None or not isinstance(self._held[0], Leave):
                    effects.append(Forward(mailbox, Join(join.session, None, None, (), None, replaces)))
                effects += self._play_back(mailbox, greeted=replaces is not None)
            if self._predecessor is not None:
                join = join._replace(replaces=self._predecessor.subscriber)
            effects.append(Forward(mailbox, join))
            self.ref = join.ref or 0
        self._predecessor = None
        self.trusted, self.asked = self.trusted or grant.trusted, grant.asked
        self.guard = grant.guard
        return effects + self._play_back(mailbox)

    def _play_back(self, mailbox: Any, greeted: bool = True) -> MembershipEffects:
        """Be in, and send what was held; up to a Leave, which takes it out again."""
        self.mailbox, self.put = mailbox, mailbox.put
        effects: MembershipEffects = []
        for at, message in enumerate(self._held):
            if isinstance(message, Leave):
                effects.append(Forward(mailbox, self._named(message)._replace(greeted=greeted)))
                self.left += message.ref is not None
                self.mailbox, self.put, self.trusted, self.guard = None, self._hold, False, UNKNOWN
                self._held = self._held[at + 1 :]
                return effects
            effects.append(Forward(mailbox, message))
        self._held = []
        return effects

    def _let_go(self, leave: Leave) -> MembershipEffects:
        send = Forward(self.mailbox, self._named(leave))
        self._forget()
        return [send]

    def _forget(self) -> None:
        """Be in no more, or have nothing to resume any more."""
        if self.is_in:
            self.mailbox, self.put, self.trusted, self.guard = None, self._hold, False, UNKNOWN
        self._predecessor = None

    def _give_up(self) -> MembershipEffects:
        """Have what was held answered: nothing is asked any more that could let it in."""
        return [*self._take_out_predecessor(), *(AnswerHeld(message) for message in self._held)]

    def _take_out_predecessor(self) -> MembershipEffects:
        inside = self._predecessor
        return [] if inside is None else [Forward(inside.mailbox, Leave(inside.subscriber, None, asked=self.asked))]

    def _hold(self, message: Any) -> None:
        self._check_room()
        self._hold_anyway(message)

    def _hold_anyway(self, message: Any) -> None:
        self._held.append(message)
        if self.wake is not None:
            self.wake(None)

    def _check_room(self) -> None:
        if len(self._held) >= self._bound:
            raise Busy(f"{self._bound} messages wait for the answer to their Subscribe")

    def _named(self, leave: Leave) -> Leave:
        """Let a Leave say what its session had asked for, and one of the server which Subscribe had let it in."""
        why = leave.why
        return leave._replace(asked=self.asked, why=None if why is None else why._replace(join=self.ref))
