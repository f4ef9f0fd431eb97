"""The hooks of joining and leaving, each call in its own greenlet: a slow one delays its own client alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..runtime.hook_calls import HookCalls
from ..runtime.hooks import Hook, HookFailed, TopicHooks, call, logger, new_trace_id
from ..sessions.messages import Request, Verdict
from ..targets.messages import Dispatch
from ..words.errors import Refused
from ..words.ports import Codec
from .openings import Openings
from .topic import Kind


class Question(NamedTuple):
    """May the session subscribe?

    ``hooks`` None means that the topic does not run: it is begun if the client may subscribe. ``parsed`` are its kind
    and key, if they are known from a Verdict on the same request.
    """

    request: Request
    topic_id: str
    hooks: TopicHooks | None
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

    def greet(self, verdict: Verdict, topic_id: str, hook: Hook) -> None:
        """Call the join hook for whoever a Verdict lets in, and have that answered by the same Verdict, ``greeted``.

        Raises: Busy if too many calls of hooks wait already.
        """
        self._calls.spawn(verdict.request.session.client_id, self._greet, verdict, topic_id, hook)

    def say_goodbye(
        self, client_id: str, topic_id: str, hooks: TopicHooks, dispatch: Callable[[Dispatch], None] = drop
    ) -> None:
        """Call the leave hook; ``dispatch`` takes each message that it returns."""
        if hooks.on_leave is not None:
            self._calls.spawn_anyway(client_id, self._say_goodbye, client_id, topic_id, hooks.on_leave, dispatch)

    def _ask(self, question: Question) -> None:
        verdict, topic_id = Verdict(question.request, hint=question.parsed), question.topic_id
        try:
            if not question.request.session.closed:  # else it is gone since it asked; nobody is asked for nobody
                if question.hooks is None and verdict.hint is None:
                    verdict = verdict._replace(hint=self._openings.parse(topic_id))
                self._consider(question._replace(parsed=verdict.hint))
        except BaseException as error:
            verdict = self._refusal(verdict, topic_id, error)
        self._answer(verdict)

    def _greet(self, verdict: Verdict, topic_id: str, hook: Hook) -> None:
        client_id = verdict.request.session.client_id
        try:
            if not verdict.request.session.closed:
                caused = self._dispatches("on_join", hook, client_id, topic_id)
                verdict = verdict._replace(caused=tuple(caused), greeted=True)
        except BaseException as error:
            verdict = self._refusal(verdict, topic_id, error)._replace(greeted=True)
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
        request, topic_id, hooks, session_model, parsed = question
        client_id = request.session.client_id
        if hooks is None:
            assert parsed is not None
            hooks = parsed[0].hooks
        if hooks.can_subscribe is not None and not request.trusted:
            arguments = (client_id, topic_id, session_model)
            if not self._call("can_subscribe", hooks.can_subscribe, *arguments):
                raise Refused("denied", f"you may not subscribe to {topic_id!r}")
        if question.hooks is None and parsed is not None:
            self._openings.begin(topic_id, *parsed, None if request.trusted else client_id)

    def _say_goodbye(self, client_id: str, topic_id: str, hook: Hook, dispatch: Callable[[Dispatch], None]) -> None:
        try:
            caused = self._dispatches("on_leave", hook, client_id, topic_id)
        except (HookFailed, Refused):
            return  # it is in the log, or says no to nobody; the client is gone already
        for message in caused:
            dispatch(message)

    def _dispatches(self, name: str, hook: Hook, client_id: str, topic_id: str) -> list[Dispatch]:
        def run() -> list[Dispatch]:
            messages = hook(client_id, topic_id)
            if messages is None:
                return []
            if not isinstance(messages, list | tuple):
                raise TypeError(f"{name} must return a list of messages or None, got {messages!r}")
            return [Dispatch(message, self._codec.encode_message(message)) for message in messages]

        result: list[Dispatch] = self._call(name, run)
        return result

    def _call(self, name: str, hook: Callable[..., Any], *arguments: Any) -> Any:
        return call(name, hook, *arguments, timeout=self._timeout, host=self._calls.host, may_refuse=True)
