"""The hooks of joining and leaving, each call in its own greenlet: a slow one delays its own client alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..runtime.hook_calls import HookCalls
from ..runtime.hooks import Hook, HookFailed, TopicHooks, call, logger, new_trace_id
from ..runtime.mailbox import Mailbox
from ..sessions.messages import Request, Verdict
from ..targets.messages import Broadcast, Dispatch
from ..words.errors import Refused
from ..words.ports import Codec
from .openings import Openings


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

    def ask(self, request: Request, topic_id: str, hooks: TopicHooks | None, session_model: Any, is_new: bool) -> None:
        """Ask whether ``request`` is allowed and, for a new subscriber, what its joining causes.

        ``hooks`` None means that the topic does not run: it is begun if the client may subscribe.
        Raises: Busy if too many calls of hooks wait already.
        """
        client_id = request.session.client_id
        self._calls.spawn(client_id, self._ask, request, topic_id, hooks, session_model, is_new)

    def say_goodbye(
        self, client_id: str, topic_id: str, hooks: TopicHooks, mailbox: Mailbox, is_stored: Callable[[], bool]
    ) -> None:
        """Call the leave hook, and let the topic have what it returns."""
        if hooks.on_leave is not None:
            self._calls.spawn_anyway(client_id, self._say_goodbye, client_id, topic_id, hooks, mailbox, is_stored)

    def _ask(self, request: Request, topic_id: str, hooks: TopicHooks | None, session_model: Any, is_new: bool) -> None:
        code, text, details = None, "", None
        caused: Iterable[Dispatch] = ()
        try:
            caused = self._consider(request, topic_id, hooks, session_model, is_new)
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
        self._answer(Verdict(request, code, text, details, tuple(caused)))

    def _consider(
        self, request: Request, topic_id: str, hooks: TopicHooks | None, session_model: Any, is_new: bool
    ) -> Iterable[Dispatch]:
        if request.session.closed:
            return ()  # it is gone since it asked; nobody is asked for nobody
        client_id = request.session.client_id
        opening = None
        if hooks is None:
            kind, key = opening = self._openings.parse(topic_id)
            hooks = kind.hooks
        if hooks.can_subscribe is not None and not request.trusted:
            arguments = (client_id, topic_id, session_model)
            if not self._call("can_subscribe", hooks.can_subscribe, *arguments):
                raise Refused("denied", f"you may not subscribe to {topic_id!r}")
        if opening is not None:
            self._openings.begin(topic_id, kind, key, None if request.trusted else client_id)
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
