"""What is done once, by whoever comes first: a look, a wait and a deed that nobody else can come between.

>>> once = Once()
>>> once.do_or_wait(lambda: print("done"), 1.0), once.do_or_wait(lambda: print("done"), 1.0)
done
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .future import Future

_FREE = object()


class Once:
    """Safe from any greenlet and any OS thread. A deed that raised was not done, and may be tried again."""

    def __init__(self) -> None:
        self._deed: dict[str, Future] = {}

    @property
    def is_taken(self) -> bool:
        """Whether somebody does it, or has done it."""
        return bool(self._deed)

    def do(self, deed: Callable[[], Any]) -> bool:
        """Call ``deed()`` and return True; False at once if somebody does it, or has done it.

        Raises: what ``deed`` raises; who waits for it hears the same.
        """
        mine = Future()
        if self._deed.setdefault("it", mine) is not mine:  # one step: nobody comes between the look and the claim
            return False
        try:
            deed()
        except BaseException as error:
            del self._deed["it"]
            if isinstance(error, Exception):
                mine.set_exception((type(error), error, error.__traceback__))
            else:
                mine.set(_FREE)  # we are being ended, which is nobody else's: another may do it
            raise
        mine.set()
        return True

    def do_or_wait(self, deed: Callable[[], Any], timeout: float) -> bool:
        """Do it (True), or wait at most ``timeout`` seconds until whoever does it is done (False).

        Raises: what ``deed`` raised here or there, pykka.Timeout.
        """
        while not self.do(deed):
            under_way = self._deed.get("it")
            if under_way is not None and under_way.get(timeout=timeout) is not _FREE:
                return False
        return True

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for whoever does it; True if it was done, False if not, or not yet."""
        under_way = self._deed.get("it")
        try:
            return under_way is not None and under_way.get(timeout=timeout) is not _FREE
        except Exception:  # it takes longer, or it raised, which is told to whoever tried it
            return False
