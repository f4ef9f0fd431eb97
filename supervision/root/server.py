"""The server as a program holds it: a handle on the tree, safe from any greenlet and any OS thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Unpack

import gevent

from ...actors.routing.kind_handle import KindHandle
from ...actors.routing.topic import Kind
from ...actors.routing.topic_handle import TopicHandle
from ...actors.routing.wiring import Wiring
from ...actors.runtime.hooks import TopicHooks
from ...actors.runtime.host import GEVENT, Host
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.sessions.messages import DispatchTo
from ...actors.sessions.sessions import check_client_id
from ...actors.targets.dead_letters import DeadLetter
from ...actors.targets.messages import Dispatch
from ...actors.words.delivery import ALL
from ...actors.words.delivery import of as rule_of
from ...actors.words.errors import NotRunning, OriginRefused, UsageError
from ...actors.words.guard import Guard
from ...actors.words.hook_types import EndHook, MembershipHook, PublishHook, SubscribeHook
from ...actors.words.identity import Identity, check_identity
from ...actors.words.meta import check_share
from ...actors.words.parameters import check_takes
from ...actors.words.store import Store
from ...actors.words.target_names import SESSION
from ...actors.words.type_variables import Message, Model
from ...transport.serialiser.serialiser import Serialiser, automatic
from ...transport.wire.codec import Codec
from . import tree
from .books import Books
from .hook_decorators import HookDecorators
from .lifecycle import Lifecycle
from .living import Living
from .options import Options, ServerOptions, check_window
from .socketless_clients import SocketlessClients

logger = ThrottledLogger("nuphar.supervision")


class Server(Living, HookDecorators):
    """Holds authoritative state and routes every client's messages to the right store.

    ``initial`` is the shared model and ``wiring`` how it is split; ``options`` are the fields of `Options`;
    ``host`` is the world that it lives in, another than the real one in a simulation.

    >>> server = Server().start()
    >>> counter = server.topic("counter").with_store(Store(0, lambda model, message: model + message))
    >>> counter.dispatch(5)
    1
    >>> counter.model, counter.seq
    (5, 1)
    >>> server.stop()
    """

    def __init__(
        self,
        initial: Any = None,
        wiring: Wiring | None = None,
        serialiser: Serialiser | None = None,
        *,
        host: Host = GEVENT,
        **options: Unpack[ServerOptions],
    ) -> None:
        self.options = Options.of(options)
        self.initial = initial
        self.wiring = wiring if wiring is not None else Wiring()
        if not isinstance(self.wiring, Wiring):
            raise UsageError(f"wiring: expected a nuphar.Wiring, got {wiring!r}")
        if serialiser is not None and not isinstance(serialiser, Serialiser):
            raise UsageError(f"serialiser: expected what nuphar.automatic() or custom() makes, got {serialiser!r}")
        self.codec = Codec(serialiser if serialiser is not None else automatic())
        self.books = books = Books(initial, self.wiring, self.codec, self.options, host)
        self.router = books.router
        self.hooks, self.directory, self.openings = books.hooks, books.directory, books.openings
        self.sessions, self.own_stores, self.gateway = books.sessions, books.own_stores, books.gateway
        self.origins, self.identify = self.options.origins, self.options.identify
        self._socketless = SocketlessClients(books)
        self.lifecycle = Lifecycle(lambda: tree.start(books), books, self.options, self)
        books.is_closing = lambda: self.lifecycle.has_stopped

    def stats(self) -> dict[str, Any]:
        """Return counters; ``detached`` are the sessions without a connection, ``hub_longest_stall`` is in seconds."""
        root, guard = self.lifecycle.root, self.lifecycle.guard
        return {
            **self.books.counts(),
            "actors": 0 if root is None or root.registry is None else len(root.registry),
            "hub_stalls": 0 if guard is None else guard.stalls,
            "hub_longest_stall": 0.0 if guard is None or guard.longest is None else guard.longest.seconds,
        }

    # Clients without a socket of ours.

    def connect(
        self,
        client_id: str,
        send: Callable[[bytes], Any],
        *,
        session: Iterable[Any] = (),
        identity: Identity | None = None,
        origin: str | None = None,
        host: str | None = None,
    ) -> None:
        """Register a client; ``send(frame)`` is called with one protocol frame at a time and must not wait.

        ``session`` are messages for its own store, applied before anything it sends. ``identity`` is who it is, None
        for an anonymous client; its ``expires`` is for the application to look at. ``origin`` is checked if given,
        before the server knows of the client at all. A client that has this id already is disconnected first.
        Raises: NotRunning, OriginRefused, UsageError.
        """
        self.check_running()
        if origin is not None:
            self.check_origin(origin, host)
        identity = check_identity("identity", identity)
        self._socketless.connect(client_id, send, session, self.lifecycle.hub, identity)

    def disconnect(self, client_id: str) -> None:
        """Unregister a client from the server and all its topics; does nothing for an unknown one."""
        self.check_running()
        self._socketless.disconnect(client_id)

    def incoming(self, client_id: str, data: bytes) -> None:
        """Process one frame of a connected client; an unknown one's is dropped, as it races with disconnects."""
        self.check_running()
        self._socketless.incoming(client_id, data)

    def watch(self, client_id: str, greenlet: gevent.Greenlet) -> None:
        """Disconnect the client when ``greenlet`` ends, however it ends."""
        self.check_running()

        def gone(_: object) -> None:
            if self.is_running:
                self.disconnect(client_id)

        greenlet.link(gone)

    def check_origin(self, origin: str | None, host: str | None = None) -> None:
        """Judge an ``Origin`` header, for an application that has its own transport.

        Raises: OriginRefused.
        """
        try:
            self.origins.check(origin, host)
        except OriginRefused as error:
            logger.warning("connection refused: %s", error)
            raise

    # Targets.

    def topic(
        self,
        topic_id: str,
        *,
        delivery: Any = ALL,
        share: Sequence[str] = (),
        publish: Literal["subscribers", "server"] = "subscribers",
        may_publish: PublishHook | None = None,
        server_only: Sequence[type] = (),
    ) -> TopicHandle:
        """Add a topic, ephemeral until it gets a store; before or after the start.

        ``delivery`` says what becomes of its messages for a subscriber who cannot take them (docs/delivery.md).
        ``share`` is what subscribers are told of each message besides it: some of "author" and "at" (`nuphar.Meta`).
        ``publish`` is who may write at all, ``may_publish`` a rule for each of the clients' messages, and messages of
        the types ``server_only`` come from the server alone (docs/server.md).
        Raises: TopicExists, UsageError for an ill-formed id, NotRunning after a stop.
        """
        self._check_not_stopped()
        guard = Guard.of(publish, may_publish, server_only)
        topic = self.directory.add_topic(topic_id, rule_of(delivery), check_share(share), guard)
        if self.lifecycle.has_begun:  # also while the tree is being started, which may have looked for topics already
            self.books.start_topic(topic)
        return TopicHandle(self, topic)

    def topic_kind(
        self,
        prefix: str,
        parse: Callable[[str], Any] = str,
        *,
        store: Store[Model, Message] | Callable[[Any], Store[Model, Message]] | None = None,
        can_subscribe: SubscribeHook | None = None,
        on_join: MembershipHook | None = None,
        on_leave: MembershipHook | None = None,
        on_end: EndHook | None = None,
        delivery: Any = ALL,
        window: float | None = None,
        share: Sequence[str] = (),
        publish: Literal["subscribers", "server"] = "subscribers",
        may_publish: PublishHook | None = None,
        server_only: Sequence[type] = (),
    ) -> KindHandle[Model, Message]:
        """Add a topic kind: one topic for each id that starts with ``prefix``, started on its first Subscribe.

        ``parse(rest of the id)`` gives the key, or raises ValueError for an id that names nothing (``not_found``).
        Without ``store`` the wiring's kind of this prefix is used, if there is one; else the topics are ephemeral.
        ``delivery``, ``share`` and who may write are those of each of these topics, as in `topic`. One that nobody has
        been subscribed to for ``window`` seconds (None: the option ``topic_window``) ends, after ``on_end``.
        Raises: TopicExists, UsageError, NotRunning after a stop.
        """
        self._check_not_stopped()
        check_takes("parse", parse, "text")
        hooks = TopicHooks.of(can_subscribe=can_subscribe, on_join=on_join, on_leave=on_leave, on_end=on_end)
        kind = Kind(
            prefix,
            parse,
            hooks,
            delivery=rule_of(delivery),
            window=check_window("window", window),
            share=check_share(share),
            guard=Guard.of(publish, may_publish, server_only),
        )
        handle: KindHandle[Model, Message] = KindHandle(self, kind)
        if store is not None or prefix in self.wiring.kinds:
            handle.with_store(store)
        self.directory.add_kind(kind)
        return handle

    def dispatch_to(self, client_id: str, message: Any) -> None:
        """Apply ``message`` to a client's own store; does nothing if it is not connected."""
        self.check_running()
        self._dispatch_to(check_client_id(client_id), message)

    def dispatch_to_all(self, message: Any) -> None:
        """Apply ``message`` to every connected client's own store."""
        self.check_running()
        self._dispatch_to(None, message)

    def _dispatch_to(self, client_id: str | None, message: Any) -> None:
        dispatch = Dispatch(message, self.codec.encode_message(message))
        self.router.put(DispatchTo(client_id, SESSION, dispatch))

    def dead_letters(self) -> list[DeadLetter]:
        """Return the messages that crashed their actor twice, oldest first: read them, replay or discard them."""
        return self.books.letters.list()

    def _check_not_stopped(self) -> None:
        if self.lifecycle.root is not None:
            self.lifecycle.home.check()
        if self.lifecycle.has_stopped:
            raise NotRunning("the server has stopped")
