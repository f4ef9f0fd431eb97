"""A session: one client as the server sees it, and the way of its messages to their targets.

Everything here runs on the server's hub and never waits, so no step can be cut in two by another greenlet.
"""

from __future__ import annotations

from typing import Any

from ..runtime.log_throttle import ThrottledLogger
from ..targets.faults import fault
from ..targets.messages import Leave
from ..words.errors import Busy, Refused, RemoteProtocolError
from .kinds import Call
from .membership_table import Unsubscribe
from .publishing import Publishing

logger = ThrottledLogger("nuphar.actors")


class Session(Publishing):
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
        if membership is None or self.kinds.is_own(target):
            self.say_done(ref, target)
            return
        try:
            self.step(target, Unsubscribe(Leave(self, ref)))
        except Busy as error:
            self.reject(ref, target, "busy", str(error))

    def call(self, ref: int, name: str, arguments: Any) -> None:
        """Have whoever takes calls of this name answer one; ``arguments`` are plain data."""
        kind = self.kinds.of(name)
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
