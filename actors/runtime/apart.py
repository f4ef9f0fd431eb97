"""A function in a short greenlet of its own, for which the caller waits: what belongs to a greenlet ends with it.

Under gevent's patch a ``threading.local`` belongs to a greenlet, and in it database libraries keep their connections.
In the greenlet of a socket or of an actor one would stay open for hours (docs/deploy.md).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]

T = TypeVar("T")


def runs_in(taker: object) -> bool:
    """Say whether the caller runs in the greenlet ``taker``, be it in a function that this has called apart."""
    running = getcurrent()
    while running is not None and running is not taker:
        running = running.parent  # of what runs apart, who waits for it
    return running is not None


def run_apart(hub: Any, function: Callable[[], T]) -> T:
    """Return what ``function()`` returns, or raise what it raises; nobody else runs in between unless it waits.

    It sees the context variables of the caller. If the caller is killed meanwhile, so is the function.
    """
    caller = getcurrent()
    if caller is hub:  # a callback of the loop, where nothing can wait
        return function()
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, function()))
        except BaseException as error:
            outcome.extend((False, error))

    apart = greenlet(run)  # its parent is the caller: to whom it returns without a turn of the hub
    apart.gr_context = copy_context()
    try:
        apart.switch()
    except BaseException:  # of the caller's own: a kill, a time limit
        if not apart.dead:
            apart.parent = hub
            hub.loop.run_callback(apart.throw, GreenletExit)
        raise
    is_result, value = outcome
    outcome.clear()
    if not is_result:
        try:
            raise value
        finally:
            value = None  # no circle of an error and its frames
    result: T = value
    return result
