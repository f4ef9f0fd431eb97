"""The Python client: replicas of a server's targets, kept in step, in a gevent program or in plain threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Self, TypeVar

from ..actors.delivery import of, plain
from ..actors.errors import NotRunning, RemoteProtocolError, UsageError
from ..actors.future import Future
from ..actors.store import Store, check_store
from ..actors.targets import as_target
from .client_core import ClientCore
from .client_events import Answered, Changed, Ending, Event, Failed, Pushed
from .client_runtime import choose
from .connector import Connector, Handler, Transport
from .serialiser import Serialiser, automatic
from .websocket_client import websocket

logger = logging.getLogger("nuphar.client")

Hook = TypeVar("Hook", bound=Callable[..., Any])


class Client:
    """Connects in the background, and comes back by itself.

    ``where`` is a ``ws://`` URL or a `Connector`; ``stores`` maps targets (``"session"``, ``"topic:chat"``, or just
    ``"chat"``) to stores like the server's. A message is applied when the server has acknowledged it. What is
    dispatched without a connection waits for it (at most 256 messages); what was on its way when the connection was
    lost is answered ``unknown_outcome``. All methods may be called from any greenlet or thread of the program.

    ``runtime`` is ``"greenlets"``, ``"threads"`` or ``"auto"``: greenlets if this thread runs a gevent hub.
    """

    def __init__(
        self,
        where: str | Connector,
        serialiser: Serialiser | None = None,
        stores: Mapping[str, Store] | None = None,
        *,
        runtime: str = "auto",
    ) -> None:
        checked: dict[str, Store | None] = {
            as_target(name): check_store(store) for name, store in (stores or {}).items()
        }
        self._core = ClientCore(serialiser if serialiser is not None else automatic(), checked)
        self._runtime = choose(runtime)
        self._lock = RLock()
        self._sending = self._runtime.lock()
        self._answers: dict[int, Future] = {}
        self._waits: list[tuple[Callable[[Client], bool], Future]] = []
        self._changes: list[Callable[[str, Any, Any], Any]] = []
        self._pushes: list[Callable[[str, Any], Any]] = []
        self._state = "connecting"
        self._transport: Transport | None = None
        handler = Handler(self._receive, self._opened, self._lost, self._ended)
        connector = websocket(where, runtime=self._runtime) if isinstance(where, str) else where
        self._transport = connector(handler)
        self._flush()  # it may have connected before we knew it

    def __repr__(self) -> str:
        return f"<Client {self.client_id or '(no id yet)'} {self.state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> str:
        """``connecting``, ``live``, ``offline``, or ``closed (code reason)``."""
        return "live" if self._core.is_live and not self._state.startswith("closed") else self._state

    @property
    def client_id(self) -> str:
        """The id that the server gave, empty before the first Welcome."""
        return self._core.client_id

    def model(self, target: str) -> Any:
        """Return the present model of a target.

        Raises: UsageError if the client does not follow it.
        """
        return self._replica(target).model

    def seq(self, target: str) -> int:
        """Return the seq of the present model of a target."""
        return int(self._replica(target).seq)

    def subscribe(self, target: str, store: Store | None = None, *, delivery: Any = None) -> None:
        """Follow another target; without a store its messages are only told to `on_change` and `on_push`.

        ``delivery`` asks for less than the topic gives (docs/delivery.md): ``"latest"``, ``delivery.sample(5)``.
        Raises: NotRunning after `close`; UsageError for a rule that is none.
        """
        if self._state.startswith("closed"):
            raise NotRunning(f"the client is {self._state}")
        params = None if delivery is None else {"delivery": plain(of(delivery))}
        with self._lock:
            self._core.subscribe(as_target(target), None if store is None else check_store(store), params)
        self._flush()

    def unsubscribe(self, target: str) -> None:
        """Follow a target no more."""
        with self._lock:
            self._core.unsubscribe(as_target(target))
        self._flush()

    def dispatch(self, target: str, message: Any) -> Future:
        """Send a message to a target; the future gives its seq, or raises Refused with the server's code.

        Raises: Refused ``busy`` when too many wait for a connection; UnregisteredType; NotRunning after `close`.
        """
        if self._state.startswith("closed"):
            raise NotRunning(f"the client is {self._state}")
        answer = Future()
        with self._lock:
            self._answers[self._core.dispatch(as_target(target), message)] = answer
        self._flush()
        return answer

    def on_change(self, hook: Hook) -> Hook:
        """Decorate ``hook(target, model, message)``; ``message`` is None when a Snapshot replaced the model."""
        self._changes.append(hook)
        return hook

    def on_push(self, hook: Hook) -> Hook:
        """Decorate ``hook(target, message)``, for messages outside any order."""
        self._pushes.append(hook)
        return hook

    def wait_live(self, timeout: float = 5.0) -> Self:
        """Wait until the server has answered every Subscribe.

        Raises: pykka.Timeout.
        """
        self.wait_until(lambda client: client._core.is_settled(), timeout)
        return self

    def wait_until(self, condition: Callable[[Client], bool], timeout: float = 5.0) -> None:
        """Wait until ``condition(client)`` holds; it is looked at whenever something has arrived.

        Raises: pykka.Timeout.
        """
        waiting = (condition, Future())
        with self._lock:
            self._waits.append(waiting)
        self._look()
        try:
            waiting[1].get(timeout=timeout)
        finally:
            with self._lock:
                if waiting in self._waits:
                    self._waits.remove(waiting)

    def close(self) -> None:
        """End the connection for good; does nothing the second time."""
        if not self._state.startswith("closed"):
            self._ended(1000, "by this client")
            if self._transport is not None:
                self._transport.close()

    def _replica(self, target: str) -> Any:
        replica = self._core.replicas.get(as_target(target))
        if replica is None:
            raise UsageError(f"this client does not follow {target!r}; it follows {sorted(self._core.replicas)}")
        return replica

    # What the transport calls.

    def _opened(self) -> None:
        with self._lock:
            self._core.open()
        self._flush()

    def _lost(self) -> None:
        with self._lock:
            if not self._state.startswith("closed"):
                self._state = "offline"
            events = self._core.lose()
        self._tell(events)

    def _ended(self, code: int, reason: str) -> None:
        self._state = f"closed ({code} {reason})"
        with self._lock:
            answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            error = NotRunning(f"the client is {self._state}")
            answer.set_exception((NotRunning, error, None))
        self._look()

    def _receive(self, data: bytes) -> None:
        try:
            with self._lock:
                events = self._core.receive(data)
        except RemoteProtocolError:
            logger.exception("a frame of the server cannot be understood")
            return
        self._flush()
        self._tell(events)

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Answered(ref, seq, refused):
                    answer = self._answers.pop(ref, None)
                    if answer is not None and refused is not None:
                        answer.set_exception((type(refused), refused, None))
                    elif answer is not None:
                        answer.set(seq)
                    elif refused is not None:
                        logger.warning("the server refused: %s", refused)
                case Changed(target, message):
                    self._call(self._changes, target, self.model(target), message)
                case Pushed(target, message):
                    self._call(self._pushes, target, message)
                case Failed(target, error):
                    logger.error("the update of %s raised", target, exc_info=error)
                case Ending(retry_after) if self._transport is not None:
                    self._transport.pause(retry_after)
        self._look()

    def _call(self, hooks: list[Any], *arguments: Any) -> None:
        for hook in hooks:
            try:
                hook(*arguments)
            except Exception:
                logger.exception("a hook of the client raised")

    def _look(self) -> None:
        with self._lock:
            waits, self._waits = self._waits, []
            for condition, future in waits:
                try:
                    if condition(self):
                        future.set()
                    else:
                        self._waits.append((condition, future))
                except Exception as error:  # it is the waiter's, and not whose frame has just arrived
                    future.set_exception((type(error), error, error.__traceback__))

    def _flush(self) -> None:
        """Send what waits, in order, by one of us at a time."""
        outgoing = self._core.outgoing
        while outgoing and self._transport is not None and self._sending.acquire(blocking=False):
            try:
                while outgoing:
                    self._transport.send(outgoing[0])
                    if outgoing:
                        outgoing.popleft()
            except OSError:
                return  # the transport will say that the connection is lost
            finally:
                self._sending.release()
