"""The answer to an ``ask``: set once, by any thread, awaited by any greenlet or plain thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

import pykka

from ..words.errors import UsageError
from ..words.type_variables import Value
from .host import GEVENT, Host


class Future(pykka.Future[Value]):
    """A Pykka future for greenlets and threads, mixed; ``host`` knows how to wait. ``Future[int]`` gives an int."""

    def __init__(self, host: Host = GEVENT) -> None:
        super().__init__()
        self._host = host
        self.is_done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._wakers: list[Callable[[], Any]] = []  # a deque takes ten times the memory

    def get(self, *, timeout: float | None = None) -> Value:
        """Wait at most ``timeout`` seconds (``None``: for ever) for the value, or raise what was set.

        Raises: pykka.Timeout.
        """
        try:
            return super().get(timeout=timeout)
        except NotImplementedError:  # Pykka's way to say that there is no get hook
            pass
        if not self.is_done and not self._host.wait(self, timeout):
            raise pykka.Timeout(f"no answer within {timeout} seconds")
        if self._error is not None:
            raise self._error
        return cast(Value, self._value)

    @property
    def is_set(self) -> bool:
        """Whether the answer was given."""
        return self.is_done

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

    def wake(self, waker: Callable[[], Any], /) -> None:
        """Have ``waker()`` called when the answer is there; whoever asks looks at ``is_done`` afterwards."""
        self._wakers.append(waker)

    def _check_unset(self) -> None:
        if self.is_done or self._get_hook is not None:
            raise UsageError("this future has its answer already")

    def _finish(self) -> None:
        self.is_done = True
        while self._wakers:
            self._wakers.pop()()
