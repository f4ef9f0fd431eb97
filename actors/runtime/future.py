"""The answer to an ``ask``: set once, by any thread, awaited by any greenlet or plain thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pykka
from gevent._hub_local import get_hub_if_exists
from gevent.event import Event

from ..words.errors import UsageError
from .mailbox import allocate_lock

# A hub with nothing else to do gives up (LoopExit) unless a timer keeps it alive, so no wait is longer than this.
LONGEST_WAIT = 3600.0


class Future(pykka.Future[Any]):
    """A Pykka future for greenlets and threads, mixed.

    A thread that has a gevent hub waits in it, so its other greenlets go on; a thread that has none blocks on a
    real lock and gets no hub from us (a hub holds file descriptors that nobody would close).
    """

    def __init__(self) -> None:
        super().__init__()
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._wakers: list[Callable[[], Any]] = []  # a deque takes ten times the memory

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait at most ``timeout`` seconds (``None``: for ever) for the value, or raise what was set.

        Raises: pykka.Timeout.
        """
        try:
            return super().get(timeout=timeout)
        except NotImplementedError:  # Pykka's way to say that there is no get hook
            pass
        if not self._done and not self._wait(timeout):
            raise pykka.Timeout(f"no answer within {timeout} seconds")
        if self._error is not None:
            raise self._error
        return self._value

    @property
    def is_set(self) -> bool:
        """Whether the answer was given."""
        return self._done

    def set(self, value: Any = None) -> None:
        """Give the answer."""
        self._check_unset()
        self._value = value
        self._finish()

    def set_exception(self, exc_info: Any = None) -> None:
        """Answer with an exception: ``(type, value, traceback)``, by default the one being handled."""
        self._check_unset()
        kind, error, traceback = exc_info or sys.exc_info()
        if error is None:
            assert kind is not None, "there is no exception to answer with"
            error = kind()
        self._error = error.with_traceback(traceback)
        self._finish()

    def set_get_hook(self, func: Callable[[float | None], Any]) -> None:
        """Let ``func(timeout)`` give the answer when somebody asks for it."""
        self._check_unset()
        super().set_get_hook(func)

    def _check_unset(self) -> None:
        if self._done or self._get_hook is not None:
            raise UsageError("this future has its answer already")

    def _finish(self) -> None:
        self._done = True
        while self._wakers:
            self._wakers.pop()()

    def _wait(self, timeout: float | None) -> bool:
        if get_hub_if_exists() is None:
            lock = allocate_lock()
            lock.acquire()
            self._wakers.append(lock.release)
            # Set just before we enqueued: then nobody will release us.
            if not self._done:
                lock.acquire(True, -1 if timeout is None else timeout)
        else:
            event = Event()
            self._wakers.append(event.set)
            while not self._done and not event.wait(LONGEST_WAIT if timeout is None else timeout) and timeout is None:
                continue
        return self._done
