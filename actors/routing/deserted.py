"""Topics of a kind that nobody is subscribed to: after a while they end, so that nobody can use up all topics.

The router calls `tick` and `settle`. As only the router lets anybody into a topic, nobody comes between its look at
one and its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..runtime.hook_calls import HookCalls
from ..runtime.hooks import HOOK_TIMEOUT, HookFailed, call
from ..runtime.ref import Stop
from ..words.errors import Busy
from ..words.exit_reasons import SHUTDOWN
from .topic import Topic
from .topics import Directory

TOPIC_WINDOW = 600.0
"""Seconds for which a topic of a kind waits for its next subscriber, unless told otherwise."""

TOPICS_AT_ONCE = 1_000
"""Topics that one tick looks at: 0.3 ms. So all of them are looked at in as many seconds as there are thousands."""


class Ended(NamedTuple):
    """To the router: the end hook of a deserted topic was given its model at ``seq``; None: it failed."""

    topic: Topic
    seq: int | None


class Deserted:
    """``window`` is in seconds, for kinds without one of their own. ``answer`` takes `Ended`: the router's mailbox."""

    def __init__(
        self,
        directory: Directory,
        calls: HookCalls,
        answer: Callable[[Ended], None],
        window: float = TOPIC_WINDOW,
        timeout: float = HOOK_TIMEOUT,
    ) -> None:
        self._directory = directory
        self._calls = calls
        self._answer = answer
        self._window = window
        self._timeout = timeout
        self._round: list[Topic] = []

    def tick(self, now: float) -> None:
        """Look at some topics, in turn; ``now`` is in monotonic seconds. Those whose time is over end."""
        if not self._round:
            self._round = self._directory.running()
        for _ in range(min(TOPICS_AT_ONCE, len(self._round))):
            topic = self._round.pop()
            if topic.kind is not None and self._is_due(topic, now):
                self._begin_end(topic)

    def settle(self, message: Ended) -> None:
        """Its hook was called: the topic ends, unless somebody has come or something has happened meanwhile."""
        topic, seq = message
        topic.is_ending = False
        if seq is None or topic.target.seq != seq:
            topic.deserted_at = None
        elif is_deserted(topic):
            self._end(topic)

    def _is_due(self, topic: Topic, now: float) -> bool:
        if topic.is_ending or self._directory.topics.get(topic.id) is not topic:
            return False
        seq = topic.target.seq
        if not is_deserted(topic):
            topic.deserted_at = None
        elif topic.deserted_at is None or topic.deserted_seq != seq:
            topic.deserted_at, topic.deserted_seq = now, seq  # what the program dispatches counts like a subscriber
        else:
            window = None if topic.kind is None else topic.kind.window
            return now - topic.deserted_at >= (self._window if window is None else window)
        return False

    def _begin_end(self, topic: Topic) -> None:
        assert topic.kind is not None
        hooks, order = topic.hooks.on_end, topic.target.order
        if not hooks:
            self._end(topic)
            return
        model, seq = (None, 0) if order is None else order.position
        try:
            self._calls.spawn(topic.kind.prefix, self._call, topic, model, seq)
        except Busy:
            return  # at the next look
        topic.is_ending = True

    def _call(self, topic: Topic, model: Any, seq: int) -> None:
        is_kept = False
        try:
            for hook in topic.hooks.on_end:
                call("on_end", hook, topic.id, model, timeout=self._timeout, host=self._directory.host)
            is_kept = True
        except HookFailed:
            pass  # it is in the log; the topic goes on, for another window
        finally:
            self._answer(Ended(topic, seq if is_kept else None))

    def _end(self, topic: Topic) -> None:
        if self._directory.topics.get(topic.id) is topic:
            self._directory.remove(topic)
            topic.mailbox.put_anyway(Stop(SHUTDOWN))


def is_deserted(topic: Topic) -> bool:
    """Is nobody subscribed, and does nothing wait to be handled, or for the log?"""
    return not topic.target.members and topic.mailbox.empty() and not topic.target.is_waiting
