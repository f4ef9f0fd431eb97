"""A mailbox: where messages wait for one actor.

A mailbox outlives its actor. A message stays at its head until it has been handled, so when an actor dies its successor
finds the message in hand and everything behind it, in order, and senders keep the address they have.

Measured: a deque with one parked greenlet moves messages twice as fast as gevent's queues, and a put from another
OS thread wakes the hub at once (gevent's own queues wait until the hub wakes by itself; gevent issue 2045).
"""

from __future__ import annotations

from _thread import get_ident as _patched_get_ident
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent.monkey import get_original

from ..words.errors import Busy
from .host import GEVENT, Host, allocate_lock

# The real one: under monkey patching an OS thread must still be told from a greenlet.
get_ident: Callable[[], int] = get_original("_thread", "get_ident") or _patched_get_ident


class Hibernate(gevent.GreenletExit):  # type: ignore[misc]  # gevent has no types
    """Ends the greenlet of an idle actor, and not the actor."""


_NOBODY = object()

BOUND = 10_000
"""Messages that may wait in one mailbox, unless told otherwise: about 0.2 s of work for a topic."""


class Mailbox:
    """A bounded first in, first out mailbox; anybody puts, one actor takes, in its greenlet.

    ``owner`` is the actor that takes: a predecessor that wakes late sees that it is no longer the owner, and ends.
    ``crashes`` counts how often the message at the head has ended its actor, ``last_error`` is what ended it last.
    ``suspended`` says why nothing is taken in just now, if so. With ``naps`` its actor sleeps at once when it has
    nothing to do, unless it was woken before since the last `interrupt_idle`: who is busy stays up.
    """

    __slots__ = (
        "_hub",
        "_parked",
        "_seen",
        "_taker",
        "_thread",
        "_waits",
        "_wake_scheduled",
        "bound",
        "crashes",
        "host",
        "last_error",
        "messages",
        "naps",
        "owner",
        "suspended",
        "taking",
    )

    def __init__(self, bound: int = BOUND, *, naps: bool = False, host: Host = GEVENT) -> None:
        self.messages: deque[Any] = deque()
        """What waits, the message in hand first. Only the owner takes away from it."""
        self._parked: Any = None
        self._taker: object = _NOBODY  # whose hub and thread these are
        self._hub: Any = None
        self._thread = 0
        self._wake_scheduled = False
        self._waits = self._seen = 0
        self.bound = bound
        self.host = host
        self.naps = naps
        self.owner: object = None
        self.crashes = 0
        self.last_error: BaseException | None = None
        self.suspended = ""
        self.taking: object = None
        """The greenlet that takes, while there is one: an ask from inside it would wait for itself."""

    def __len__(self) -> int:
        return len(self.messages)

    def put(self, message: Any, /) -> None:
        """Add ``message`` and wake the actor. Safe from any greenlet and any OS thread; never waits.

        Raises: Busy when ``bound`` messages wait already, or while it is suspended.
        """
        messages = self.messages
        if len(messages) >= self.bound or self.suspended:
            if self.suspended:
                raise Busy(self.suspended)
            raise Busy(f"the mailbox is full: {len(messages)} messages wait, the bound is {self.bound}")
        messages.append(message)
        if self._parked is not None:
            self._wake()

    def put_anyway(self, message: Any, /) -> None:
        """Add ``message`` even over the bound: for the few that control the actor itself."""
        self.messages.append(message)
        if self._parked is not None:
            self._wake()

    def wait(self, taker: object = None) -> None:
        """Wait until there is a message, or ``taker`` is no longer the owner: then somebody else takes what is here."""
        while not self.messages and self.owner is taker:
            if self._taker is not taker:
                self._taker, self._hub, self._thread = taker, self.host.hub(), get_ident()
            self._waits += 1
            if self.naps and self._waits - self._seen <= 1:
                raise Hibernate
            me = self._parked = gevent.getcurrent()
            try:
                # Another OS thread may have put, or disowned us, before it could see that we park.
                if not self.messages and self.owner is taker:
                    self._hub.switch()
            finally:
                if self._parked is me:
                    self._parked = None

    def head(self, taker: object = None) -> Any:
        """Wait likewise, and return the first message without taking it; None if there is none for ``taker``."""
        self.wait(taker)
        return self.messages[0] if self.messages else None

    def drop(self) -> None:
        """Take away the message at the head: it has been handled."""
        self.messages.popleft()
        self.forgive()

    def put_back(self, messages: Sequence[Any]) -> None:
        """Put ``messages`` in front of all that wait, behind the one in hand. For the owner, while it handles one."""
        in_hand = self.messages.popleft()
        self.messages.extendleft(reversed(messages))
        self.messages.appendleft(in_hand)

    def forgive(self) -> None:
        """Count no crashes any more: the message that caused them is gone."""
        self.crashes, self.last_error = 0, None

    def get(self) -> Any:
        """Wait for a message and take it (Pykka's contract of an inbox)."""
        message = self.head(self.owner)
        self.drop()
        return message

    def empty(self) -> bool:
        """Say whether no message waits or is being handled."""
        return not self.messages

    def drain(self) -> list[Any]:
        """Take away and return all messages at once. Safe from any thread."""
        taken = []
        while self.messages:
            try:
                taken.append(self.messages.popleft())
            except IndexError:  # another thread drains too
                break
        return taken

    def interrupt_idle(self) -> None:
        """Raise `Hibernate` in the actor that waits here, if it has done nothing but wait since the last call."""
        parked, waits = self._parked, self._waits
        is_idle = waits == self._seen and not self.messages and isinstance(parked, gevent.Greenlet)
        self._seen = waits
        if is_idle:
            self._hub.loop.run_callback(self._throw, parked, waits)

    def sleep(self, wake_up: Callable[[], Any]) -> None:
        """Have ``wake_up`` called with the next message, instead of a greenlet that waits."""
        self._parked = _Asleep(wake_up)
        if self.messages:  # it came while the greenlet ended
            self._wake()

    @property
    def is_asleep(self) -> bool:
        """Whether its actor sleeps without a greenlet, and nothing wakes it up."""
        return isinstance(self._parked, _Asleep) and not self.messages and not self._wake_scheduled

    def forget_sleeper(self) -> None:
        """Have nobody woken: who slept here has ended."""
        if isinstance(self._parked, _Asleep):
            self._parked = None

    def disown(self) -> None:
        """Take the mailbox away from its actor, which ends as soon as it looks again."""
        self.owner = None
        self._taker = _NOBODY
        if self._parked is not None:
            self._wake()

    def _wake(self) -> None:
        if not self._wake_scheduled:
            self._wake_scheduled = True
            loop = self._hub.loop
            if get_ident() == self._thread:
                loop.run_callback(self._switch)
            else:
                loop.run_callback_threadsafe(self._switch)

    def _throw(self, parked: gevent.Greenlet, waits: int) -> None:
        if self._parked is parked and self._waits == waits:  # no message came in between
            parked.throw(Hibernate())

    def _switch(self) -> None:
        self._wake_scheduled = False
        # Nobody is parked from here on: a sleeper that is woken twice would serve the mailbox in two greenlets.
        parked, self._parked = self._parked, None
        if parked is not None:
            parked.switch()


class _Asleep:
    """Stands where a greenlet would be parked, at a tenth of its memory."""

    __slots__ = ("_wake_up",)

    def __init__(self, wake_up: Callable[[], Any]) -> None:
        self._wake_up = wake_up

    def switch(self) -> None:
        """Wake the actor up."""
        self._wake_up()


class ThreadMailbox(Mailbox):
    """A mailbox whose actor is a real OS thread: it parks on a lock."""

    __slots__ = ()

    def wait(self, taker: object = None) -> None:
        while not self.messages and self.owner is taker:
            lock = allocate_lock()
            lock.acquire()
            self._parked = lock
            if not self.messages and self.owner is taker:
                lock.acquire()
            if self._parked is lock:
                self._parked = None

    def _wake(self) -> None:
        try:
            self._parked.release()
        except (AttributeError, RuntimeError):  # it woke by itself, or another producer was faster
            return
