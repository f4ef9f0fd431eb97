"""Log lines that a peer can provoke: one each second and kind, with the number of those that were left out.

A kind is the logger, the level and the format string; of an error also its type and the line that raised it. So there
are as many kinds as places in the code, and a flood of one hides no other. A traceback has at most `FRAMES_SHOWN`
frames.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from .short_traceback import short_traceback

INTERVAL = 1.0
"""Seconds in which one line of each kind is written."""


KINDS_KEPT = 1_000
"""Kinds that are remembered; beyond that all are forgotten, which writes some lines too many."""


class LineKind(NamedTuple):
    """What lines have in common of which one a second is enough."""

    logger: str
    level: int
    text: str
    origin: tuple[str, str, int] | None = None
    """Of an error: its type, and the file and line that raised it."""


class Throttle:
    """Which lines are written. Pure: times are monotonic seconds that come in as arguments."""

    def __init__(self, interval: float = INTERVAL, kinds: int = KINDS_KEPT) -> None:
        self.interval = interval
        """Seconds; 0 leaves nothing out."""
        self._bound = kinds
        self._written_at: dict[LineKind, float] = {}
        self._left_out: dict[LineKind, int] = {}

    def admit(self, now: float, kind: LineKind) -> int | None:
        """Return None for a line that is left out, else how many of its kind were left out since the last one."""
        written_at = self._written_at.get(kind)
        if written_at is not None and now - written_at < self.interval:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        if written_at is None and len(self._written_at) >= self._bound:
            self._written_at.clear()
        self._written_at[kind] = now
        return self._left_out.pop(kind, 0)

    def take_left_out(self, now: float) -> list[tuple[LineKind, int]]:
        """Return each kind whose second is over and of which lines were left out, and how many; each is told once."""
        over = [kind for kind in self._left_out if now - self._written_at.get(kind, -inf) >= self.interval]
        return [(kind, self._left_out.pop(kind)) for kind in over]

    def forget(self) -> None:
        """Begin anew: the next line of each kind is written."""
        self._written_at.clear()
        self._left_out.clear()


THROTTLE = Throttle()
"""One for the process, as its log is."""

_lock = threading.Lock()  # loggers are used from any thread; nothing under it waits


class ThrottledLogger:
    """A logger whose lines peers can provoke. It takes what `logging.Logger` takes, without ``stack_info``.

    >>> log = ThrottledLogger("nuphar.transport")
    >>> log.info("%s is refused: %s", "a client", "its frame is too long")
    """

    def __init__(self, name: str, throttle: Throttle = THROTTLE, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logging.getLogger(name)
        self._throttle = throttle
        self._clock = clock

    def debug(self, text: str, *arguments: Any, **more: Any) -> None:
        self._log(logging.DEBUG, text, arguments, **more)

    def info(self, text: str, *arguments: Any, **more: Any) -> None:
        self._log(logging.INFO, text, arguments, **more)

    def warning(self, text: str, *arguments: Any, **more: Any) -> None:
        self._log(logging.WARNING, text, arguments, **more)

    def error(self, text: str, *arguments: Any, **more: Any) -> None:
        self._log(logging.ERROR, text, arguments, **more)

    def exception(self, text: str, *arguments: Any, **more: Any) -> None:
        self._log(logging.ERROR, text, arguments, **{"exc_info": True, **more})

    def log(self, level: int, text: str, *arguments: Any, **more: Any) -> None:
        self._log(level, text, arguments, **more)

    def _log(self, level: int, text: str, arguments: tuple[Any, ...], exc_info: Any = None, extra: Any = None) -> None:
        logger = self._logger
        if not logger.isEnabledFor(level):
            return
        error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1] if exc_info else None
        with _lock:
            left_out = self._throttle.admit(self._clock(), LineKind(logger.name, level, text, _origin(error)))
        if left_out is None:
            return
        if left_out:
            text, arguments = f"{text} (and %d more like it before)", (*arguments, left_out)
        caller = sys._getframe(2)
        code, line = caller.f_code, caller.f_lineno
        info = None if error is None else (type(error), error, error.__traceback__)
        record = logger.makeRecord(
            logger.name, level, code.co_filename, line, text, arguments, info, code.co_name, extra
        )
        if error is not None:
            record.exc_text = short_traceback(error)  # formatters write this rather than the whole
        logger.handle(record)


def tell_left_out(now: float | None = None, throttle: Throttle = THROTTLE) -> None:
    """Write how many lines of each kind were left out of which none has come since; ``now`` is in monotonic seconds.

    A server calls it on every tick of its heartbeats, and when it stops.
    """
    with _lock:
        over = throttle.take_left_out(time.monotonic() if now is None else now)
    for kind, left_out in over:
        logging.getLogger(kind.logger).log(kind.level, "%d more lines like this were left out: %s", left_out, kind.text)


def _origin(error: BaseException | None) -> tuple[str, str, int] | None:
    """Return the type of an error, and the file and line that raised it."""
    if error is None:
        return None
    name, traceback = f"{type(error).__module__}.{type(error).__qualname__}", error.__traceback__
    if traceback is None:
        return name, "", 0
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return name, traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
