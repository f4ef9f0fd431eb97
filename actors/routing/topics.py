"""The directory: which topics there are, and of which kinds.

It belongs to the server and outlives every actor: a router that is restarted opens it and goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent

from ..runtime.hooks import TIMEOUT, HookFailed, TopicHooks, call
from ..runtime.host import GEVENT, Host
from ..runtime.log_throttle import ThrottledLogger
from ..runtime.mailbox import BOUND, Mailbox
from ..targets.log import Log
from ..targets.target import Target
from ..words.delivery import ALL, Rule
from ..words.errors import Refused, TopicExists, UsageError
from ..words.ports import Codec
from ..words.store import Store
from ..words.target_names import fault_of_id, topic_target
from .wiring import longest_prefix

logger = ThrottledLogger("nuphar.actors")

TOPICS = 100_000
"""Topics that one server may have, unless told otherwise."""


@dataclass(eq=False)
class Topic:
    """A topic: its state, its mailbox and its hooks. All that a successor of its actor needs."""

    id: str
    target: Target
    mailbox: Mailbox
    hooks: TopicHooks
    kind: Kind | None = None


@dataclass(eq=False)
class Kind:
    """A topic kind: one topic for each id that starts with ``prefix``, started on first use.

    ``parse(suffix)`` gives the key, or raises (ValueError) for an id that names nothing; ``store(topic_id, key)``
    gives a new topic's store, or None for an ephemeral one.
    """

    prefix: str
    parse: Callable[[str], Any]
    hooks: TopicHooks = field(default_factory=TopicHooks)
    store: Callable[[str, Any], Store | None] = lambda topic_id, key: None
    delivery: Rule = ALL


class Directory:
    """Topics by id, kinds by prefix."""

    def __init__(
        self,
        codec: Codec,
        log: Log,
        topics: int = TOPICS,
        mailbox: int = BOUND,
        timeout: float = TIMEOUT,
        host: Host = GEVENT,
    ) -> None:
        self.topics: dict[str, Topic] = {}
        self.kinds: dict[str, Kind] = {}
        self._host = host
        self._codec = codec
        self._log = log
        self._bound = topics
        self._mailbox = mailbox
        self._timeout = timeout

    def add_topic(self, topic_id: str, delivery: Rule = ALL) -> Topic:
        """Add a fixed topic, ephemeral at first.

        Raises: TopicExists if the id is taken or collides with a kind's prefix; UsageError for an ill-formed id.
        """
        if not isinstance(topic_id, str):
            raise UsageError(f"a topic id is a str, got {topic_id!r}")
        if (fault := fault_of_id(topic_id)) is not None:
            raise UsageError(f"the topic id {topic_id!r} is ill-formed: {fault}")
        for prefix in self.kinds:
            if topic_id.startswith(prefix) or prefix.rstrip(":/") == topic_id:
                raise TopicExists(f"the topic id {topic_id!r} collides with the topic kind {prefix!r}")
        topic = self._new(topic_id, TopicHooks(), None)
        topic.target.rule = delivery
        if self.topics.setdefault(topic_id, topic) is not topic:
            raise TopicExists(f"there is a topic {topic_id!r} already")
        return topic

    def add_kind(self, kind: Kind) -> None:
        """Add a topic kind.

        Raises: TopicExists if the prefix is taken, or a fixed topic's id collides with it; UsageError for a bad prefix.
        """
        if not isinstance(kind.prefix, str):
            raise UsageError(f"a prefix is a str, got {kind.prefix!r}")
        if (fault := fault_of_id(kind.prefix)) is not None:
            raise UsageError(f"the prefix {kind.prefix!r} is ill-formed: {fault}")
        for topic in list(self.topics.values()):
            if topic.kind is None and (topic.id.startswith(kind.prefix) or kind.prefix.rstrip(":/") == topic.id):
                raise TopicExists(f"the prefix {kind.prefix!r} collides with the topic {topic.id!r}")
        if self.kinds.setdefault(kind.prefix, kind) is not kind:
            raise TopicExists(f"there is a topic kind {kind.prefix!r} already")

    def hooks_of(self, topic_id: str) -> TopicHooks:
        """Return the hooks that decide on a subscription, whether or not the topic runs already.

        Raises: Refused ``not_found``, ``busy`` when there are too many topics.
        """
        if (topic := self.topics.get(topic_id)) is not None:
            return topic.hooks
        kind, _ = self._parse(topic_id)
        return kind.hooks

    def find(self, topic_id: str) -> tuple[Topic, bool]:
        """Return a topic, and whether it was begun by this very call.

        Raises: Refused ``not_found``; ``busy`` when there are too many topics; ``crashed`` when its store cannot be
        made.
        """
        if (topic := self.topics.get(topic_id)) is not None:
            return topic, False
        kind, key = self._parse(topic_id)
        try:
            store = call("store", kind.store, topic_id, key, timeout=self._timeout)
        except HookFailed as error:
            text = f"the topic could not be started; trace id {error.trace_id}"
            raise Refused("crashed", text, {"trace_id": error.trace_id}) from error
        topic = self._new(topic_id, kind.hooks, kind)
        topic.target.rule = kind.delivery
        if store is not None:
            topic.target.use(self._log.open(topic.target.name, store))
        self.topics[topic_id] = topic
        return topic, True

    def give_store(self, topic: Topic, store: Store) -> Any:
        """Return the order that makes a fixed topic stored."""
        return self._log.open(topic.target.name, store)

    def running(self) -> list[Topic]:
        """Return every topic."""
        return list(self.topics.values())

    def remove(self, topic: Topic) -> None:
        """Forget a topic that stops: its id is free, and its order has ended."""
        if self.topics.get(topic.id) is topic:
            del self.topics[topic.id]
            self._log.forget(topic.target.name)

    def _parse(self, topic_id: str) -> tuple[Kind, Any]:
        prefix = longest_prefix(self.kinds, topic_id)
        if prefix is None:
            raise Refused("not_found", f"there is no topic {topic_id!r}")
        if len(self.topics) >= self._bound:
            raise Refused("busy", f"there are {self._bound} topics already")
        kind = self.kinds[prefix]
        try:
            return kind, kind.parse(topic_id[len(prefix) :])
        except (Exception, gevent.Timeout, SystemExit) as error:
            # A parser says no by raising; anything but a ValueError or its like is worth a look.
            logger.log(
                logging.DEBUG if isinstance(error, ValueError | KeyError | TypeError) else logging.ERROR,
                "the id %r does not parse as a %r",
                topic_id,
                prefix,
                exc_info=error,
            )
            raise Refused("not_found", f"there is no topic {topic_id!r}") from error

    def _new(self, topic_id: str, hooks: TopicHooks, kind: Kind | None) -> Topic:
        mailbox = Mailbox(self._mailbox, naps=True, host=self._host)
        return Topic(topic_id, Target(topic_target(topic_id), self._codec), mailbox, hooks, kind)
