"""Topics as a kind of targets: who may subscribe is asked of hooks, and a topic of a kind begins when it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..runtime.hooks import ServerHooks
from ..runtime.mailbox import Mailbox
from ..sessions.asker import Asker
from ..sessions.kinds import TargetKind
from ..sessions.membership_table import Grant
from ..sessions.messages import Request, Verdict
from ..targets.messages import Join
from ..targets.subscriber import Subscriber
from ..words.delivery import wish
from ..words.errors import Busy, Refused
from ..words.guard import OPEN, Guard
from ..words.member import NOTHING, Member, member_of
from ..words.target_names import TOPIC
from .admission import Admission, Question
from .deserted import Deserted, Ended
from .topic import Topic
from .topics import Directory


class Topics(TargetKind):
    """``session_model(session)`` is what hooks are told of a session: the model of its own store."""

    def __init__(
        self,
        directory: Directory,
        admission: Admission,
        deserted: Deserted,
        hooks: ServerHooks,
        session_model: Callable[[Subscriber], Any],
    ) -> None:
        self._directory = directory
        self._admission = admission
        self._deserted = deserted
        self._hooks = hooks
        self._session_model = session_model

    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        topic = self._find(request.target)
        if request.is_check and topic is None:
            return Verdict(request)  # it has ended since, and with it whoever was in
        try:
            wish(request.params)  # nonsense is refused before any hook is asked
            return self._judge(request, topic, hint)
        except Refused as error:
            return Verdict(request, error.code, error.text, error.details)
        except Busy as error:
            return Verdict(request, "busy", str(error))

    def greet(self, verdict: Verdict) -> Verdict | None:
        topic = self._find(verdict.request.target)
        if topic is None:
            return verdict  # there is nothing to open, either
        try:
            if topic.hooks.on_join:
                self._admission.greet(verdict, topic)
                return None
            if topic.hooks.on_leave and self._admission.is_full:
                raise Busy("too many calls of hooks wait already")
        except Busy as error:
            return verdict._replace(code="busy", text=str(error))
        return verdict

    def part(self, verdict: Verdict) -> None:
        topic = self._find(verdict.request.target)
        if topic is not None:
            self._admission.say_goodbye(verdict.request.session, topic, verdict.request.asked)

    def open(self, verdict: Verdict) -> Grant | None:
        request = verdict.request
        topic = self._find(request.target)
        if topic is None:
            return None
        join = Join(request.session, request.ref, request.since, verdict.caused, wish(request.params))
        return Grant(topic.mailbox, join, request.leaves, request.trusted, guard=topic.guard)

    def locate(self, session: Subscriber, target: str) -> Mailbox | None:
        topic = self._find(target)
        return None if topic is None else topic.mailbox

    def reconsider(self, session: Asker) -> Iterable[str]:
        for target in session.memberships:
            topic = self._find(target)
            if topic is not None and topic.hooks.can_subscribe:
                yield target

    def hear(self, session: Asker, target: str, message: Any) -> None:
        topic = self._find(target)
        member = _maker(session, target, None if topic is None else topic.key)
        self._hooks.run("topic_message", message, target[len(TOPIC) :], session.client_id, member, may_refuse=True)

    def admit(self, session: Asker, target: str, message: Any) -> None:
        topic, guard = self._find(target), self._guard(target)
        if guard is OPEN:  # it is not there, and one that comes may have rules
            raise Refused("not_subscribed", f"there is no {target} to write to")
        if guard.is_read_only:
            raise Refused("denied", f"only the server writes to {target[len(TOPIC) :]!r}")
        if guard.rules:
            # One that is still to be begun has no key yet, and whoever asks for it may write already.
            key = self._admission.parse(target[len(TOPIC) :]) if topic is None else topic.key
            self._admission.ask_to_publish(guard.rules, message, target[len(TOPIC) :], _maker(session, target, key))

    def reserved(self, session: Asker, target: str) -> tuple[type, ...]:
        return self._guard(target).reserved

    def take(self, message: Ended) -> None:
        self._deserted.settle(message)

    def tick(self, now: float) -> None:
        self._deserted.tick(now)

    def _judge(self, request: Request, topic: Topic | None, hint: Any) -> Verdict | None:
        """Raises: Refused, Busy."""
        directory, admission, session = self._directory, self._admission, request.session
        topic_id = request.target[len(TOPIC) :]
        hooks = directory.kind_of(topic_id).hooks if topic is None else topic.hooks
        if topic is None:
            directory.check_room(None if request.trusted else session.client_id)
        if topic is None or (hooks.can_subscribe and not request.trusted):
            admission.ask(Question(request, topic_id, topic, self._session_model(session), hint))
            return None
        return Verdict(request)

    def _guard(self, target: str) -> Guard:
        topic = self._find(target)
        if topic is not None:
            return topic.guard
        try:
            return self._directory.kind_of(target[len(TOPIC) :]).guard
        except Refused:  # there is none: nobody can be in, and nobody is let in
            return OPEN

    def _find(self, target: str) -> Topic | None:
        return self._directory.topics.get(target[len(TOPIC) :]) if target.startswith(TOPIC) else None


def _maker(session: Asker, target: str, key: Any) -> Callable[[], Member]:
    """Return what makes the member that ``session`` is in a topic, for hooks that want to know."""
    membership = session.memberships.get(target)
    asked = NOTHING if membership is None else membership.asked
    return partial(member_of, session, target[len(TOPIC) :], key, asked)
