"""A ref: the address of one actor, and the few messages that every actor understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import pykka

from ..words.exit_reasons import Reason
from .future import Future
from .host import Host
from .pykka_names import ActorStop, Envelope
from .registry import Registry

A = TypeVar("A", bound=pykka.Actor)

ASK_TIMEOUT = 5.0
"""Seconds that an ``ask`` waits unless told otherwise: OTP's default for ``gen_server:call``."""


class Down(NamedTuple):
    """Told to the monitor, exactly once, in every ending of an actor that had started."""

    ref: Ref[Any]
    reason: Reason


class Stop(NamedTuple):
    """Stop after the messages before this one, for ``reason``."""

    reason: Reason


class Ignore(Exception):
    """Raised by ``init``: there is nothing to do here, do not start (OTP's ``ignore``)."""


class Flag:
    """Set or not: what Pykka uses of a ``threading.Event``, in a tenth of its memory."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set


class Ref(pykka.ActorRef[A]):
    """An address of one actor; safe to use from any greenlet and any OS thread."""

    def __init__(self, actor: A, name: str, registry: Registry | None, host: Host, is_inherited: bool) -> None:
        super().__init__(actor)
        self.name = name
        self.registry = registry
        self.host = host
        self.ended = Future(self.host)
        self.is_killed = False
        self._is_inherited = is_inherited
        self._kill: Callable[[], None] = lambda: None

    def __str__(self) -> str:
        return self.name or super().__str__()

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = ASK_TIMEOUT) -> Any:
        """Send ``message`` and wait at most ``timeout`` seconds for the answer.

        Raises: pykka.Timeout, pykka.ActorDeadError, or what the handler raised. After a time-out the handler still
        runs.
        """
        future = Future(self.host)
        mailbox: Any = self.actor_inbox
        if not self.is_alive():
            refuse_ask(future, self)
        else:
            put = mailbox.put_anyway if isinstance(message, ActorStop) else mailbox.put
            put(Envelope(message, reply_to=future))
            if self.actor_stopped.is_set() and not self._is_inherited:
                # It ended between our test and our put: answer for the dead.
                refuse_all(mailbox, self)
        return future.get(timeout=timeout) if block else future

    def shut_down(self, reason: Reason) -> None:
        """Ask the actor to stop for ``reason`` after the messages that wait already; never waits."""
        if self.is_alive():
            self.tell_anyway(Stop(reason))

    def tell_anyway(self, message: Any) -> None:
        """Send ``message`` even if the mailbox is full: for the few that control the actor itself."""
        self.actor_inbox.put_anyway(message)  # type: ignore[attr-defined]

    def kill(self) -> None:
        """End the actor without asking: a greenlet at its next switch; a thread is disowned."""
        self.is_killed = True
        self._kill()

    def hibernate(self) -> None:
        """Let the actor sleep without a greenlet until its next message, if it has been idle since the last call.

        A parked greenlet takes 7.5 KiB, more than all the rest of an idle actor; waking one up again costs 10 µs more.
        """
        mailbox: Any = self.actor_inbox
        if self.is_alive():
            mailbox.interrupt_idle()

    @property
    def has_goodbyes(self) -> bool:
        """Whether anybody but its supervisor hears of its end: such an actor is stopped before those without."""
        actor: Any = self._actor_weakref()
        return actor is not None and actor.has_goodbyes

    @property
    def can_end_asleep(self) -> bool:
        """Whether `end_asleep` would end it just now."""
        actor: Any = self._actor_weakref()
        return actor is not None and actor.ends_asleep and actor.mailbox.is_asleep

    def end_asleep(self, reason: Reason) -> bool:
        """End the actor here and now if it sleeps and its class says that this may be: no greenlet is made for it.

        Its monitor, who calls this, hears nothing. False if it is awake: nothing was done.
        """
        actor: Any = self._actor_weakref()
        if actor is None or not self.can_end_asleep:
            return False
        actor.monitor = None
        actor.mailbox.forget_sleeper()
        actor._end(reason)
        return True

    def wait_down(self, timeout: float | None) -> Reason | None:
        """Wait at most ``timeout`` seconds (``None``: for ever) for the end; return why, or None if it lives."""
        try:
            reason: Reason = self.ended.get(timeout=timeout)
        except pykka.Timeout:
            return None
        return reason


def refuse_ask(future: Any, ref: Ref[Any]) -> None:
    """Answer an ask for an actor that is dead."""
    error = pykka.ActorDeadError(f"{ref} stopped before handling the message")
    future.set_exception((type(error), error, None))


def refuse_all(mailbox: Any, ref: Ref[Any]) -> None:
    """Answer whoever asked an actor that is dead."""
    for message in mailbox.drain():
        if isinstance(message, Envelope) and message.reply_to is not None:
            if isinstance(message.message, ActorStop):
                message.reply_to.set(None)
            else:
                refuse_ask(message.reply_to, ref)
