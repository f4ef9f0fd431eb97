"""What becomes of a ref that comes again: it gets the answer of the first time, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..targets.messages import Leave, Repeat, Why
from ..targets.outs import refuse
from ..words.target_names import SESSION
from .answers import WINDOW, Applied, Fate, Place

if TYPE_CHECKING:
    from ..runtime.mailbox import Mailbox
    from .session import Membership, Session


class Repeats:
    """The repeated refs of one session.

    An answer goes through the target's mailbox, behind the Join and behind the message itself if that still waits
    there: so it never overtakes what the client missed. A ref waits there once, however often it is repeated, so at
    most a window of them does.
    """

    __slots__ = ("_router", "_session", "_waiting")

    def __init__(self, session: Session, router: Mailbox) -> None:
        self._session = session
        self._router = router
        self._waiting: set[int] = set()

    def take(self, fate: Fate, ref: int, target: str) -> None:
        """Answer a ref that is not new, or have it answered in its turn."""
        session, answers = self._session, self._session.answers
        if fate is Fate.FORGOTTEN:
            text = f"refs are remembered down to {answers.highest - WINDOW + 1}, got {ref}: it may have been applied"
            session.say_rejected(ref, target, "unknown_outcome", text)
        elif fate is Fate.BACKWARD:
            session.say_rejected(ref, target, "malformed", f"expected a ref above {answers.highest}, got {ref}")
        elif (first := answers.target_of(ref)) not in (target, None):
            session.say_rejected(ref, target, "malformed", f"ref {ref} was used for {first} before")
        elif ref not in self._waiting:
            membership = session.memberships.get(target)
            if membership is not None:
                self._waiting.add(ref)
                membership.put_anyway(Repeat(session, ref, target))
            elif answers.answer(ref) is None:
                # It left the target while the message waited there: the router knows whether there is a mailbox yet.
                self._waiting.add(ref)
                self._router.put_anyway(Repeat(session, ref, target))
            else:
                self.answer(ref, target, None)

    def answer(self, ref: int, target: str, place: Place | None) -> None:
        """Say what became of ``ref``; a seq only means something at the ``place`` where the target is now."""
        session = self._session
        self._waiting.discard(ref)
        answer = session.answers.answer(ref)
        if answer is None:
            # Whoever had the message has ended without an answer.
            session.reject(ref, target, "unknown_outcome", "its target ended before it answered")
        elif isinstance(answer, Applied):
            seq = answer.seq if answer.place == place else 0
            session.write(session.encoding.join([session.encoding.acknowledge(target, seq, [ref], False)]))
        else:
            session.say_rejected(ref, target, answer.code, answer.text, answer.details)


def named(message: Any, join: int) -> Any:
    """Let a Leave that was held while its session was joining name what has let it in."""
    if isinstance(message, Leave) and message.why is not None:
        return message._replace(why=message.why._replace(join=join))
    return message


def turn_away(session: Session, ref: int | None, target: str, text: str) -> None:
    """Refuse what there is no room to consider; who is in is out, as after any refusal.

    Unless something else that it asked for is under way: that brings it up to date, or puts it out.
    """
    membership = session.memberships.get(target)
    if membership is None or (target == SESSION and not membership.requests):
        refuse(session, ref, target, "busy", text)  # nobody leaves its own store: it only asks again
        return
    if ref is not None:
        session.reject(ref, target, "busy", text)
    if membership.admitted and not membership.requests:
        del session.memberships[target]
        membership.put_anyway(Leave(session, None, Why("busy", text, membership.ref)))


def answer_held(session: Session, target: str, membership: Membership) -> None:
    """Answer what was sent on the strength of a Subscribe that was refused."""
    for message in membership.take_held():
        if isinstance(message, Leave):
            if message.ref is not None:
                session.unsubscribe(message.ref, target)
        elif isinstance(message, Repeat):
            session.repeats.answer(message.ref, target, None)
        else:
            session.reject(message.ref, target, "not_subscribed", f"you are not subscribed to {target}")
