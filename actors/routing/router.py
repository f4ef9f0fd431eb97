"""The router: who is connected, who is subscribed, which topics there are, who may.

It answers a Subscribe by putting a Join into the topic's mailbox; from then on the session's messages go straight
there. Its state is the `Directory`, and its mailbox outlives it: a router that is restarted has lost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime.actor import Actor
from ..runtime.hooks import ServerHooks
from ..runtime.mailbox import Mailbox
from ..runtime.timer_every import Reminder
from ..sessions.repeats import answer_held
from ..sessions.session import Membership, Session
from ..sessions.sessions import Sessions
from ..targets.messages import Admit, Connect, Disconnect, DispatchTo, Evict, Join, Leave, Repeat, Request, Verdict, Why
from ..targets.outs import refuse
from ..words.delivery import wish
from ..words.errors import Busy, Refused
from ..words.exit_reasons import Reason
from ..words.target_names import SESSION, TOPIC, topic_target
from .admission import Greeter
from .deserted import SWEEP, Deserted, Ended, Sweep
from .own_stores import OwnStores
from .topics import Directory, Topic

UNDECIDED = frozenset({"malformed", "busy", "crashed"})
"""Codes that say nothing of a right, as nobody could decide: a client that is in stays in, unless it waits for Out."""


class RouterActor(Actor):
    def __init__(
        self,
        directory: Directory,
        sessions: Sessions,
        own_stores: OwnStores,
        greeter: Greeter,
        hooks: ServerHooks,
        deserted: Deserted,
        clock: Callable[[], float],
        mailbox: Mailbox,
        **link: Any,
    ) -> None:
        super().__init__(mailbox=mailbox, **link)
        self._directory = directory
        self._sessions = sessions
        self._own_stores = own_stores
        self._greeter = greeter
        self._hooks = hooks
        self._deserted = deserted
        self._clock = clock

    def init(self) -> None:
        self._reminder = Reminder(self, SWEEP, Sweep())

    def terminate(self, reason: Reason) -> None:
        self._reminder.stop()

    def handle(self, message: Any) -> Any:
        match message:
            case Request():
                self._consider(message)
            case Verdict():
                self._decide(message)
            case Admit(client_id, topic_id):
                if (session := self._sessions.get(client_id)) is not None:
                    self._admit_trusted(session, topic_id)
            case Evict(client_id, topic_id):
                if (session := self._sessions.get(client_id)) is not None:
                    self._evict(session, topic_target(topic_id), "denied", "the server has put you out")
            case DispatchTo(client_id, dispatch):
                for session in self._sessions.all() if client_id is None else [self._sessions.get(client_id)]:
                    if session is not None:
                        session.subscribe_to_self()
                        self._own_stores.open(session).put_anyway(dispatch)
            case Sweep():
                self._deserted.tick(self._clock())
            case Ended():
                self._deserted.settle(message)
            case Connect(client_id):
                self._hooks.spawn("connect", client_id)
            case Disconnect(client_id, session):
                self._disconnect(client_id, session)
            case Repeat(session, ref, target):
                topic = self._directory.topics.get(target[len(TOPIC) :]) if target.startswith(TOPIC) else None
                if topic is not None:
                    topic.mailbox.put_anyway(message)
                else:
                    session.repeats.answer(ref, target, None)
            case _:
                return super().handle(message)
        return None

    def _consider(self, request: Request) -> None:
        session, target = request.session, request.target
        if session.closed:
            return
        if request.is_over:
            self._decide(Verdict(request, None, "", None, ()))  # nobody has to be asked
            return
        if target == SESSION:
            self._open_own_store(request)
            return
        if not target.startswith(TOPIC):
            self._decide(Verdict(request, "not_found", f"there is no {target!r}", None, ()))
            return
        topic_id = target[len(TOPIC) :]
        topic = self._directory.topics.get(topic_id)
        try:
            wish(request.params)  # nonsense is refused before any hook is asked
            hooks = self._directory.kind_of(topic_id).hooks if topic is None else topic.hooks
            if topic is None:
                self._directory.check_room(None if request.trusted else session.client_id)
        except Refused as error:
            self._decide(Verdict(request, error.code, error.text, error.details, ()))
            return
        membership = session.memberships.get(target)
        is_new = membership is not None and not membership.admitted and not membership.welcomed
        asks = (hooks.can_subscribe is not None and not request.trusted) or (hooks.on_join is not None and is_new)
        try:
            if topic is None or asks:
                model = self._own_stores.model(session)
                self._greeter.ask(request, topic_id, None if topic is None else hooks, model, is_new)
                if membership is not None:
                    membership.welcomed = True
                return
            if hooks.on_leave is not None and is_new and self._greeter.is_full:
                raise Busy("too many calls of hooks wait already")
        except Busy as error:
            self._decide(Verdict(request, "busy", str(error), None, ()))
            return
        self._decide(Verdict(request, None, "", None, ()))

    def _decide(self, verdict: Verdict) -> None:
        request = verdict.request
        session, target = request.session, request.target
        membership = session.memberships.get(target)
        topic = self._directory.topics.get(target[len(TOPIC) :]) if target.startswith(TOPIC) else None
        if topic is None and verdict.code is None and not request.is_over and not session.closed:
            # It stopped while the hooks were asked: it is not there any more, or begins anew.
            if membership is not None and not membership.admitted:
                membership.welcomed = False
            self._consider(request)
            return
        if membership is not None and request.membership is membership:
            membership.requests -= 1
        if session.closed:
            return
        if request.is_over:
            if request.ref is not None:
                session.say_done(request.ref, target)
            if membership is not None and not membership.admitted:
                self._refuse_held(session, target, membership)
            return
        if verdict.code is None:
            assert topic is not None
            self._admit(verdict, topic)
            return
        if membership is None or not membership.admitted:
            if membership is not None:
                self._refuse_held(session, target, membership)
            refuse(session, request.ref, target, verdict.code, verdict.text, verdict.details)
            return
        if request.ref is not None:
            session.reject(request.ref, target, verdict.code, verdict.text, verdict.details)
        if request.ref is None or verdict.code not in UNDECIDED:
            self._evict(session, target, verdict.code, verdict.text)

    def _admit(self, verdict: Verdict, topic: Topic) -> None:
        request = verdict.request
        session, target = request.session, request.target
        membership = session.memberships.setdefault(target, Membership())
        replaces, membership.replaces = membership.replaces, None
        wished = wish(request.params)
        if request.membership is membership and membership.left < request.leaves:
            # It left since, and asked again, and this is the answer to the latter.
            topic.mailbox.put_anyway(Join(session, None, None, (), None, replaces))
            replaces = None
            while membership.left < request.leaves:
                membership.admit(topic.mailbox)
        topic.mailbox.put_anyway(Join(session, request.ref, request.since, verdict.caused, wished, replaces))
        membership.ref = request.ref or 0
        membership.admit(topic.mailbox)
        if not membership.admitted and not membership.requests:
            # It left again while it was joining.
            self._refuse_held(session, target, membership)

    def _refuse_held(self, session: Session, target: str, membership: Membership) -> None:
        """Take back a membership that was refused, and what was sent on the strength of it."""
        if membership.requests:
            return  # another Subscribe is still being considered
        session.memberships.pop(target, None)
        self._take_out(target, membership.replaces)
        answer_held(session, target, membership)

    def _admit_trusted(self, session: Session, topic_id: str) -> None:
        target = topic_target(topic_id)
        membership = session.memberships.setdefault(target, Membership())
        membership.trusted = True
        if membership.wake is not None:
            return  # it is in already, and is brought up to date when its client names it
        membership.requests += 1
        self._consider(Request(session, None, target, None, None, trusted=True, membership=membership))

    def _evict(self, session: Session, target: str, code: str = "gone", text: str = "it is over") -> None:
        membership = session.memberships.get(target)
        if membership is None:
            return
        if membership.requests and not membership.admitted:
            # Still joining: it leaves in its turn, and what it sent meanwhile is answered.
            membership.hold_anyway(Leave(session, None, Why(code, text, 0)))
            return
        del session.memberships[target]
        if membership.admitted:
            self._take_out(target, session, Why(code, text, membership.ref))

    def _take_out(self, target: str, session: Session | None, why: Why | None = None) -> None:
        topic = self._directory.topics.get(target[len(TOPIC) :])
        if topic is not None and session is not None:
            topic.mailbox.put_anyway(Leave(session, None, why))

    def _open_own_store(self, request: Request) -> None:
        session = request.session
        membership = session.memberships.setdefault(SESSION, Membership())
        if request.membership is membership:
            membership.requests -= 1
        membership.replaces = None
        mailbox = self._own_stores.open(session)
        replaces = self._own_stores.hand_over(session)
        if not request.trusted or replaces is not None:
            mailbox.put_anyway(Join(session, request.ref, request.since, (), replaces=replaces))
        membership.admit(mailbox)

    def _disconnect(self, client_id: str, session: Session | None) -> None:
        known = session or self._sessions.get(client_id)
        while known is not None and known.successor is not None:
            known = known.successor  # it came back in the meantime, and is meant all the same
        if known is None or not self._sessions.remove(known):
            return
        for target, membership in list(known.memberships.items()):
            if target != SESSION:
                self._take_out(target, membership.replaces)
                self._evict(known, target)
        known.memberships.clear()
        self._own_stores.close(known)
        self._hooks.spawn("disconnect", client_id)
