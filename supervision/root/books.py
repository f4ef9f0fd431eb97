"""The books of one server: all that outlives its actors, so that a successor finds everything as it was.

Why state and actors are apart: docs/design/books.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...actors.routing.admission import Admission
from ...actors.routing.deserted import Deserted, Ended
from ...actors.routing.openings import Openings
from ...actors.routing.own_stores import OwnStore, OwnStores
from ...actors.routing.topic import Topic
from ...actors.routing.topic_targets import Topics
from ...actors.routing.topics import Directory
from ...actors.routing.wiring import Wiring
from ...actors.runtime.happenings import LEFT, tell
from ...actors.runtime.hook_calls import HookCalls
from ...actors.runtime.hooks import ServerHooks
from ...actors.runtime.host import Host
from ...actors.runtime.mailbox import Mailbox
from ...actors.sessions.kinds import Kinds
from ...actors.sessions.messages import For
from ...actors.sessions.reception import Reception
from ...actors.sessions.session_book import MemoryBook
from ...actors.sessions.sessions import Sessions
from ...actors.targets.carrying import Allowance
from ...actors.targets.dead_letters import DeadLetters
from ...actors.targets.memory_log import MemoryLog
from ...actors.targets.messages import Broadcast, Dispatch
from ...actors.targets.subscriber import Subscriber
from ...actors.targets.target import Target
from ...actors.words.member import Asked
from ...actors.words.target_names import SESSION, TOPIC
from ...actors.words.watched_updates import is_debug, watch
from ...transport.server.gateway import Gateway
from ...transport.server.rate_book import RateBook
from ...transport.wire.codec import Codec
from ...transport.wire.peer_address import Proxies
from ..otp.child_spec import ChildSpec
from ..otp.dynamic import RunChild
from .options import Options
from .target_specs import SESSIONS, TOPICS, target_spec

MANY_WAITING = 100_000
"""Messages that may wait for the router and for each of the supervisors of targets."""


class Books:
    """``initial`` is the shared model, ``wiring`` how it is split; ``host`` is the world that the actors live in.

    Raises: UsageError, UnregisteredType for an initial model that the codec cannot write.
    """

    def __init__(self, initial: Any, wiring: Wiring, codec: Codec, options: Options, host: Host) -> None:
        session_store = wiring.session_store(initial)
        codec.check_model(session_store.model)
        debug = is_debug(options.debug)
        if debug:
            session_store = watch("session", session_store)
        self.codec = codec
        self.host = host
        self.retry_after = options.retry_after
        self._log_timeout = options.log_timeout
        self.listening: dict[str, Any] = {}
        """The WSGI servers, by name; they come last in the tree."""
        self.log = MemoryLog(options.history, host)
        self.letters = DeadLetters()
        self.hooks = ServerHooks(timeout=options.hook_timeout, calls=HookCalls(options.hook_bounds(), host))
        self.router, self.topic_starts, self.session_starts = (Mailbox(MANY_WAITING, host=host) for _ in range(3))
        self.allowance = Allowance(host.clock)
        self.directory = Directory(
            codec,
            self.log,
            options.max_topics,
            options.mailbox,
            options.max_topics_begun,
            host,
            self.allowance,
            debug,
        )
        self.openings = Openings(self.directory, self.start_topic, options.hook_timeout)
        book = MemoryBook(options.resume_window, options.max_detached, options.max_detached_bytes)
        self.hosted: dict[str, ChildSpec] = {}
        """The targets of kinds that are neither topics nor own stores, by name."""
        self.kinds = Kinds(self.hooks.topic_message)
        self.sessions = Sessions(self.router, self.hooks, self.kinds, options.max_subscriptions, book, host)
        self.own_stores = OwnStores(codec, self.log, lambda: session_store, self._start_own_store, host, self.allowance)
        self.admission = Admission(codec, self.hooks.calls, self.openings, options.hook_timeout, self.router.put_anyway)
        self.deserted = Deserted(
            self.directory, self.hooks.calls, self._tell_topics, options.topic_window, options.hook_timeout
        )
        self.kinds.register(SESSION, self.own_stores)
        self.kinds.register(
            TOPIC, Topics(self.directory, self.admission, self.deserted, self.hooks, self.own_stores.model)
        )
        reception = Reception(self.sessions, options.resume_window, self.own_stores.size)
        rates = None if options.rates is None else RateBook(options.rates)
        self.gateway = Gateway(codec, self.sessions, options.limits, reception, host, rates, Proxies(options.proxies))
        self.is_closing: Callable[[], bool] = lambda: False
        """Whether a stop has been asked for."""

    def counts(self) -> dict[str, int]:
        """Return how much there is of everything; ``detached`` are the sessions without a connection."""
        return {
            "connections": len(self.gateway.connections),
            "sessions": len(self.sessions),
            "detached": self.sessions.book.detached,
            "detached_bytes": self.sessions.book.detached_bytes,
            "topics": len(self.directory.topics),
            "dead_letters": self.letters.count,
        }

    def start_topic(self, topic: Topic) -> None:
        """Have a topic's actor started, without waiting for it."""
        self.topic_starts.put_anyway(RunChild(self._topic_spec(topic)))

    def host_target(self, target: Target, mailbox: Mailbox, ended: Callable[[], None] = lambda: None) -> None:
        """Have the actor of a target of another kind started beside the topics, without waiting for it.

        It is restarted, stopped and says goodbye as theirs; ``ended()`` is called behind that.
        """

        def forget() -> None:
            if self.hosted.get(target.name) is spec:
                del self.hosted[target.name]
            ended()

        spec = target_spec(
            target.name, target, mailbox, self.hooks, self.letters, TOPICS, None, forget, lambda: self.is_closing(),
            log_timeout=self._log_timeout,
        )  # fmt: skip
        self.hosted[target.name] = spec
        self.topic_starts.put_anyway(RunChild(spec))

    def topic_specs(self) -> list[ChildSpec]:
        """Return the specs of the actors of every topic, and of every target that is hosted beside them."""
        return [*(self._topic_spec(topic) for topic in self.directory.living()), *self.hosted.values()]

    def own_store_specs(self) -> list[ChildSpec]:
        """Return the specs of the actors of every session's own store."""
        return [self._own_store_spec(own) for own in self.own_stores.running()]

    def _tell_topics(self, message: Ended) -> None:
        self.router.put_anyway(For(TOPIC, message))

    def _start_own_store(self, own: OwnStore) -> None:
        self.session_starts.put_anyway(RunChild(self._own_store_spec(own)))

    def _topic_spec(self, topic: Topic) -> ChildSpec:
        def left(session: Subscriber, asked: Asked) -> None:
            topic.deserted_at = None  # its time begins anew
            tell(LEFT, session.client_id, topic.id)
            self.admission.say_goodbye(session, topic, asked, dispatch)

        def dispatch(message: Dispatch) -> None:
            is_stored = topic.target.order is not None
            topic.mailbox.put_anyway(message if is_stored else Broadcast(message.payload, None))

        def ended() -> None:
            self.directory.ended(topic)

        target, closing = topic.target, lambda: self.is_closing()
        return target_spec(
            target.name, target, topic.mailbox, self.hooks, self.letters, TOPICS, left, ended, closing,
            log_timeout=self._log_timeout,
        )  # fmt: skip

    def _own_store_spec(self, own: OwnStore) -> ChildSpec:
        name = f"session:{own.session.client_id}"
        return target_spec(name, own.target, own.mailbox, self.hooks, self.letters, SESSIONS, is_own=True)
