"""A topic kind as a program holds it: one topic for each id with its prefix. Safe from any greenlet and OS thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from ..targets.log import ACCEPTED, Log
from ..words.errors import UsageError
from ..words.hook_types import EndHook, MembershipHook, PublishHook, SubscribeHook
from ..words.parameters import check_takes
from ..words.store import Store, check_store
from ..words.target_names import fault_of_id
from ..words.type_variables import Message, Model, NewMessage, NewModel
from .topic import Kind
from .topic_handle import Home, TopicHandle

S = TypeVar("S", bound=SubscribeHook)
M = TypeVar("M", bound=MembershipHook)
P = TypeVar("P", bound=PublishHook)
E = TypeVar("E", bound=EndHook)


@dataclass(frozen=True, eq=False)
class KindHandle(Generic[Model, Message]):
    """A topic kind of a server; `topic` gives handles of the same types."""

    _home: Home
    _kind: Kind

    def __repr__(self) -> str:
        return f"<topic kind {self._kind.prefix!r}>"

    def with_store(
        self,
        store: Store[NewModel, NewMessage] | Callable[[Any], Store[NewModel, NewMessage]] | None = None,
        log: Log | None = None,
        level: str = ACCEPTED,
    ) -> KindHandle[NewModel, NewMessage]:
        """Give each new topic a store: ``store``, ``store(key)``, or what the wiring says. Returns the handle.

        ``log`` and ``level`` are those of `TopicHandle.with_store`.
        """
        home = self._home
        home.directory.check_log(log, level)
        if store is None:
            home.wiring.kind_slice(self._kind.prefix)
            self._kind.store = lambda topic_id, key: home.wiring.topic_store(topic_id, home.initial, key)
        elif isinstance(store, Store):
            same = check_store(store)
            self._kind.store = lambda topic_id, key: same
        elif callable(store):
            make = store
            check_takes("a kind's store", make, "key")
            self._kind.store = lambda topic_id, key: check_store(make(key))
        else:
            raise UsageError(f"expected a nuphar.Store, a function from key to Store, or None, got {store!r}")
        self._kind.log, self._kind.level = log, level
        return cast("KindHandle[NewModel, NewMessage]", self)

    def topic(self, suffix: Any) -> TopicHandle[Model, Message]:
        """Return the topic ``prefix + suffix``, started if it is not running.

        Raises: Refused ``not_found`` if the suffix does not parse, ``busy`` if there are too many topics;
        UsageError for an ill-formed id.
        """
        self._home.check_running()
        topic_id = f"{self._kind.prefix}{suffix}"
        if (fault := fault_of_id(topic_id)) is not None:
            raise UsageError(f"the topic id {topic_id!r} is ill-formed: {fault}")
        return TopicHandle(self._home, self._home.openings.open(topic_id))

    def topics(self) -> Sequence[TopicHandle[Model, Message]]:
        """Return the running topics of this kind."""
        topics = list(self._home.directory.topics.values())
        return [TopicHandle(self._home, topic) for topic in topics if topic.kind is self._kind]

    def can_subscribe(self, hook: S) -> S:
        """Decorate ``hook(member, session_model) -> bool``, asked on every Subscribe and Resync; True lets it in.

        Of several all must agree. What raises, takes too long or answers anything else denies (docs/server.md).
        """
        self._kind.hooks.add("can_subscribe", hook)
        return hook

    def may_publish(self, rule: P) -> P:
        """Decorate ``rule(member, message) -> bool``, asked before a client's message enters; True lets it in.

        Of several all must agree. What raises, takes too long or answers anything else denies (docs/server.md).
        """
        self._kind.guard.add(rule)
        return rule

    def on_join(self, hook: M) -> M:
        """Decorate ``hook(member) -> messages or None``, called when somebody subscribes who was not; it may refuse."""
        self._kind.hooks.add("on_join", hook)
        return hook

    def on_leave(self, hook: M) -> M:
        """Decorate ``hook(member) -> messages or None``, called when somebody is no longer subscribed."""
        self._kind.hooks.add("on_leave", hook)
        return hook

    def on_end(self, hook: E) -> E:
        """Decorate ``hook(topic_id, model)``, called before a topic ends that nobody uses (docs/deploy.md)."""
        self._kind.hooks.add("on_end", hook)
        return hook
