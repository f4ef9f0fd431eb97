"""What every Python client has, whatever it runs on: the replicas to look at, its state, and what becomes of events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.words.errors import Refused, RemoteProtocolError, UsageError, WrongUpdate
from ...actors.words.store import Store, check_store
from ...actors.words.target_names import as_target
from ...actors.words.type_variables import Answer
from ...actors.words.watched_updates import is_debug, raised_here, watch
from ..serialiser.serialiser import Serialiser, automatic
from .asking import Asking
from .connectors.connector import Handler, Transport
from .core.core import ClientCore
from .core.events import Answered, Changed, ClientEvent, Denied, Ending, NotKept, Paused, Pushed, UpdateFailed, Welcomed
from .core.keeping import Retry
from .core.outgoing import MemoryQueue, Queue
from .core.replica import OwnMessage
from .core.states import Closed, Live, Offline, State

logger = ThrottledLogger("nuphar.client")

BY_US = "by this client"


class BaseClient(Asking[Answer]):
    """A subclass says how to connect, how a dispatch is answered (an ``Answer``), and how to wait.

    Its ``_answer(own, seq, refused)`` gives the answer to a dispatch, ``_look()`` is called whenever something is new,
    ``_flush()`` sends what waits, and ``_after(seconds, function)`` has a function called later, until the end.
    """

    def __init__(
        self,
        serialiser: Serialiser | None,
        stores: Mapping[str, Store] | None,
        queue: Queue | None,
        debug: bool | None = None,
    ) -> None:
        self._is_debug = is_debug(debug)
        self._wrong: WrongUpdate | None = None
        if isinstance(queue, str | os.PathLike):
            raise UsageError(f"expected queue=FileQueue({str(queue)!r}), got the path alone")
        if stores is not None and not isinstance(stores, Mapping):
            raise UsageError(f"expected stores as a mapping of target to store, got {type(stores).__name__}")
        if serialiser is not None and not isinstance(serialiser, Serialiser):
            raise UsageError(f"serialiser: expected what nuphar.automatic() or custom() makes, got {serialiser!r}")
        if queue is not None and not hasattr(queue, "load"):
            raise UsageError(f"expected a FileQueue, a MemoryQueue or one like them as queue, got {queue!r}")
        checked: dict[str, Store | None] = {
            as_target(name): check_store(store) for name, store in (stores or {}).items()
        }
        self._queue: Queue = queue if queue is not None else MemoryQueue()
        core = ClientCore(
            serialiser if serialiser is not None else automatic(),
            checked,
            self._queue,
            partial(watch, tell=self._note_wrong) if self._is_debug else None,
            time.time,
        )
        super().__init__(core)
        self._retry = Retry()
        self._why = ""
        self._notice = ""  # what the server has said of this connection
        self._transport: Transport | None = None

    # For the subclasses.

    def _answer(self, own: OwnMessage, seq: int, refused: Refused | None) -> None:
        raise NotImplementedError

    def _after(self, seconds: float, function: Callable[[], Any]) -> None:
        raise NotImplementedError

    def _handler(self) -> Handler:
        here = self._home.only_here
        return Handler(here(self._receive), here(self._opened), here(self._lost), here(self._ended), here(self._fault))

    def _end_transport(self) -> None:
        """Say that we will not come back, unless a later run of the program has messages to send."""
        if self._transport is None:
            return
        waits = self._queue.is_durable and self._core.requests.unanswered()
        (self._transport.leave if waits and self._transport.leave else self._transport.close)()

    # What the transport calls.

    def _opened(self) -> None:
        self._notice = ""
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
        if self._notice.startswith(reason):  # a close frame has no room for a long sentence
            reason = self._notice or reason
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

    def _note(self, events: list[ClientEvent]) -> None:
        """Take what the core says, in its order; called with the lock held."""
        for event in events:
            match event:
                case Answered(own, seq, refused):
                    if refused is not None:
                        self._note_rejection(own, refused, own.number <= self._core.kept)
                    self._answer(own, seq, refused)
                case Changed(target, model, message):
                    self._events.append((self._changes, (target, model, message)))
                case Pushed(target, message):
                    self._events.append((self._pushes, (target, message)))
                case Welcomed(client_id, resumed):
                    self._why = ""
                    self._set_state(Live(client_id, resumed))
                    if self._transport is not None:
                        self._transport.welcomed()
                case Denied(target, refused):
                    logger.warning("the server refused %s: %s", target or "a frame", refused)
                    if target is not None:
                        self._events.append((self._refusals, (target, refused)))
                    else:
                        self._notice = refused.text
                case UpdateFailed(target, message, error):
                    logger.error("%s: update raised on %.200r", target, message, exc_info=error)
                    if self._is_debug:
                        self._note_wrong(raised_here(target, message, error))
                case NotKept(error):
                    logger.error("%s", error)
                    if (delay := self._retry.begin()) is not None:
                        self._after(delay, self._try_disk)
                case Paused(turn, seconds):
                    self._after(seconds, partial(self._rested, turn))
                case Ending(retry_after) if self._transport is not None:
                    self._transport.pause(retry_after)

    def _rested(self, turn: int) -> None:
        """Send again what the server wanted later."""
        with self._lock:
            if self.is_closed:
                return
            self._note(self._core.rested(turn))
        self._flush()
        self._tell()

    def _note_wrong(self, error: WrongUpdate) -> None:
        """Keep the first thing that an update did wrong, for the end."""
        self._wrong = self._wrong or error

    def _raise_wrong(self) -> None:
        """Raise it, once."""
        wrong, self._wrong = self._wrong, None
        if wrong is not None:
            raise wrong

    def _try_disk(self) -> None:
        """See whether the queue has room again."""
        with self._lock:
            if self.is_closed:
                return
            self._note(self._core.retry())
            delay = self._retry.again(self._core.keeping.is_short)
        if delay is not None:
            self._after(delay, self._try_disk)
        else:
            logger.info("the queue keeps what it is told again")
        self._flush()
        self._tell()
