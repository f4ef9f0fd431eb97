"""A small hub in gevent's place: virtual time, and a seeded choice of who runs next.

Greenlets are the real ones, of the package below gevent; only the loop is ours. So the actors' loops, the readers and
the outboxes run as they are, and one seed gives one run.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

import gevent
from greenlet import GreenletExit, getcurrent, greenlet

from nuphar.actors.runtime.fair_turns import ACTOR_BUDGET, Pulse, Turn

LATE = 0.02
"""Seconds that somebody who is ready may be overtaken by what comes later."""


class Timer:
    """What gevent's ``loop.timer`` gives."""

    __slots__ = ("_callback", "_delay", "_hub", "_repeat")

    def __init__(self, hub: Hub, delay: float, repeat: float) -> None:
        self._hub = hub
        self._delay = delay
        self._repeat = repeat
        self._callback: Callable[[], Any] | None = None

    def start(self, callback: Callable[[], Any]) -> None:
        self._callback = callback
        self._hub.call_at(self._hub.now + self._delay, self._ring)

    def stop(self) -> None:
        self._callback = None

    close = stop

    def _ring(self) -> None:
        callback = self._callback
        if callback is None:
            return
        if self._repeat:
            self._hub.call_at(self._hub.now + self._repeat, self._ring)
        callback()


class Watcher:
    """What gevent's ``loop.io`` gives: ``line`` calls `fire` when there is something to read."""

    __slots__ = ("_callback", "_hub", "_line")

    def __init__(self, hub: Hub, line: Any) -> None:
        self._hub = hub
        self._line = line
        self._callback: Callable[[], Any] | None = None
        line.watcher = self

    def start(self, callback: Callable[[], Any]) -> None:
        self._callback = callback
        self.hear()

    def stop(self) -> None:
        self._callback = None

    close = stop

    def hear(self) -> None:
        """There may be something to read."""
        if self._callback is not None and self._line.is_readable:
            self._hub.call_soon(self._fire)

    def _fire(self) -> None:
        if self._callback is not None:
            self._callback()
            self.hear()


class Task:
    """What ``gevent.spawn`` gives."""

    __slots__ = ("_greenlet", "_hub", "_links", "dead")

    def __init__(self, hub: Hub, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._hub = hub
        self._links: list[Callable[[Any], Any]] = []
        self.dead = False

        def run() -> None:
            try:
                function(*arguments)
            except GreenletExit:
                pass
            finally:
                self._end()

        self._greenlet = greenlet(run, hub.main)

    def start(self) -> None:
        if not self.dead:
            self._greenlet.switch()

    def rawlink(self, link: Callable[[Any], Any]) -> None:
        self._links.append(link)

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        hub, me = self._hub, getcurrent()
        is_waiting = not self.dead

        def wake(*_: Any) -> None:
            nonlocal is_waiting
            if is_waiting:
                is_waiting = False
                me.switch()

        self._links.append(wake)
        if timeout is not None:
            hub.call_at(hub.now + timeout, wake)
        try:
            if is_waiting:
                hub.main.switch()
        finally:
            is_waiting = False

    def kill(self, block: bool = True) -> None:
        self._hub.call_soon(self._kill)

    def _kill(self) -> None:
        if not self._greenlet:  # it has not run yet, or has ended
            if not self.dead:
                self._end()
            return
        self._greenlet.throw(GreenletExit)

    def _end(self) -> None:
        self.dead = True
        for link in self._links:
            self._hub.call_soon(link, self)


class Hub:
    """The time, who is ready, and what comes later. ``loop`` is itself: it has the few methods that are used."""

    def __init__(self, rng: Random, lag: float = 0.0, turn: int = 256) -> None:
        self.main = getcurrent()
        self.now = 0.0
        self.loop = self
        self._chance = rng.random
        self._lag = lag
        self._turn = turn
        self._looks = count()
        self.pulse = Pulse(self.is_over, lambda: self.pause())
        self._ready: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._later: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._count = self._secrets = 0
        self.lines: dict[int, Any] = {}
        self.failure: BaseException | None = None
        """What an oracle found: an actor that it was found in must not swallow it."""

    def clock(self) -> float:
        return self.now

    def wall(self) -> float:
        """Return the date: this world begins in 2001."""
        return 1e9 + self.now

    # What our code asks of gevent's hub and loop.

    def switch(self) -> Any:
        """Let others run, until somebody switches back."""
        return self.main.switch()

    def run_callback(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._ready.append((function, arguments))

    call_soon = run_callback_threadsafe = run_callback

    def timer(self, seconds: float, repeat: float = 0.0) -> Timer:
        return Timer(self, seconds, repeat)

    def io(self, fd: int, events: int) -> Watcher:
        return Watcher(self, self.lines[fd])

    # What our code asks of the module gevent.

    def spawn(self, function: Callable[..., Any], *arguments: Any) -> Task:
        task = Task(self, function, arguments)
        self.call_soon(task.start)
        return task

    def spawn_later(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Task:
        task = Task(self, function, arguments)
        self.call_at(self.now + seconds, task.start)
        return task

    def pause(self) -> None:
        """Let others run who are ready."""
        self.sleep(0)

    def is_over(self, turn: Turn) -> bool:
        """A turn ends after so many looks."""
        return turn.is_over(next(self._looks) * ACTOR_BUDGET / self._turn)

    # What our code asks of the system, for the lines of this hub.

    def read(self, fd: int, size: int) -> bytes:
        data: bytes = self.lines[fd].read(size)
        return data

    def write(self, fd: int, data: bytes) -> int:
        taken: int = self.lines[fd].write(data)
        return taken

    def shut(self, line: Any, how: int) -> None:
        line.shutdown(how)

    def way(self, line: Any) -> Any:
        return line.way

    def sleep(self, seconds: float = 0.0) -> None:
        """Let others run for that long."""
        me = getcurrent()
        assert me is not self.main, "the scheduler itself cannot sleep"
        if seconds:
            self.call_at(self.now + seconds, me.switch)
        else:
            self.call_soon(me.switch)
        self.main.switch()

    def get_hub(self) -> Hub:
        return self

    hub = get_hub

    def apart(self, function: Callable[[], Any], seconds: float, late: BaseException) -> Any:
        """A hook runs in the greenlet that calls, without a limit of time."""
        return function()

    def chance(self) -> float:
        return self._chance()

    # What nobody can guess: texts that are different each time, and the same in each run.

    def secret(self, size: int) -> str:
        self._secrets += 1
        return f"{self._secrets:0{2 * size}x}"

    def token(self, size: int) -> str:
        self._secrets += 1
        return f"t{self._secrets:0{size}x}"

    token_hex = secret

    def __getattr__(self, name: str) -> Any:
        return getattr(gevent, name)  # names that only say what something is: GreenletExit, Timeout

    # The simulation's own.

    def call_at(self, at: float, function: Callable[..., Any], *arguments: Any) -> None:
        """Call ``function`` at a time; of the same time, in the order of asking."""
        self._count += 1
        heappush(self._later, (at, self._count, function, arguments))

    @property
    def is_idle(self) -> bool:
        """Is nobody ready?"""
        return not self._ready

    def step(self) -> bool:
        """Let one thing happen; False if nothing is left.

        Raises: what an oracle found.
        """
        ready, later = self._ready, self._later
        if ready and not (self._lag and later and later[0][0] < self.now + LATE and self._chance() < self._lag):
            size = len(ready)
            if size == 1:
                function, arguments = ready.pop()
            else:
                at = int(self._chance() * size)
                ready[at], ready[-1] = ready[-1], ready[at]
                function, arguments = ready.pop()
        elif later:
            at, _, function, arguments = heappop(later)
            if at > self.now:
                self.now = at
        else:
            return False
        function(*arguments)
        if self.failure is not None:
            raise self.failure
        return True

    def wait(self, future: Any, timeout: float | None) -> bool:
        """Let others run until the answer is there."""
        me = getcurrent()
        until = None if timeout is None else self.now + timeout
        if me is self.main:
            while not future.is_done and (until is None or self.now < until) and self.step():
                continue
            return bool(future.is_done)
        is_waiting = True

        def wake() -> None:
            nonlocal is_waiting
            if is_waiting:
                is_waiting = False
                me.switch()

        future.wake(lambda: self.call_soon(wake))
        if until is not None:
            self.call_at(until, wake)
        try:
            self.main.switch()
        finally:
            is_waiting = False
        return bool(future.is_done)
