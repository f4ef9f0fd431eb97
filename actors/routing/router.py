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
from ..runtime.timer_every import TimerEvery
from ..sessions.membership_table import Close, Dismiss, Grant, Greet, Lose, PutOut, Refuse
from ..sessions.messages import Admit, Connect, Disconnect, DispatchTo, Evict, Request, Verdict
from ..sessions.session import Session
from ..sessions.sessions import Sessions
from ..targets.messages import Join, Leave, Repeat, Why
from ..targets.outs import refuse_outsider
from ..targets.subscriber import Subscriber
from ..words.delivery import wish
from ..words.errors import Busy, Refused
from ..words.exit_reasons import Reason
from ..words.target_names import SESSION, TOPIC, topic_target
from .admission import Admission
from .deserted import SWEEP, Deserted, Ended, Sweep
from .own_stores import OwnStores
from .topics import Directory

UNDECIDED = frozenset({"malformed", "busy", "crashed"})
"""Codes that say nothing of a right, as nobody could decide: a client that is in stays in, unless it waits for Out."""


class RouterActor(Actor):
    def __init__(
        self,
        directory: Directory,
        sessions: Sessions,
        own_stores: OwnStores,
        admission: Admission,
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
        self._admission = admission
        self._hooks = hooks
        self._deserted = deserted
        self._clock = clock

    def init(self) -> None:
        self._timer = TimerEvery(self, SWEEP, Sweep())

    def terminate(self, reason: Reason) -> None:
        self._timer.stop()

    def handle(self, message: Any) -> Any:
        match message:
            case Request():
                self._consider(message)
            case Verdict():
                self._decide(message)
            case Admit(client_id, topic_id):
                if (session := self._sessions.get(client_id)) is not None:
                    request = session.ask_trusted(topic_target(topic_id))
                    if request is not None:
                        self._consider(request)
            case Evict(client_id, topic_id):
                if (session := self._sessions.get(client_id)) is not None:
                    leave = Leave(session, None, Why("denied", "the server has put you out", 0))
                    session.step(topic_target(topic_id), PutOut(leave))
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
                    session.answer_again(ref, target, None)
            case _:
                return super().handle(message)
        return None

    def _consider(self, request: Request) -> None:
        session, target = self._sessions.of(request.session), request.target
        if session is None:
            return
        if session.is_over(request):
            self._decide(Verdict(request, None, "", None, ()))  # nobody has to be asked
            return
        if target == SESSION:
            self._open_own_store(request, session)
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
        membership = session.memberships[target]
        is_new = not membership.is_in and not membership.welcomed
        asks = (hooks.can_subscribe is not None and not request.trusted) or (hooks.on_join is not None and is_new)
        try:
            if topic is None or asks:
                model = self._own_stores.model(session)
                self._admission.ask(request, topic_id, None if topic is None else hooks, model, is_new)
                session.step(target, Greet())
                return
            if hooks.on_leave is not None and is_new and self._admission.is_full:
                raise Busy("too many calls of hooks wait already")
        except Busy as error:
            self._decide(Verdict(request, "busy", str(error), None, ()))
            return
        self._decide(Verdict(request, None, "", None, ()))

    def _decide(self, verdict: Verdict) -> None:
        request = verdict.request
        session, target, ref = self._sessions.of(request.session), request.target, request.ref
        if session is None:
            return
        membership = session.memberships.get(target)
        if session.is_over(request):
            if ref is not None:
                session.say_done(ref, target)
            if membership is not None and membership.number == request.number:
                session.step(target, Dismiss())
            return
        assert membership is not None
        if verdict.code is None:
            topic = self._directory.topics.get(target[len(TOPIC) :])
            if topic is None:
                # It stopped while the hooks were asked: it is not there any more, or begins anew.
                session.step(target, Lose())
                self._consider(request)
                return
            join = Join(session, ref, request.since, verdict.caused, wish(request.params))
            session.step(target, Grant(topic.mailbox, join, request.leaves, request.trusted))
            return
        leave = Leave(session, None, Why(verdict.code, verdict.text, 0))
        if not membership.is_in:
            session.step(target, Refuse(leave))
            refuse_outsider(session, ref, target, verdict.code, verdict.text, verdict.details)
            return
        if ref is not None:
            session.reject(ref, target, verdict.code, verdict.text, verdict.details)
        session.step(target, Refuse(leave) if ref is None or verdict.code not in UNDECIDED else Dismiss())

    def _open_own_store(self, request: Request, session: Session) -> None:
        mailbox = self._own_stores.open(session)
        replaces = self._own_stores.hand_over(session)
        join = None
        if not request.trusted or replaces is not None:
            join = Join(session, request.ref, request.since, (), replaces=replaces)
        session.step(SESSION, Grant(mailbox, join))

    def _disconnect(self, client_id: str, session: Subscriber | None) -> None:
        known = self._sessions.newest(client_id, session)
        if known is None or not self._sessions.remove(known):
            return
        for target in list(known.memberships):
            if target != SESSION:
                known.step(target, Close(Leave(known, None, Why("gone", "it is over", 0))))
        known.memberships.clear()
        self._own_stores.close(known)
        self._hooks.spawn("disconnect", client_id)
