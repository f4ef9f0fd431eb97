"""A topic as a program holds it. Safe from any greenlet and any OS thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, overload

from ..runtime.apart import runs_in
from ..runtime.future import Future
from ..runtime.mailbox import Mailbox
from ..runtime.pykka_names import Envelope
from ..runtime.ref import ASK_TIMEOUT, Stop
from ..sessions.messages import Evict, LetIn
from ..sessions.sessions import Sessions, check_client_id
from ..targets.log import ACCEPTED, Log
from ..targets.messages import Broadcast, Dispatch, Read, UseStore
from ..targets.order import Position
from ..words.errors import NotRunning, UsageError
from ..words.exit_reasons import SHUTDOWN
from ..words.hook_types import MembershipHook, PublishHook, SubscribeHook
from ..words.ports import Codec
from ..words.store import Store, check_store
from ..words.type_variables import Message, Model, NewMessage, NewModel
from .caller import WaitingCaller
from .openings import Openings
from .topic import Topic
from .topics import Directory
from .wiring import Wiring

S = TypeVar("S", bound=SubscribeHook)
M = TypeVar("M", bound=MembershipHook)
P = TypeVar("P", bound=PublishHook)


class Home(Protocol):
    """What a handle needs of its server."""

    directory: Directory
    openings: Openings
    sessions: Sessions
    router: Mailbox
    wiring: Wiring
    initial: Any

    @property
    def codec(self) -> Codec: ...

    def check_running(self) -> None:
        """Raise NotRunning unless the server runs."""


def ask(mailbox: Mailbox, message: Any, timeout: float = ASK_TIMEOUT) -> Any:
    """Ask whoever takes from ``mailbox``, now or after a restart, and wait at most ``timeout`` seconds.

    Raises: pykka.Timeout, or what the handler raised.
    """
    check_not_inside(mailbox)
    future = Future()
    mailbox.put(Envelope(message, reply_to=future))
    return future.get(timeout=timeout)


def check_not_inside(mailbox: Mailbox) -> None:
    """Raise UsageError if whoever takes from ``mailbox`` is who calls."""
    if runs_in(mailbox.taking):
        raise UsageError("an actor cannot wait for itself: this was called from inside the topic's own update")


@dataclass(frozen=True, eq=False)
class TopicHandle(Generic[Model, Message]):
    """A topic of a server. ``TopicHandle[int, str]`` has a model of type int, which messages of type str change."""

    _home: Home
    _topic: Topic

    @property
    def id(self) -> str:
        return self._topic.id

    def __repr__(self) -> str:
        return f"<topic {self.id!r}>"

    def with_store(
        self,
        store: Store[NewModel, NewMessage] | None = None,
        log: Log | None = None,
        level: str = ACCEPTED,
    ) -> TopicHandle[NewModel, NewMessage]:
        """Keep a model: ``store``, or what the wiring says for this id. Returns the handle itself.

        Messages are acknowledged when ``log`` has confirmed them at ``level``: "accepted" or "durable"
        (docs/guarantees.md). The log that is the default is the server's memory, which offers "accepted" alone.
        Raises: UsageError if the topic has a store already, nothing is wired, or the log does not offer the level;
        UnregisteredType for a model that the serialiser cannot write.
        """
        home, topic = self._home, self._topic
        kept = home.wiring.topic_store(self.id, home.initial) if store is None else check_store(store)
        home.codec.check_model(kept.model)
        order = home.directory.give_store(topic, kept, log, level)
        if topic.mailbox.owner is None:
            topic.target.use(order)  # nobody is subscribed before its actor has started
        else:
            try:
                ask(topic.mailbox, UseStore(order))
            except BaseException:
                topic.has_store = topic.target.order is not None
                raise
        return cast("TopicHandle[NewModel, NewMessage]", self)

    @overload
    def dispatch(self, message: Message, *, wait: Literal[True] = True, timeout: float = ASK_TIMEOUT) -> int: ...
    @overload
    def dispatch(self, message: Message, *, wait: bool, timeout: float = ASK_TIMEOUT) -> int | None: ...
    def dispatch(self, message: Message, *, wait: bool = True, timeout: float = ASK_TIMEOUT) -> int | None:
        """Apply ``message`` as the server's own; every subscriber gets it in its order. Return its seq.

        Waits until it is applied, and in the topic's log, at most ``timeout`` seconds. With ``wait=False`` it is only
        handed over: that is for callbacks of the hub and for the topic's own update, which cannot wait, and for very
        many messages; a refusal is then only in the log.
        Raises: Refused if the store's update refuses it, or crashes on it (code ``crashed``); UsageError for a topic
        without a store, or from inside its own update; UnregisteredType, NotRunning, Busy; pykka.Timeout, and then it
        may be applied all the same.
        """
        self._check()
        if self._topic.target.order is None:
            raise UsageError(f"{self!r} has no store to dispatch to: call with_store() first, or broadcast()")
        payload, mailbox = self._home.codec.encode_message(message), self._topic.mailbox
        if not wait:
            mailbox.put(Dispatch(message, payload))
            return None
        check_not_inside(mailbox)
        caller = WaitingCaller()
        mailbox.put(Dispatch(message, payload, caller))
        return caller.seq.get(timeout=timeout)

    def broadcast(self, message: Any, exclude: str | None = None) -> None:
        """Push ``message`` outside any order to every subscriber but the client ``exclude``.

        Raises: UnregisteredType, NotRunning, Busy.
        """
        self._check()
        payload = self._home.codec.encode_message(message)
        excluded = self._home.sessions.get(check_client_id(exclude)) if exclude is not None else None
        self._topic.mailbox.put(Broadcast(payload, excluded))

    def subscribe(self, client_id: str) -> None:
        """Subscribe a connected client without asking ``can_subscribe``; does nothing if it is not connected."""
        self._check()
        self._home.router.put(LetIn(check_client_id(client_id), self._topic.target.name))

    def unsubscribe(self, client_id: str) -> None:
        """Unsubscribe a client; does nothing if it is not subscribed."""
        self._check()
        self._home.router.put(Evict(check_client_id(client_id), self._topic.target.name))

    def stop(self, timeout: float = ASK_TIMEOUT) -> None:
        """Stop the topic: each subscriber gets a final Acknowledge, and then its id is free again.

        Waits at most ``timeout`` seconds, and may be called again to wait on. Raises: pykka.Timeout; NotRunning if it
        has ended already; UsageError from inside the topic's own update.
        """
        directory, topic = self._home.directory, self._topic
        check_not_inside(topic.mailbox)
        end = directory.end_of(topic)  # somebody stops it already: then this waits for the same
        if end is None:
            self._check()
            directory.remove(topic)
            topic.mailbox.put_anyway(Stop(SHUTDOWN))
            end = directory.end_of(topic)
        if end is not None:  # else it has ended in between
            end.get(timeout=timeout)

    @property
    def snapshot(self) -> Position[Model]:
        """The model and its seq, a consistent pair that includes everything dispatched before by this caller.

        Raises: UsageError for a topic without a store.
        """
        topic, order = self._topic, self._topic.target.order
        if not self._is_running() or (topic.mailbox.empty() and (order is None or order.is_settled)):
            position: Position[Model] | None
            position = None if order is None else order.confirmed(self._home.codec.decode_message)
        else:
            position = ask(topic.mailbox, Read())
        if position is None:
            raise UsageError(f"{self!r} has no store, so it has no model")
        return position

    @property
    def model(self) -> Model:
        """The present model (see `snapshot` for the pair)."""
        return self.snapshot.model

    @property
    def seq(self) -> int:
        """The seq of the present model."""
        return self.snapshot.seq

    @property
    def subscribers(self) -> list[str]:
        """The client ids of everybody who is subscribed."""
        return [session.client_id for session in self._topic.target.subscribers]

    def can_subscribe(self, hook: S) -> S:
        """Decorate ``hook(member, session_model) -> bool``, asked on every Subscribe and Resync; True lets it in.

        Of several all must agree. What raises, takes too long or answers anything else denies (docs/server.md).
        """
        self._topic.hooks.add("can_subscribe", hook)
        return hook

    def may_publish(self, rule: P) -> P:
        """Decorate ``rule(member, message) -> bool``, asked before a client's message enters; True lets it in.

        Of several all must agree. What raises, takes too long or answers anything else denies (docs/server.md).
        """
        self._topic.guard.add(rule)
        return rule

    def on_join(self, hook: M) -> M:
        """Decorate ``hook(member) -> messages or None``, called when somebody subscribes who was not; it may refuse."""
        self._topic.hooks.add("on_join", hook)
        return hook

    def on_leave(self, hook: M) -> M:
        """Decorate ``hook(member) -> messages or None``, called when somebody is no longer subscribed."""
        self._topic.hooks.add("on_leave", hook)
        return hook

    def _is_running(self) -> bool:
        try:
            self._check()
        except NotRunning:
            return False
        return True

    def _check(self) -> None:
        self._home.check_running()
        if self._home.directory.topics.get(self.id) is not self._topic:
            raise NotRunning(f"{self!r} has stopped")
