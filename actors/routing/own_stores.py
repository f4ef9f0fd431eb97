"""Every session's own store: target ``session``, begun with the session's first message to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..runtime.host import GEVENT, Host
from ..runtime.mailbox import Mailbox
from ..runtime.ref import Stop
from ..sessions.kinds import TargetKind
from ..sessions.membership_table import Grant
from ..sessions.messages import Request, Verdict
from ..targets.carrying import Allowance
from ..targets.log import Log
from ..targets.messages import Join
from ..targets.order import Order
from ..targets.subscriber import Subscriber
from ..targets.target import Target
from ..words.exit_reasons import SHUTDOWN
from ..words.guard import OPEN
from ..words.ports import Codec
from ..words.store import Store
from ..words.target_names import SESSION


class OwnStore(NamedTuple):
    """One session's target and its mailbox."""

    session: Subscriber
    target: Target
    mailbox: Mailbox


class OwnStores(TargetKind):
    """The running ones, by client id. ``start`` has the actor of one started, without waiting for it."""

    is_own = True

    def __init__(
        self,
        codec: Codec,
        log: Log,
        store: Callable[[], Store],
        start: Callable[[OwnStore], None],
        host: Host = GEVENT,
        allowance: Allowance | None = None,
    ) -> None:
        self._host = host
        self._allowance = allowance
        self._codec = codec
        self._log = log
        self._store = store
        self._start = start
        self._running: dict[str, OwnStore] = {}

    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        return Verdict(request)

    def open(self, verdict: Verdict) -> Grant | None:
        request = verdict.request
        mailbox = self.begin(request.session)
        replaces = self.hand_over(request.session)
        if request.trusted and replaces is None:
            return Grant(mailbox, None, guard=OPEN)  # it was in from the beginning
        return Grant(mailbox, Join(request.session, request.ref, request.since, (), replaces=replaces), guard=OPEN)

    def locate(self, session: Subscriber, target: str) -> Mailbox | None:
        if session.closed and session.client_id not in self._running:
            return None  # it would never end
        return self.begin(session)

    def begin(self, session: Subscriber) -> Mailbox:
        """Return the mailbox of the session's store, started if it was not."""
        own = self._running.get(session.client_id)
        if own is None:
            target = Target(SESSION, self._codec, self._order(session), self._allowance, self._host.wall)
            target.attach(session)
            own = self._running[session.client_id] = OwnStore(session, target, Mailbox(naps=True, host=self._host))
            self._start(own)
        return own.mailbox

    def hand_over(self, session: Subscriber) -> Subscriber | None:
        """Make the open store that of ``session``, and return the predecessor that it was the store of, if any."""
        own = self._running[session.client_id]
        if own.session is session:
            return None
        self._running[session.client_id] = own._replace(session=session)
        return own.session

    def model(self, session: Subscriber) -> Any:
        """Return the session's model: what it started with, while it has sent nothing."""
        own = self._running.get(session.client_id)
        if own is None or own.target.order is None:
            return self._store().model
        return own.target.order.position.model

    def size(self, session: Subscriber) -> int:
        """Return the bytes that the session's store holds: its model as it is on the wire, and its history."""
        own = self._running.get(session.client_id)
        if own is None or own.target.order is None:
            return 0
        try:
            model = len(self._codec.encode_model(own.target.order.position.model))
        except Exception:  # one that cannot be written: whoever wants to see it hears of that
            model = 0
        return model + own.target.order.history_bytes

    def close(self, session: Subscriber) -> None:
        """End the session's store."""
        own = self._running.pop(session.client_id, None)
        if own is not None:
            own.mailbox.put_anyway(Stop(SHUTDOWN))
            self._log.forget(self._name(session))

    def running(self) -> list[OwnStore]:
        """Return the running ones."""
        return list(self._running.values())

    def _order(self, session: Subscriber) -> Order:
        return self._log.open(self._name(session), self._store())

    @staticmethod
    def _name(session: Subscriber) -> str:
        return f"{SESSION}:{session.client_id}"
