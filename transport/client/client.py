"""The Python client for gevent programs and plain threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, Unpack

from ...actors.runtime.future import Future
from ...actors.words.close_codes import NORMAL_CLOSURE
from ...actors.words.errors import NotRunning, Refused
from ...actors.words.store import Store
from ...actors.words.target_names import as_target
from ..serialiser.serialiser import Serialiser
from .base import BY_US, BaseClient
from .connectors.best import best
from .connectors.connector import Connector
from .connectors.runtimes import choose
from .connectors.url_options import ClientOptions, check_client_options
from .connectors.urls import scheme_of
from .connectors.websocket import websocket
from .core.outgoing import Queue
from .core.replica import OwnMessage


class Client(BaseClient[Future[int]]):
    """Connects in the background, and comes back by itself.

    ``where`` is a URL or a `Connector`: ``http://`` takes a WebSocket, or long-polling where none gets through, and
    moves back up later; ``ws://`` takes nothing else. ``stores`` maps targets (``"session"``, ``"topic:chat"``, or just
    ``"chat"``) to stores like the server's. A message is shown at once, sent as soon as there is a connection, and
    repeated after a lost one until the server has answered it; it is applied once. ``queue`` is where messages wait:
    in memory, or in a file (`nuphar.FileQueue`) that outlives the program. All methods may be called from any greenlet
    or thread of the program.

    ``runtime`` is ``"greenlets"``, ``"threads"`` or ``"auto"``: greenlets if this thread runs a gevent hub. With a URL
    go ``options``, the same over every transport: ``headers`` (pairs, a mapping, or a function called at each try),
    ``token`` (text, or such a function), ``ssl_context``, ``proxy``, ``timeout``, ``heartbeat``, ``backoff``
    (docs/clients.md).
    """

    def __init__(
        self,
        where: str | Connector,
        serialiser: Serialiser | None = None,
        stores: Mapping[str, Store] | None = None,
        *,
        queue: Queue | None = None,
        runtime: str = "auto",
        debug: bool | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._runtime = choose(runtime)
        check_client_options(where, options)
        if isinstance(where, str):
            make = best if scheme_of(where).startswith("http") else websocket
            self._connector: Connector = make(where, runtime=self._runtime, **options)
        else:
            self._connector = where
        super().__init__(serialiser, stores, queue, debug)
        self._sending = self._runtime.lock()
        self._answers: dict[int, Future[int]] = {}
        self._over = self._runtime.event()
        self._waits: list[tuple[Callable[[Any], bool], Future]] = []
        try:
            self._transport = self._connector(self._handler())
        except BaseException:
            self._queue.close()
            raise
        self._flush()  # it may have connected before we knew it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close()
        if kind is None:
            self._raise_wrong()

    def dispatch(self, target: str, message: Any) -> Future[int]:
        """Apply a message here at once, and send it; the future gives its seq, or raises Refused with a code.

        Raises: Refused ``busy`` when too many wait, ``too_large``; UnregisteredType; QueueError; NotRunning after the
        end. Then nothing has happened.
        """
        answer: Future[int] = Future()
        self._home.check()  # in a fork another thread may have the lock, for good
        with self._lock:
            self._check_open()
            own, events = self._core.dispatch(as_target(target), message)
            self._answers[own.number] = answer
            self._note(events)
        self._flush()
        self._tell()
        return answer

    def wait_live(self, target: str | float | None = None, timeout: float = 5.0) -> Self:
        """Wait until the server has answered every Subscribe, or until the client follows ``target``.

        A number alone is the timeout, in seconds. Raises: pykka.Timeout; NotRunning as soon as the client is closed;
        Refused as soon as the server has refused ``target``; UsageError if the client does not follow it.
        """
        if isinstance(target, str):
            self.wait_until(lambda client: client._follows(target), timeout)
        else:
            self.wait_until(lambda client: client._is_settled(), timeout if target is None else target)
        return self

    def wait_until(self, condition: Callable[[Client], bool], timeout: float = 5.0) -> None:
        """Wait until ``condition(client)`` holds; it is looked at whenever something has changed.

        Raises: pykka.Timeout.
        """
        self._home.check()
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
        """End the connection for good; does nothing the second time, and in a forked child, whose parent's it is.

        The session ends too, unless messages wait in a file: then it is kept for the next run of the program.
        Raises: with ``debug``, WrongUpdate, behind the end, if an update did what it must not.
        """
        self._close()
        self._raise_wrong()

    def _close(self) -> None:
        if not self.is_closed and not self._home.is_foreign:
            self._ended(NORMAL_CLOSURE, BY_US)
            self._end_transport()

    def _ended(self, code: int, reason: str) -> None:
        super()._ended(code, reason)
        self._over.set()
        with self._lock:
            answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            error = NotRunning(f"the client is {self._state}")
            answer.set_exception((NotRunning, error, None))
        self._look()

    def _after(self, seconds: float, function: Callable[[], Any]) -> None:
        def wait() -> None:
            if not self._over.wait(seconds) and not self._home.is_foreign:
                function()

        self._runtime.spawn(wait)

    def _answer(self, own: OwnMessage, seq: int, refused: Refused | None) -> None:
        answer = self._answers.pop(own.number, None)
        if answer is not None and refused is not None:
            answer.set_exception((type(refused), refused, None))
        elif answer is not None:
            answer.set(seq)

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
            first = None
            try:
                while outgoing:
                    first = outgoing[0]
                    self._transport.send(first)
                    with self._lock:
                        if outgoing and outgoing[0] is first:
                            outgoing.popleft()
            except IndexError:  # the connection was lost between two looks
                continue
            except OSError:
                # The transport will say that the connection is lost. If there is another one already, its Hello waits.
                if outgoing and outgoing[0] is first:
                    return
            finally:
                self._sending.release()
