"""What every Python client has, whatever it runs on: the replicas to look at, the hooks, and the way of events to them.

Events are told one at a time and in order, by whoever finds them waiting; a hook may use the client.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock, RLock
from typing import Any, TypeVar

from ...actors.runtime.forks import Home
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.words.delivery import of, plain
from ...actors.words.errors import NotRunning, Refused, RemoteProtocolError, UsageError
from ...actors.words.store import Store, check_store
from ...actors.words.target_names import as_target
from ..serialiser.serialiser import Serialiser, automatic
from .connectors.connector import Handler, Transport
from .core.core import ClientCore
from .core.events import Answered, Changed, Denied, Ending, Event, Failed, NotKept, Pushed, Welcomed
from .core.outgoing import MemoryQueue, Queue
from .core.replica import OwnMessage, Replica
from .core.states import Closed, Connecting, Live, Offline, State

logger = ThrottledLogger("nuphar.client")

Hook = TypeVar("Hook", bound=Callable[..., Any])

BY_US = "by this client"


class BaseClient:
    """A subclass says how to connect, how a dispatch is answered, and how to wait.

    Its ``_answer(own, seq, refused)`` gives the answer to a dispatch, ``_look()`` is called whenever something is new,
    and ``_flush()`` sends what waits.
    """

    def __init__(self, serialiser: Serialiser | None, stores: Mapping[str, Store] | None, queue: Queue | None) -> None:
        if isinstance(queue, str | os.PathLike):
            raise UsageError(f"expected queue=FileQueue({str(queue)!r}), got the path alone")
        if stores is not None and not isinstance(stores, Mapping):
            raise UsageError(f"expected stores as a mapping of target to store, got {type(stores).__name__}")
        checked: dict[str, Store | None] = {
            as_target(name): check_store(store) for name, store in (stores or {}).items()
        }
        self._home = Home("this client")
        self._queue: Queue = queue if queue is not None else MemoryQueue()
        self._core = ClientCore(serialiser if serialiser is not None else automatic(), checked, self._queue)
        self._lock = RLock()
        self._telling = Lock()
        self._events: deque[tuple[list[Callable[..., Any]], tuple[Any, ...]]] = deque()
        self._changes: list[Callable[..., Any]] = []
        self._pushes: list[Callable[..., Any]] = []
        self._rejections: list[Callable[..., Any]] = []
        self._states: list[Callable[..., Any]] = []
        self._unheard: list[tuple[Any, ...]] = []  # of an earlier run; no more than its queue held
        self._state: State = Connecting()
        self._why = ""
        self._transport: Transport | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.client_id or '(no id yet)'} {self.state}>"

    @property
    def state(self) -> State:
        """One of `nuphar.states`: ``Connecting()``, ``Live(…)``, ``Offline(since, why)``, ``Closed(code, reason)``."""
        return self._state

    @property
    def is_live(self) -> bool:
        """Whether there is a connection and the server has said Welcome."""
        return isinstance(self._state, Live)

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return isinstance(self._state, Closed)

    @property
    def client_id(self) -> str:
        """The id that the server gave, empty before the first Welcome."""
        return self._core.client_id

    def model(self, target: str) -> Any:
        """Return what is to be shown of a target: `confirmed` with `pending` applied on top.

        Raises: UsageError if the client does not follow it.
        """
        return self._replica(target).model

    def confirmed(self, target: str) -> Any:
        """Return the server's model of a target, as far as it has been heard here."""
        return self._replica(target).confirmed

    def pending(self, target: str) -> list[Any]:
        """Return the messages of this client that are not part of `confirmed` yet, in order."""
        with self._lock:
            return [own.message for own in self._replica(target).pending]

    def seq(self, target: str) -> int:
        """Return the seq of `confirmed`."""
        return self._replica(target).seq

    def subscribe(self, target: str, store: Store | None = None, *, delivery: Any = None) -> None:
        """Follow another target; without a store its messages are only told to `on_change` and `on_push`.

        ``delivery`` asks for less than the topic gives (docs/delivery.md): ``"latest"``, ``delivery.sample(5)``.
        Raises: NotRunning after the end; UsageError for a rule that is none.
        """
        self._check_open()
        params = None if delivery is None else {"delivery": plain(of(delivery))}
        with self._lock:
            self._core.subscribe(as_target(target), None if store is None else check_store(store), params)
        self._flush()

    def unsubscribe(self, target: str) -> None:
        """Follow a target no more."""
        self._home.check()
        with self._lock:
            self._core.unsubscribe(as_target(target))
        self._flush()

    def set_local(self, target: str, **values: Any) -> None:
        """Give local fields of a target's model other values, here and nowhere else.

        Raises: UsageError for a field that is not in the store's ``local``.
        """
        store = self._replica(target).store
        local = () if store is None else store.local
        if unknown := sorted(set(values) - set(local)):
            raise UsageError(f"{target}: expected some of the local fields {list(local)}, got {unknown}")
        with self._lock:
            self._note(self._core.set_local(as_target(target), values))
        self._tell()

    # Hooks.

    def on_change(self, hook: Hook) -> Hook:
        """Decorate ``hook(target, model, message)``; ``message`` is None when more than one message changed the model.

        A message of this client is told when it is dispatched, and not again when the server has confirmed it.
        """
        self._changes.append(hook)
        return hook

    def on_push(self, hook: Hook) -> Hook:
        """Decorate ``hook(target, message)``, for messages outside any order."""
        self._pushes.append(hook)
        return hook

    def on_rejected(self, hook: Hook) -> Hook:
        """Decorate ``hook(target, message, refused)``, for each message of this client that was not applied.

        It has been taken out of the model already. Also for what an earlier run of the program left in its queue: that
        waits for the first such hook, since nobody else asks about it.
        """
        self._home.check()
        with self._lock:
            self._rejections.append(hook)
            unheard, self._unheard = self._unheard, []
            self._events.extend((self._rejections, arguments) for arguments in unheard)
        if unheard:
            self._tell()
        return hook

    def on_state(self, hook: Hook) -> Hook:
        """Decorate ``hook(state)``, called with every new `state`."""
        self._states.append(hook)
        return hook

    # For the subclasses.

    def _answer(self, own: OwnMessage, seq: int, refused: Refused | None) -> None:
        raise NotImplementedError

    def _look(self) -> None:
        raise NotImplementedError

    def _flush(self) -> None:
        raise NotImplementedError

    def _handler(self) -> Handler:
        here = self._home.only_here
        return Handler(here(self._receive), here(self._opened), here(self._lost), here(self._ended), here(self._fault))

    def _check_open(self) -> None:
        self._home.check()
        if self.is_closed:
            raise NotRunning(f"the client is {self._state}")

    def _is_settled(self) -> bool:
        self._check_open()
        return self._core.is_settled()

    def _replica(self, target: str) -> Replica:
        self._home.check()
        replica = self._core.replicas.get(as_target(target))
        if replica is None:
            raise UsageError(f"this client does not follow {target!r}; it follows {sorted(self._core.replicas)}")
        return replica

    def _end_transport(self) -> None:
        """Say that we will not come back, unless a later run of the program has messages to send."""
        if self._transport is None:
            return
        waits = self._queue.is_durable and self._core.requests.unanswered()
        (self._transport.leave if waits and self._transport.leave else self._transport.close)()

    # What the transport calls.

    def _opened(self) -> None:
        with self._lock:
            self._core.open()
        self._flush()

    def _fault(self, why: str) -> None:
        self._why = why
        if not self._core.is_live:
            self._go_offline()

    def _lost(self) -> None:
        with self._lock:
            self._core.lose()
        self._go_offline()

    def _go_offline(self) -> None:
        since = self._state.since if isinstance(self._state, Offline) else time.monotonic()
        self._set_state(Offline(since, self._why or "the connection was lost"))
        self._tell()

    def _ended(self, code: int, reason: str) -> None:
        with self._lock:
            self._set_state(Closed(code, reason))
            self._queue.close()
        self._tell()

    def _receive(self, data: bytes) -> None:
        try:
            with self._lock:
                if self.is_closed:
                    return
                self._note(self._core.receive(data))
        except RemoteProtocolError:
            logger.exception("a frame of the server cannot be understood")
            return
        self._flush()
        self._tell()

    def _set_state(self, state: State) -> None:
        with self._lock:
            if self.is_closed or state == self._state:
                return
            self._state = state
            self._events.append((self._states, (state,)))

    def _note(self, events: list[Event]) -> None:
        """Take what the core says, in its order; called with the lock held."""
        for event in events:
            match event:
                case Answered(own, seq, refused):
                    if refused is not None:
                        self._note_refusal(own, refused)
                    self._answer(own, seq, refused)
                case Changed(target, model, message):
                    self._events.append((self._changes, (target, model, message)))
                case Pushed(target, message):
                    self._events.append((self._pushes, (target, message)))
                case Welcomed(client_id, resumed):
                    self._why = ""
                    self._set_state(Live(client_id, resumed))
                case Denied(target, refused):
                    logger.warning("the server refused %s: %s", target or "a frame", refused)
                case Failed(target, error):
                    logger.error("the update of %s raised", target, exc_info=error)
                case NotKept(error):
                    logger.error("%s", error)
                case Ending(retry_after) if self._transport is not None:
                    self._transport.pause(retry_after)

    def _note_refusal(self, own: OwnMessage, refused: Refused) -> None:
        arguments = (own.target, own.message, refused)
        if own.number <= self._core.kept and not self._rejections:
            self._unheard.append(arguments)
        else:
            self._events.append((self._rejections, arguments))

    def _tell(self) -> None:
        """Call the hooks, unless somebody is at it: he goes on with ours."""
        while self._events and self._telling.acquire(blocking=False):
            try:
                while self._events:
                    hooks, arguments = self._events.popleft()
                    for hook in list(hooks):
                        self._call(hook, arguments)
            finally:
                self._telling.release()
        self._look()

    def _call(self, hook: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            hook(*arguments)
        except Exception:
            logger.exception("a hook of the client raised")
