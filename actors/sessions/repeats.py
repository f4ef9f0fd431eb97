"""What becomes of a ref that comes again: it gets the answer of the first time, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..targets.messages import Repeat
from .answers import WINDOW, Applied, Fate, Place

if TYPE_CHECKING:
    from ..runtime.mailbox import Mailbox
    from .session import Session


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
