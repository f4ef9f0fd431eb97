"""The router: who is connected, who is subscribed; what kinds of targets there are is theirs (`sessions/kinds.py`).

It answers a Subscribe by putting a Join into the target's mailbox; from then on the session's messages go straight
there. Its state is that of the sessions and of the kinds, and its mailbox outlives it: a router that is restarted has
lost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..runtime.actor import Actor
from ..runtime.happenings import DENIED, KICKED, SUBSCRIBED, tell
from ..runtime.hooks import ServerHooks
from ..runtime.mailbox import Mailbox
from ..runtime.timer_every import TimerEvery
from ..sessions.kinds import Kinds, TargetKind
from ..sessions.membership_table import Bar, Close, Dismiss, Greet, Greeted, PutOut, Refuse, Wait
from ..sessions.messages import (
    Connect,
    Disconnect,
    DispatchTo,
    Evict,
    For,
    LetIn,
    Reconsider,
    Request,
    Sweep,
    Verdict,
)
from ..sessions.session import Session
from ..sessions.sessions import Sessions
from ..targets.messages import Leave, Repeat, Why
from ..targets.outs import refuse_outsider
from ..targets.subscriber import Subscriber
from ..words.close_codes import FORBIDDEN, UNAUTHORISED
from ..words.errors import Busy, Refused
from ..words.exit_reasons import Reason
from ..words.identity import user_of

SWEEP = 1.0
"""Seconds between two ticks of the kinds."""

UNDECIDED = frozenset({"malformed", "busy", "crashed"})
"""Codes that say nothing of a right, as nobody could decide: a client that is in stays in, unless it waits for Out."""


class RouterActor(Actor):
    def __init__(
        self,
        kinds: Kinds,
        sessions: Sessions,
        hooks: ServerHooks,
        clock: Callable[[], float],
        mailbox: Mailbox,
        **link: Any,
    ) -> None:
        super().__init__(mailbox=mailbox, **link)
        self._kinds = kinds
        self._sessions = sessions
        self._hooks = hooks
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
            case LetIn(client_id, target):
                if (session := self._sessions.get(client_id)) is not None:
                    self._consider(session.ask_trusted(target))
            case Evict(client_id, target):
                if (session := self._sessions.get(client_id)) is not None:
                    session.step(target, PutOut(Leave(session, None, Why("denied", "the server has put you out", 0))))
            case Reconsider(client_id):
                for session in self._named(client_id):
                    self._reconsider(session)
            case DispatchTo(client_id, target, dispatch):
                for session in self._named(client_id):
                    session.enter(target)
                    if (mailbox := self._locate(session, target)) is not None:
                        mailbox.put_anyway(dispatch)
            case Sweep():
                for kind in self._kinds.all():
                    kind.tick(self._clock())
            case For(target, inner):
                if (addressed := self._kinds.of(target)) is not None:
                    addressed.take(inner)
            case Connect(subscriber):
                self._hooks.spawn("connect", subscriber, partial(self._turn_away, subscriber))
            case Disconnect(client_id, subscriber):
                self._disconnect(client_id, subscriber)
            case Repeat(subscriber, ref, target):
                mailbox = self._locate(subscriber, target)
                if mailbox is not None:
                    mailbox.put_anyway(message)
                else:
                    subscriber.answer_again(ref, target, None)
            case _:
                return super().handle(message)
        return None

    def _consider(self, request: Request | None, hint: Any = None) -> None:
        session = None if request is None else self._sessions.of(request.session)
        if request is None or session is None:
            return
        kind = self._kinds.of(request.target)
        verdict: Verdict | None
        if session.is_over(request):
            verdict = Verdict(request)  # nobody has to be asked
        elif kind is None:
            verdict = Verdict(request, "not_found", f"there is no {request.target!r}")
        else:
            verdict = kind.judge(request, hint)
        if verdict is not None:
            self._decide(verdict)

    def _decide(self, verdict: Verdict) -> None:
        request = verdict.request
        session, target, ref = self._sessions.of(request.session), request.target, request.ref
        if session is None:
            newest = self._sessions.newest(request.session.client_id, request.session)
            self._part(verdict, is_gone=newest is not None and newest.closed)  # else it goes on with another connection
            return
        membership = session.memberships.get(target)
        if verdict.greeted and membership is not None and membership.number == request.number:
            session.step(target, Greeted())
        if session.is_over(request):
            if ref is not None:
                session.say_done(ref, target)
            if membership is not None and membership.number == request.number:
                session.step(target, Dismiss())
            return
        assert membership is not None
        bar = membership.standing.bar_of(request) if verdict.code is None else None
        if bar is not None:  # it was allowed before its right went
            self._part(verdict, is_gone=True)
            verdict = verdict._replace(code=bar.code, text=bar.text)
        if verdict.code is None:
            self._let_in(session, verdict)
            return
        tell(DENIED, session.client_id, target, user_of(session.identity), verdict.code)
        leave = Leave(session, None, Why(verdict.code, verdict.text, 0))
        if request.is_check:
            if not membership.trusted:  # the server may have put it in meanwhile
                session.step(target, Bar(leave, request.nth))
            session.step(target, Dismiss())
        elif not membership.is_in:
            session.step(target, Refuse(leave))
            refuse_outsider(session, ref, target, verdict.code, verdict.text, verdict.details)
        else:
            if ref is not None:
                session.reject(ref, target, verdict.code, verdict.text, verdict.details)
            is_out = bar is None and (ref is None or verdict.code not in UNDECIDED)
            session.step(target, Refuse(leave) if is_out else Dismiss())

    def _let_in(self, session: Session, verdict: Verdict) -> None:
        request = verdict.request
        kind = self._kinds.of(request.target)
        if request.is_check or kind is None:
            session.step(request.target, Dismiss())
            return
        if not verdict.greeted and session.memberships[request.target].is_new(request.leaves):
            greeted = self._greet(session, kind, verdict)
            if greeted is None or greeted.code is not None:
                if greeted is not None:
                    self._decide(greeted)
                return
            verdict = greeted
        grant = kind.open(verdict)
        if grant is not None:
            session.step(request.target, grant._replace(asked=request.asked))
            tell(SUBSCRIBED, session.client_id, request.target, user_of(session.identity))
            return
        # It stopped while the hooks were asked: it is not there any more, or begins anew.
        self._consider(request, verdict.hint)

    def _greet(self, session: Session, kind: TargetKind, verdict: Verdict) -> Verdict | None:
        """Have a session greeted before it comes in; None if that takes time, and a Verdict comes.

        Only one of its requests has that done: the others wait, and are decided anew.
        """
        target = verdict.request.target
        try:
            if session.memberships[target].standing.is_greeted:
                session.step(target, Wait(verdict))
                return None
        except Busy as error:
            return verdict._replace(code="busy", text=str(error))
        greeted = kind.greet(verdict)
        if greeted is None:
            session.step(target, Greet())
        return greeted

    def _part(self, verdict: Verdict, *, is_gone: bool) -> None:
        """Take back a greeting, if there was one, of a session that ``is_gone`` since or must not come in any more."""
        kind = self._kinds.of(verdict.request.target)
        if is_gone and verdict.greeted and verdict.code is None and kind is not None:
            kind.part(verdict)

    def _reconsider(self, session: Session) -> None:
        for kind in self._kinds.all():
            for target in list(kind.reconsider(session)):
                self._consider(session.check(target))

    def _disconnect(self, client_id: str, subscriber: Subscriber | None) -> None:
        session = self._sessions.newest(client_id, subscriber)
        if session is None or not self._sessions.remove(session):
            return
        for target in list(session.memberships):
            if not self._kinds.is_own(target):
                session.step(target, Close(Leave(session, None, Why("gone", "it is over", 0))))
        session.memberships.clear()
        for kind in self._kinds.all():
            kind.close(session)
        self._hooks.spawn("disconnect", session)

    def _turn_away(self, subscriber: Subscriber, error: Refused) -> None:
        """End a session to which a hook has said no: its client hears that, and does not come back."""
        session = self._sessions.newest(subscriber.client_id, subscriber)
        if session is not None and not session.closed:
            session.say_rejected(0, None, error.code, error.text, error.details)
            code = UNAUTHORISED if error.code == "unauthorised" else FORBIDDEN
            session.hang_up(code, error.text)
            tell(KICKED, session.client_id, user_of(session.identity), code)
            self._sessions.disconnect(session)

    def _named(self, client_id: str | None) -> list[Session]:
        """Return the session of a client, or all of them."""
        if client_id is None:
            return self._sessions.all()
        session = self._sessions.get(client_id)
        return [] if session is None else [session]

    def _locate(self, subscriber: Subscriber, target: str) -> Mailbox | None:
        kind = self._kinds.of(target)
        return None if kind is None else kind.locate(subscriber, target)
