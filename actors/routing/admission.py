"""The hooks of joining and leaving, each call in its own greenlet: a slow one delays its own client alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gevent

from ..runtime.hooks import HookFailed, TopicHooks, call, logger, new_trace_id
from ..runtime.mailbox import Mailbox
from ..targets.messages import Broadcast, Dispatch, Request, Verdict
from ..words.ports import Codec


class Greeter:
    """Asks an application's hooks about one topic's clients.

    ``answer`` takes the `Verdict` of a request: the router's mailbox, which outlives the router.
    """

    def __init__(self, codec: Codec, timeout: float, answer: Callable[[Verdict], None]) -> None:
        self._codec = codec
        self._timeout = timeout
        self._answer = answer

    def ask(self, request: Request, topic_id: str, hooks: TopicHooks, session_model: Any, is_new: bool) -> None:
        """Ask whether ``request`` is allowed and, for a new subscriber, what his joining causes."""
        gevent.spawn(self._ask, request, topic_id, hooks, session_model, is_new)

    def say_goodbye(self, client_id: str, hooks: TopicHooks, mailbox: Mailbox, is_stored: Callable[[], bool]) -> None:
        """Call the leave hook, and let the topic have what it returns."""
        if hooks.on_leave is not None:
            gevent.spawn(self._say_goodbye, client_id, hooks, mailbox, is_stored)

    def _ask(self, request: Request, topic_id: str, hooks: TopicHooks, session_model: Any, is_new: bool) -> None:
        client_id = request.session.client_id
        caused: Iterable[Dispatch] = ()
        try:
            if hooks.can_subscribe is not None and not request.trusted:
                allowed = call(
                    "can_subscribe", hooks.can_subscribe, client_id, topic_id, session_model, timeout=self._timeout
                )
                if not allowed:
                    self._answer(Verdict(request, "denied", f"you may not subscribe to {topic_id!r}", None, ()))
                    return
            if hooks.on_join is not None and is_new:
                caused = self._dispatches("on_join", hooks.on_join, client_id)
        except HookFailed as error:
            text = f"the subscription failed; trace id {error.trace_id}"
            self._answer(Verdict(request, "crashed", text, {"trace_id": error.trace_id}, ()))
            return
        except BaseException as error:
            # Whatever it is: a Subscribe is always answered.
            trace_id = new_trace_id()
            logger.error("the hooks of %r ended with %r; trace id %s", topic_id, error, trace_id, exc_info=error)
            text = f"the subscription failed; trace id {trace_id}"
            self._answer(Verdict(request, "crashed", text, {"trace_id": trace_id}, ()))
            return
        self._answer(Verdict(request, None, "", None, tuple(caused)))

    def _say_goodbye(self, client_id: str, hooks: TopicHooks, mailbox: Mailbox, is_stored: Callable[[], bool]) -> None:
        assert hooks.on_leave is not None
        try:
            caused = self._dispatches("on_leave", hooks.on_leave, client_id)
        except HookFailed:
            return  # it is in the log; the client is gone already
        for dispatch in caused:
            mailbox.put_anyway(dispatch if is_stored() else Broadcast(dispatch.payload, None))

    def _dispatches(self, name: str, hook: Callable[..., Any], client_id: str) -> list[Dispatch]:
        def run() -> list[Dispatch]:
            messages = hook(client_id)
            if messages is None:
                return []
            if not isinstance(messages, list | tuple):
                raise TypeError(f"{name} must return a list of messages or None, got {messages!r}")
            return [Dispatch(message, self._codec.encode_message(message)) for message in messages]

        result: list[Dispatch] = call(name, run, timeout=self._timeout)
        return result
