"""The host: the world that actors live in, as one object. Time, chance, secrets, greenlets and timers come from it.

Production has one, `GEVENT`. Whoever wants another world (virtual time, a seeded choice of who runs next) passes
another object; no module's names have to be replaced for that.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import gevent
from gevent._hub_local import get_hub_if_exists
from gevent.event import Event
from gevent.hub import get_hub
from gevent.monkey import get_original

from . import fair_turns
from .apart import run_apart
from .fair_turns import Pulse, Turn

T = TypeVar("T")

# The real one: under monkey patching an OS thread must still be told from a greenlet.
allocate_lock: Callable[[], Any] = get_original("_thread", "allocate_lock")

LONGEST_WAIT = 3600.0
"""Seconds of one wait: a hub with nothing else to do gives up (LoopExit) unless a timer keeps it alive."""


class Task(Protocol):
    """A function that runs beside its caller."""

    def rawlink(self, callback: Callable[[Any], Any], /) -> Any:
        """Call ``callback(task)`` on the hub in every ending, also if it was killed before it ran."""

    def kill(self, *, block: bool) -> Any:
        """End it at its next switch; with ``block`` wait for that."""


class Timer(Protocol):
    """Calls back once, or again and again; ``close`` frees it."""

    def start(self, callback: Callable[[], Any], /) -> Any: ...

    def stop(self) -> Any: ...

    def close(self) -> Any: ...


class Waited(Protocol):
    """What somebody waits for: it has its answer already, or calls ``waker()`` when it has."""

    @property
    def is_done(self) -> bool: ...

    def wake(self, waker: Callable[[], Any], /) -> None: ...


class Host(Protocol):
    """Times are monotonic seconds. Only `apart` raises; ``pause``, ``sleep`` and ``wait`` let others run."""

    def clock(self) -> float:
        """Return the time."""

    def wall(self) -> float:
        """Return the seconds since the epoch, which may jump: for what the world outside dates, never for waits."""

    def chance(self) -> float:
        """Return a number from 0 to below 1 that nobody can foresee enough to line up with others."""

    def secret(self, size: int, /) -> str:
        """Return ``size`` bytes that nobody can guess, as hex."""

    def token(self, size: int, /) -> str:
        """Likewise, as text that fits into a URL."""

    def spawn(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Run ``function`` in a greenlet of its own, soon; return its `Task`."""

    def spawn_later(self, seconds: float, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Likewise, after ``seconds``."""

    def timer(self, seconds: float, repeat: float = 0.0) -> Timer:
        """Return a timer of the calling thread's hub."""

    def pause(self) -> None:
        """End a turn: let others run who are ready, and those who have something to read."""

    def is_over(self, turn: Turn, /) -> bool:
        """Say whether a turn has taken its time."""

    @property
    def pulse(self) -> Pulse:
        """What long work in a greenlet of this thread calls again and again (see `fair_turns`)."""

    def sleep(self, seconds: float, /) -> None:
        """Let others run for ``seconds``."""

    def apart(self, function: Callable[[], T], seconds: float, late: BaseException) -> T:
        """Return what ``function()`` returns, called in a short greenlet of its own, or raise what it raises.

        Raises ``late`` inside of it after ``seconds``. A thread without a hub calls it itself, however long it takes.
        """

    def hub(self) -> Any:
        """Return the calling thread's hub: ``switch()`` waits, ``loop.run_callback(f, …)`` calls soon."""

    def wait(self, waited: Waited, timeout: float | None, /) -> bool:
        """Wait at most ``timeout`` seconds (None: for ever) for ``waited``; say whether it is done."""


class GeventHost:
    """The real world: gevent's hub of the calling thread, the system's clock and its secure source."""

    clock = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    chance = staticmethod(random.random)
    secret = staticmethod(secrets.token_hex)
    token = staticmethod(secrets.token_urlsafe)
    spawn = staticmethod(gevent.spawn)
    spawn_later = staticmethod(gevent.spawn_later)
    sleep = staticmethod(gevent.sleep)
    hub = staticmethod(get_hub)
    pause = staticmethod(fair_turns.let_others_run)
    is_over = staticmethod(fair_turns.is_over)
    pulse = fair_turns.PULSE

    def apart(self, function: Callable[[], T], seconds: float, late: BaseException) -> T:
        def run() -> T:
            with gevent.Timeout(seconds, late):
                return function()

        hub = get_hub_if_exists()
        return function() if hub is None else run_apart(hub, run)

    def timer(self, seconds: float, repeat: float = 0.0) -> Timer:
        timer: Timer = get_hub().loop.timer(seconds, repeat=repeat)
        return timer

    def wait(self, waited: Waited, timeout: float | None, /) -> bool:
        """Wait in the thread's hub, so that its other greenlets go on; a thread without one blocks on a real lock.

        It gets no hub from us, as a hub holds file descriptors that nobody would close.
        """
        if get_hub_if_exists() is None:
            lock = allocate_lock()
            lock.acquire()
            waited.wake(lock.release)
            # Set just before we enqueued: then nobody will release us.
            if not waited.is_done:
                lock.acquire(True, -1 if timeout is None else timeout)
        else:
            event = Event()
            waited.wake(event.set)
            while not waited.is_done and not event.wait(LONGEST_WAIT if timeout is None else timeout):
                if timeout is not None:
                    break
        return waited.is_done


GEVENT = GeventHost()
