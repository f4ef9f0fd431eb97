"""The directory: which topics there are, and of which kinds.

It belongs to the server and outlives every actor: a router that is restarted opens it and goes on.
"""

from __future__ import annotations

from typing import Any

import pykka

from ..runtime.future import Future
from ..runtime.hooks import TopicHooks
from ..runtime.host import GEVENT, Host
from ..runtime.mailbox import BOUND, Mailbox
from ..targets.carrying import Allowance
from ..targets.log import ACCEPTED, Log, check_level
from ..targets.order import Order
from ..targets.target import Target
from ..words.delivery import ALL, Rule
from ..words.errors import NotRunning, Refused, TopicExists, UsageError
from ..words.guard import Guard
from ..words.ports import Codec
from ..words.store import Store
from ..words.target_names import fault_of_id, topic_target
from ..words.watched_updates import watch
from .topic import Kind, Topic
from .wiring import longest_prefix

TOPICS = 100_000
"""Topics that one server may have, unless told otherwise."""

TOPICS_EACH = 1_000
"""Topics that may run at once of those that one session has begun, unless told otherwise."""


class Directory:
    """Topics by id, kinds by prefix."""

    def __init__(
        self,
        codec: Codec,
        log: Log,
        topics: int = TOPICS,
        mailbox: int = BOUND,
        topics_each: int = TOPICS_EACH,
        host: Host = GEVENT,
        allowance: Allowance | None = None,
        is_debug: bool = False,
    ) -> None:
        self.topics: dict[str, Topic] = {}
        self.kinds: dict[str, Kind] = {}
        self.host = host
        self.codec = codec
        self._allowance = allowance
        self._log = log
        self._bound = topics
        self._mailbox = mailbox
        self._bound_each = topics_each
        self.is_debug = is_debug
        self._begun: dict[str, int] = {}
        self._ending: dict[str, tuple[Topic, Future]] = {}
        """Topics whose actors still say goodbye, by id; nobody may begin another one until then."""

    def add_topic(
        self, topic_id: str, delivery: Rule = ALL, share: tuple[str, ...] = (), guard: Guard | None = None
    ) -> Topic:
        """Add a fixed topic, ephemeral at first.

        Raises: TopicExists if the id is taken, also by a topic that still ends, or collides with a kind's prefix;
        UsageError for an ill-formed id.
        """
        if not isinstance(topic_id, str):
            raise UsageError(f"a topic id is a str, got {topic_id!r}")
        if (fault := fault_of_id(topic_id)) is not None:
            raise UsageError(f"the topic id {topic_id!r} is ill-formed: {fault}")
        for prefix in self.kinds:
            if topic_id.startswith(prefix):
                raise TopicExists(f"the topic id {topic_id!r} collides with the topic kind {prefix!r}")
        if topic_id in self._ending:
            raise TopicExists(f"the topic {topic_id!r} is still stopping: wait for its stop()")
        topic = self._new(topic_id, TopicHooks(), None)
        topic.target.rule, topic.target.share, topic.guard = delivery, share, guard or Guard()
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
            if topic.kind is None and topic.id.startswith(kind.prefix):
                raise TopicExists(f"the prefix {kind.prefix!r} collides with the topic {topic.id!r}")
        if self.kinds.setdefault(kind.prefix, kind) is not kind:
            raise TopicExists(f"there is a topic kind {kind.prefix!r} already")

    def kind_of(self, topic_id: str) -> Kind:
        """Return the kind that an id belongs to, whether or not it parses.

        Raises: Refused ``not_found``.
        """
        prefix = longest_prefix(self.kinds, topic_id)
        if prefix is None:
            raise Refused("not_found", f"there is no topic {topic_id!r}")
        return self.kinds[prefix]

    def reserve(self, client_id: str | None, under_way: int = 0) -> None:
        """Count another topic for ``client_id`` (None: the program), before it is added, beside those ``under_way``.

        Raises: Refused ``busy``.
        """
        self.check_room(client_id, under_way)
        if client_id is not None:
            self._begun[client_id] = self._begun.get(client_id, 0) + 1

    def release(self, client_id: str | None) -> None:
        """Count it no more: it has ended, or could not begin."""
        if client_id is not None:
            left = self._begun[client_id] - 1
            if left:
                self._begun[client_id] = left
            else:
                del self._begun[client_id]

    def check_room(self, client_id: str | None, under_way: int = 0) -> None:
        """Check that another topic may begin. Raises: Refused ``busy``."""
        if len(self.topics) + under_way >= self._bound:
            raise Refused("busy", f"there are {self._bound} topics already")
        if client_id is not None and self._begun.get(client_id, 0) >= self._bound_each:
            raise Refused("busy", f"this session has begun {self._bound_each} topics that run")

    def add(
        self, topic_id: str, kind: Kind, store: Store | None, begun_by: str | None = None, key: Any = None
    ) -> Topic:
        """Add a topic of a kind that was reserved for ``begun_by``; its actor is still to be started."""
        topic = self._new(topic_id, kind.hooks, kind)
        topic.target.rule, topic.target.share = kind.delivery, kind.share
        topic.begun_by, topic.key, topic.guard = begun_by, key, kind.guard
        if store is not None:
            topic.log = kind.log
            topic.target.use(self._open(topic, store, kind.log, kind.level))
        self.topics[topic_id] = topic
        return topic

    def give_store(self, topic: Topic, store: Store, log: Log | None = None, level: str = ACCEPTED) -> Order:
        """Return the order that makes a fixed topic stored; it is claimed here, before anybody waits for its actor.

        ``log`` (None: the server's) keeps it, and confirms at ``level``.
        Raises: NotRunning if the topic has stopped; UsageError if it has a store already, the log does not offer the
        level, or cannot keep the model.
        """
        if self.topics.get(topic.id) is not topic:
            raise NotRunning(f"<topic {topic.id!r}> has stopped: its id may be another topic's by now")
        if topic.has_store:
            raise UsageError(f"<topic {topic.id!r}> has a store already")
        self.check_log(log, level)
        topic.has_store = True
        try:
            order = self._open(topic, store, log, level)
        except BaseException:
            topic.has_store = False
            raise
        topic.log = log
        return order

    def _open(self, topic: Topic, store: Store, log: Log | None, level: str) -> Order:
        name = topic.target.name
        return (log or self._log).open(name, watch(name, store) if self.is_debug else store, level)

    def check_log(self, log: Log | None, level: str) -> None:
        """Check that ``log`` (None: the server's) offers ``level``. Raises: UsageError."""
        check_level(log or self._log, level)

    def running(self) -> list[Topic]:
        return list(self.topics.values())

    def living(self) -> list[Topic]:
        """Return every topic that has an actor: also those that still say goodbye."""
        return [*self.running(), *(topic for topic, _ in list(self._ending.values()))]

    def remove(self, topic: Topic) -> None:
        """Forget a topic that stops: its order has ended, and its id is free as soon as `ended` is called."""
        if self.topics.get(topic.id) is topic:
            self._ending[topic.id] = topic, Future(self.host)
            del self.topics[topic.id]
            if topic.log is None:
                self._log.forget(topic.target.name)
            self.release(topic.begun_by)

    def ended(self, topic: Topic) -> None:
        """Its actor has said every goodbye: what it says can no more be taken for its successor's."""
        known, end = self._ending.get(topic.id, (None, None))
        if known is topic and end is not None:
            del self._ending[topic.id]
            if topic.log is not None:
                topic.log.forget(topic.target.name)  # not before: it may have confirmed something meanwhile
            end.set()

    def end_of(self, topic: Topic) -> Future | None:
        """Return what is set when a topic that is stopping has ended; None if it is not stopping."""
        known, end = self._ending.get(topic.id, (None, None))
        return end if known is topic else None

    def wait_until_free(self, topic_id: str, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for the end of a topic that is stopping. Raises: Refused ``busy``."""
        if topic_id in self._ending:
            try:
                self._ending[topic_id][1].get(timeout=timeout)
            except pykka.Timeout as error:
                raise Refused("busy", f"the topic {topic_id!r} is still stopping") from error

    def _new(self, topic_id: str, hooks: TopicHooks, kind: Kind | None) -> Topic:
        mailbox = Mailbox(self._mailbox, naps=True, host=self.host)
        return Topic(
            topic_id,
            Target(topic_target(topic_id), self.codec, None, self._allowance, self.host.wall),
            mailbox,
            hooks,
            kind,
        )
