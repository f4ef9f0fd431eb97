"""The hooks of joining and leaving, each call in its own greenlet: a slow one delays its own client alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..runtime.hook_calls import HookCalls
from ..runtime.hooks import Hook, HookFailed, TopicHooks, call, logger, new_trace_id
from ..runtime.mailbox import Mailbox
from ..sessions.messages import Request, Verdict
from ..targets.messages import Broadcast, Dispatch
from ..words.errors import Refused
from ..words.ports import Codec
from .openings import Openings
from .topics import Kind


class Question(NamedTuple):
    """May the session subscribe, and what does its joining cause?

    ``hooks`` None means that the topic does not run: it is begun if the client may subscribe. ``parsed`` are its kind
    and key, if they are known from a Verdict on the same request. ``is_new``: the join hook is asked.
    """

    request: Request
    topic_id: str
    hooks: TopicHooks | None
    session_model: Any
    is_new: bool
    parsed: tuple[Kind, Any] | None = None


class Greeter:
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

    def say_goodbye(
        self, client_id: str, topic_id: str, hooks: TopicHooks, mailbox: Mailbox, is_stored: Callable[[], bool]
    ) -> None:
        """Call the leave hook, and let the topic have what it returns."""
        if hooks.on_leave is not None:
            self._calls.spawn_anyway(client_id, self._say_goodbye, client_id, topic_id, hooks, mailbox, is_stored)

    def _ask(self, question: Question) -> None:
        request, topic_id, parsed = question.request, question.topic_id, question.parsed
        code, text, details = None, "", None
        caused: Iterable[Dispatch] = ()
        try:
            if not request.session.closed:  # else it is gone since it asked; nobody is asked for nobody
                if question.hooks is None and parsed is None:
                    parsed = self._openings.parse(topic_id)
                caused = self._consider(question._replace(parsed=parsed))
        except Refused as error:
            code, text, details = error.code, error.text, error.details
        except HookFailed as error:
            code, text = "crashed", f"the subscription failed; trace id {error.trace_id}"
            details = {"trace_id": error.trace_id}
        except BaseException as error:
            # Whatever it is: a Subscribe is always answered.
            trace_id = new_trace_id(self._calls.host)
            logger.error("the hooks of %r ended with %r; trace id %s", topic_id, error, trace_id, exc_info=error)
            code, text, details = "crashed", f"the subscription failed; trace id {trace_id}", {"trace_id": trace_id}
        self._answer(Verdict(request, code, text, details, tuple(caused), parsed))

    def _consider(self, question: Question) -> Iterable[Dispatch]:
        request, topic_id, hooks, session_model, is_new, parsed = question
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
        if hooks.on_join is not None and is_new:
            return self._dispatches("on_join", hooks.on_join, client_id, topic_id)
        return ()

    def _say_goodbye(
        self, client_id: str, topic_id: str, hooks: TopicHooks, mailbox: Mailbox, is_stored: Callable[[], bool]
    ) -> None:
        assert hooks.on_leave is not None
        try:
            caused = self._dispatches("on_leave", hooks.on_leave, client_id, topic_id)
        except (HookFailed, Refused):
            return  # it is in the log, or says no to nobody; the client is gone already
        for dispatch in caused:
            mailbox.put_anyway(dispatch if is_stored() else Broadcast(dispatch.payload, None))

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
