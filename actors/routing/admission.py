"""The hooks of joining and leaving, each call in its own greenlet: a slow one delays its own client alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..runtime.hook_calls import HookCalls
from ..runtime.hooks import Hook, HookFailed, allows, call, logger, new_trace_id
from ..sessions.messages import Request, Verdict
from ..targets.messages import Dispatch
from ..targets.subscriber import Subscriber
from ..words.errors import Refused
from ..words.member import Asked, Member, member_of
from ..words.ports import Codec
from .openings import Openings
from .topic import Kind, Topic


class Question(NamedTuple):
    """May the session subscribe?

    ``topic`` None means that it does not run: it is begun if the client may subscribe. ``parsed`` are its kind and key
    then, if they are known from a Verdict on the same request.
    """

    request: Request
    topic_id: str
    topic: Topic | None
    session_model: Any
    parsed: tuple[Kind, Any] | None = None


def drop(dispatch: Dispatch) -> None:
    """Let nobody have what the leave hook returned: the join hook's was not dispatched, either."""


class Admission:
    """Asks an application's hooks about one topic's clients, so many at once (`HookCalls`).

    ``answer`` takes the `Verdict` of a request: the router's mailbox, which outlives the router.
    """

    def __init__(
        self, codec: Codec, calls: HookCalls, openings: Openings, timeout: float, answer: Callable[[Verdict], None]
    ) -> None:
        self._codec = codec
        self._calls = calls
        self._openings = openings
        self._timeout = timeout
        self._answer = answer

    @property
    def is_full(self) -> bool:
        """Do as many calls of hooks wait as may?"""
        return self._calls.is_full

    def ask(self, question: Question) -> None:
        """Have a question answered by a Verdict. Its hint is what the id was parsed as, once for each request.

        Raises: Busy if too many calls of hooks wait already; never for a check, as nobody is put out for want of room.
        """
        spawn = self._calls.spawn_anyway if question.request.is_check else self._calls.spawn
        spawn(question.request.session.client_id, self._ask, question)

    def greet(self, verdict: Verdict, topic: Topic) -> None:
        """Call the join hooks for whoever a Verdict lets in, and have that answered by the same Verdict, ``greeted``.

        Raises: Busy if too many calls of hooks wait already.
        """
        self._calls.spawn(verdict.request.session.client_id, self._greet, verdict, topic)

    def say_goodbye(
        self, session: Subscriber, topic: Topic, asked: Asked, dispatch: Callable[[Dispatch], None] = drop
    ) -> None:
        """Call the leave hooks; ``dispatch`` takes each message that they return."""
        if topic.hooks.on_leave:
            self._calls.spawn_anyway(session.client_id, self._say_goodbye, session, topic, asked, dispatch)

    def parse(self, topic_id: str) -> Any:
        """Return the key of an id. It may wait. Raises: Refused ``not_found``."""
        return self._openings.parse(topic_id)[1]

    def ask_to_publish(self, rules: Sequence[Hook], message: Any, topic_id: str, member: Callable[[], Member]) -> None:
        """Ask whether a message may be written, in the caller's greenlet, which waits if a rule does.

        Raises: Refused, if one does not answer True: ``denied``, its own code, ``crashed``.
        """
        for rule in rules:
            try:
                if not self._call("may_publish", lambda rule=rule: allows("may_publish", rule(message, member))):
                    raise Refused("denied", f"you may not write this to {topic_id!r}")
            except HookFailed as error:
                text = f"nobody could say whether you may write this; trace id {error.trace_id}"
                raise Refused("crashed", text, {"trace_id": error.trace_id}) from error

    def _ask(self, question: Question) -> None:
        verdict, topic_id = Verdict(question.request, hint=question.parsed), question.topic_id
        try:
            if not question.request.session.closed:  # else it is gone since it asked; nobody is asked for nobody
                if question.topic is None and verdict.hint is None:
                    verdict = verdict._replace(hint=self._openings.parse(topic_id))
                self._consider(question._replace(parsed=verdict.hint))
        except BaseException as error:
            verdict = self._refusal(verdict, topic_id, error)
        self._answer(verdict)

    def _greet(self, verdict: Verdict, topic: Topic) -> None:
        session, asked = verdict.request.session, verdict.request.asked
        try:
            if not session.closed:
                caused = self._dispatches("on_join", topic.hooks.on_join, session, topic, asked)
                verdict = verdict._replace(caused=tuple(caused), greeted=True)
        except BaseException as error:
            verdict = self._refusal(verdict, topic.id, error)._replace(greeted=True)
        self._answer(verdict)

    def _refusal(self, verdict: Verdict, topic_id: str, error: BaseException) -> Verdict:
        """Say what an error of the hooks is to the client. Whatever it is: a Subscribe is always answered."""
        if isinstance(error, Refused):
            return verdict._replace(code=error.code, text=error.text, details=error.details)
        if isinstance(error, HookFailed):
            trace_id = error.trace_id
        else:
            trace_id = new_trace_id(self._calls.host)
            logger.error("the hooks of %r ended with %r; trace id %s", topic_id, error, trace_id, exc_info=error)
        text = f"the subscription failed; trace id {trace_id}"
        return verdict._replace(code="crashed", text=text, details={"trace_id": trace_id})

    def _consider(self, question: Question) -> None:
        """Raises: Refused, HookFailed."""
        request, topic_id, topic, session_model, parsed = question
        session = request.session
        if topic is None:
            assert parsed is not None
            hooks, key = parsed[0].hooks, parsed[1]
        else:
            hooks, key = topic.hooks, topic.key
        if not request.trusted:
            member = partial(member_of, session, topic_id, key, request.asked)
            for hook in hooks.can_subscribe:
                if not self._call("can_subscribe", _judge, hook, session.client_id, topic_id, session_model, member):
                    raise Refused("denied", f"you may not subscribe to {topic_id!r}")
        if topic is None and parsed is not None:
            self._openings.begin(topic_id, *parsed, None if request.trusted else session.client_id)

    def _say_goodbye(
        self, session: Subscriber, topic: Topic, asked: Asked, dispatch: Callable[[Dispatch], None]
    ) -> None:
        for hook in topic.hooks.on_leave:
            try:
                caused = self._dispatches("on_leave", [hook], session, topic, asked)
            except (HookFailed, Refused):
                continue  # it is in the log, or says no to nobody; the client is gone already
            for message in caused:
                dispatch(message)

    def _dispatches(
        self, name: str, hooks: Sequence[Hook], session: Subscriber, topic: Topic, asked: Asked
    ) -> list[Dispatch]:
        """Raises: Refused, HookFailed, of the first hook that does; those behind it are not called."""
        member: Callable[[], Member] = partial(member_of, session, topic.id, topic.key, asked)

        def run(hook: Hook) -> list[Dispatch]:
            messages = hook(session.client_id, topic.id, member)
            if messages is None:
                return []
            if not isinstance(messages, list | tuple):
                raise TypeError(f"{name} must return a list of messages or None, got {messages!r}")
            return [Dispatch(message, self._codec.encode_message(message)) for message in messages]

        return [dispatch for hook in list(hooks) for dispatch in self._call(name, run, hook)]

    def _call(self, name: str, hook: Callable[..., Any], *arguments: Any) -> Any:
        return call(name, hook, *arguments, timeout=self._timeout, host=self._calls.host, may_refuse=True)


def _judge(hook: Hook, *arguments: Any) -> bool:
    return allows("can_subscribe", hook(*arguments))
