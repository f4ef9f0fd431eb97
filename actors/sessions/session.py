"""A session: one client as the server sees it, and the way of its messages to their targets.

Everything here runs on the server's hub and never waits, so no step can be cut in two by another greenlet.
"""

from __future__ import annotations

from typing import Any

from ..runtime.log_throttle import ThrottledLogger
from ..targets.faults import fault
from ..targets.messages import Leave, new_post
from ..words.errors import Busy, Refused, RemoteProtocolError
from .asking import Asking
from .kinds import Call
from .membership_table import Unsubscribe

logger = ThrottledLogger("nuphar.actors")


class Session(Asking):
    """A session has one of these for each of its connections, one after the other.

    ``successor`` is the next; ``answers``, ``pace`` and ``meter`` (what it may send; None: all) are the same for all.
    ``closed`` says that this one counts no more.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Session {self.client_id}>"

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
            refused: Refused | None = None
            try:
                kind.hear(self, target, message)
            except Refused as error:
                refused = error
            self.in_hand = 0
            if self.successor is not None:
                return  # it went on with another connection meanwhile, on which the message comes again
            if refused is not None:
                self.reject(ref, target, refused.code, refused.text, refused.details)
                return
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
