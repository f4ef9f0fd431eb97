"""What becomes of a ref that comes again: it gets the answer of the first time, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..targets.messages import Leave, Repeat, Why
from ..targets.outs import refuse_outsider
from ..targets.subscriber import Later, Place
from .answers import WINDOW, Applied, RefFate, Refusal
from .asker import Asker
from .membership_table import MembershipState, PutOut

if TYPE_CHECKING:
    from ..runtime.mailbox import Mailbox

ENDED = "its target ended before it answered"


class Repeats:
    """The repeated refs of one session.

    An answer goes through the target's mailbox, behind the Join and behind the message itself if that still waits
    there: so it never overtakes what the client missed. A ref waits there once, with how often it was repeated, so at
    most a window of them does.
    """

    __slots__ = ("_router", "_session", "_waiting")

    def __init__(self, session: Asker, router: Mailbox) -> None:
        self._session = session
        self._router = router
        self._waiting: dict[int, int] = {}
        """Refs that wait for their answer, and how often each was repeated."""

    def take(self, fate: RefFate, ref: int, target: str) -> None:
        """Answer a ref that is not new, or have it answered in its turn."""
        session, answers = self._session, self._session.answers
        if fate is RefFate.FORGOTTEN:
            text = f"refs are remembered down to {answers.highest - WINDOW + 1}, got {ref}: it may have been applied"
            session.say_rejected(ref, target, "unknown_outcome", text)
        elif fate is RefFate.BACKWARD:
            session.say_rejected(ref, target, "malformed", f"expected a ref above {answers.highest}, got {ref}")
        elif (first := answers.target_of(ref)) not in (target, None):
            session.say_rejected(ref, target, "malformed", f"ref {ref} was used for {first} before")
        elif ref in self._waiting:
            self._waiting[ref] += 1
        else:
            membership = session.memberships.get(target)
            if membership is not None:
                self._waiting[ref] = 1
                membership.put_anyway(Repeat(session, ref, target))
            elif answers.answer(ref) is None:
                # It left the target while the message waited there: the router knows whether there is a mailbox yet.
                self._waiting[ref] = 1
                self._router.put_anyway(Repeat(session, ref, target))
            else:
                self.answer(ref, target, None)

    def answer(self, ref: int, target: str, place: Place | None, later: Later | None = None) -> None:
        """Say what became of ``ref``, as often as it was repeated.

        A seq only means something at the ``place`` where the target is now. ``later(session, ref, seq)`` says whether
        the target answers itself, behind what it still owes.
        """
        session = self._session
        times = self._waiting.pop(ref, 1)
        answer = session.answers.answer(ref)
        if answer is None:
            # Whoever had the message has ended without an answer.
            session.answers.refuse(ref, answer := Refusal(target, "unknown_outcome", ENDED, None))
        for _ in range(times):
            if not isinstance(answer, Applied):
                session.say_rejected(ref, target, answer.code, answer.text, answer.details)
            elif answer.place != place:
                session.say_done(ref, target)
            elif later is None or not later(session, ref, answer.seq):
                session.write(session.encoding.join([session.encoding.acknowledge(target, answer.seq, [ref], False)]))

    def answer_held(self, target: str, message: Any) -> None:
        """Answer a message that was sent on the strength of a Subscribe that was refused."""
        session = self._session
        if isinstance(message, Leave):
            if message.ref is not None:
                session.say_done(message.ref, target)
        elif not isinstance(message, Repeat):
            session.reject(message.ref, target, "not_subscribed", f"you are not subscribed to {target}")
        elif session.answers.answer(message.ref) is None:
            self._router.put_anyway(message)  # the target may still have the message, from when it was in
        else:
            self.answer(message.ref, target, None)


def turn_away(session: Asker, ref: int | None, target: str, text: str, *, is_own: bool) -> None:
    """Refuse what there is no room to consider: a Subscribe changes nothing, who asks by a Resync hears Out.

    Unless something else that it asked for is under way: that brings it up to date, or puts it out.
    """
    membership = session.memberships.get(target)
    if ref is not None or membership is None or (is_own and membership.state is MembershipState.JOINED):
        refuse_outsider(session, ref, target, "busy", text)  # nobody leaves what is its own: it only asks again
    elif membership.state is MembershipState.JOINED:
        session.step(target, PutOut(Leave(session, None, Why("busy", text, 0))))
