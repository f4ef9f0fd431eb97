"""The door to Pykka: how an actor starts, handles, crashes and says goodbye.

Nothing else in Nuphar subclasses Pykka's actor. The loop is our own, because Pykka's stops every actor of the
process when one handler lets a ``BaseException`` out, hides a failed start, and leaves a killed greenlet behind as
a zombie.

>>> class Counter(Actor):
...     def init(self):
...         self.n = 0
...     def handle(self, message):
...         self.n += message
...         return self.n
>>> counter = Counter.start_link()
>>> counter.tell(2)
>>> counter.ask(3)
5
>>> counter.stop()
True
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import pykka
from gevent import GreenletExit
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from .errors import NupharError
from .exits import KILLED, NORMAL, Crashed, Normal, Reason, Shutdown
from .future import Future
from .mailbox import BOUND, Hibernate, Mailbox
from .registry import Registry
from .runtime import GREENLETS, THREADS, Runtime

logger = logging.getLogger("nuphar.actors")

A = TypeVar("A", bound="Actor")

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

    def __init__(self, actor: A) -> None:
        super().__init__(actor)
        self.name: str = actor.name
        self.registry: Registry | None = actor.registry
        self.ended = Future()
        self._kill: Callable[[], None] = lambda: None

    def __str__(self) -> str:
        return self.name or super().__str__()

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = ASK_TIMEOUT) -> Any:
        """Send ``message`` and wait at most ``timeout`` seconds for the answer.

        Raises: pykka.Timeout, pykka.ActorDeadError, or what the handler raised. After a time-out the handler still
        runs.
        """
        future = super().ask(message, block=False)
        if self.actor_stopped.is_set() and not self._is_inherited():
            # It ended between Pykka's test and its put: answer for the dead.
            _refuse_all(self.actor_inbox, self)
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
        self._kill()

    def hibernate(self) -> None:
        """Let the actor sleep without a greenlet until its next message, if it has been idle since the last call.

        A parked greenlet takes 7.5 KiB, more than all the rest of an idle actor; waking one up again costs 10 µs more.
        """
        actor = self._actor_weakref()
        if actor is not None and actor.runtime is GREENLETS:
            actor.mailbox.interrupt_idle()

    def wait_down(self, timeout: float | None) -> Reason | None:
        """Wait at most ``timeout`` seconds (``None``: for ever) for the end; return why, or None if it lives."""
        try:
            reason: Reason = self.ended.get(timeout=timeout)
        except pykka.Timeout:
            return None
        return reason

    def _is_inherited(self) -> bool:
        mailbox = self.actor_inbox
        return isinstance(mailbox, Mailbox) and mailbox.owner is not None


class Actor(pykka.Actor):
    """An actor with OTP's three hooks: ``init``, ``handle`` and ``terminate``, on a greenlet.

    What a handler raises ends the actor with `Crashed`, whatever it is, and this actor alone. One exception: a
    `NupharError` raised while answering an ``ask`` is an answer, it goes to the caller and the actor lives on.
    """

    runtime: ClassVar[Runtime] = GREENLETS

    def __init__(
        self,
        *,
        monitor: Ref[Any] | None = None,
        mailbox: Mailbox | None = None,
        registry: Registry | None = None,
        name: str = "",
    ) -> None:
        super().__init__()
        self.name = name
        self.registry = monitor.registry if registry is None and monitor is not None else registry
        self.monitor = monitor
        self.started = Future()
        self.exit_reason: Reason | None = None
        self.links: set[Ref[Any]] = set()
        """Actors that are killed when this one is killed: a supervisor's children."""
        self._said_goodbye = False
        self._is_answered = False
        self._generation = 0
        self.actor_stopped = Flag()  # type: ignore[assignment]
        self._inherited = mailbox is not None
        self.mailbox = self.runtime.mailbox(BOUND) if mailbox is None else mailbox
        self.actor_inbox = self.mailbox  # where Pykka's ActorRef looks for it
        self.ref: Ref[Any] = Ref(self)
        self._actor_ref = self.ref

    @classmethod
    def start_link(cls, *args: Any, timeout: float = ASK_TIMEOUT, **options: Any) -> Ref[Self]:
        """Start an actor and wait at most ``timeout`` seconds until ``init`` is done.

        ``options``: ``monitor`` (the `Ref` that hears `Down`), ``mailbox`` (a predecessor's, outlives this actor),
        ``registry`` (by default the monitor's), ``name``, and what the actor's own ``__init__`` takes.
        Raises: what ``init`` raised (then the monitor hears nothing), or pykka.Timeout, and the actor is killed.
        """
        ref = cls.start(*args, **options)
        actor = ref._actor_weakref()
        if actor is not None:
            try:
                actor.started.get(timeout=timeout)
            except pykka.Timeout:
                actor.monitor = None
                ref.kill()
                raise
        return ref

    @classmethod
    def start(cls, *args: Any, **options: Any) -> Ref[Self]:
        """Start an actor without waiting for its ``init``."""
        actor = cls(*args, **options)
        ref = actor.ref
        if actor.registry is not None:
            actor.registry.add(ref)
        actor._start_actor_loop()
        return ref

    def init(self) -> None:
        """Prepare, in the actor's own greenlet or thread, before the first message."""

    def handle(self, message: Any) -> Any:
        """Do what ``message`` says; what is returned answers an ``ask``."""
        raise NupharError(f"{self} does not handle {message!r}")

    def terminate(self, reason: Reason) -> None:
        """Free what the actor owns; the last thing it does. Not called when it was killed."""

    def exit(self, reason: Reason = NORMAL) -> None:
        """End this actor after the message in hand."""
        self.exit_reason = reason

    # What follows fills in Pykka's seams for new actor types; nobody overrides it. Two underscores keep our own parts
    # apart from what subclasses may call theirs.

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()  # replaced at once by the runtime's own, or a predecessor's

    @staticmethod
    def _create_future() -> Future:
        return Future()

    def _start_actor_loop(self) -> None:
        self.__spawn(self._actor_loop)

    def __spawn(self, loop: Callable[[], None]) -> None:
        self._generation = generation = self._generation + 1

        def ended() -> None:
            if self._generation == generation:
                self._say_goodbye()

        self.ref._kill = self.runtime.spawn(loop, ended)

    def __fall_asleep(self) -> None:
        self._generation += 1  # this greenlet's end is not ours
        self.ref._kill = self.__die_asleep
        self.mailbox.sleep(self.__wake_up)

    def __wake_up(self) -> None:
        self.__spawn(self.__run)

    def __die_asleep(self) -> None:
        self.mailbox.forget_sleeper()
        self._end(KILLED)

    def _actor_loop(self) -> None:
        if self._said_goodbye:
            return  # a thread that was killed before it ran
        self.mailbox.owner = self
        try:
            self.init()
        except BaseException as error:
            self.monitor = None  # the starter hears of it, not the monitor
            self._end(KILLED if isinstance(error, GreenletExit) else Crashed(error))
            told = (
                error if isinstance(error, Exception) else pykka.ActorDeadError(f"{self.ref} died in init: {error!r}")
            )
            # What is no Exception must not end the starter too: a supervisor that is told lives on.
            self.started.set_exception((type(told), told, error.__traceback__))
            return
        self.started.set(self.ref)
        self.__run()

    def __run(self) -> None:
        try:
            reason = self._serve(self.mailbox)
        except Hibernate:
            self.__fall_asleep()
            return
        except GreenletExit:
            self._end(KILLED)
            return
        except BaseException as error:
            self._crash(error)
            if isinstance(error, KeyboardInterrupt):
                raise  # Ctrl-C is the program's, not ours: gevent hands it to the main greenlet
            return
        self._end(reason)

    def _serve(self, mailbox: Mailbox) -> Reason:
        head, drop, handle = mailbox.head, mailbox.drop, self.handle
        while True:
            message = head(self)
            if mailbox.owner is not self:
                return KILLED  # superseded while parked or while handling
            kind = type(message)
            if kind is Envelope:
                self._answer(message, mailbox)
                if mailbox.owner is not self:
                    return KILLED
            elif kind is Stop:
                drop()
                return message.reason  # type: ignore[no-any-return]
            else:
                handle(message)
                if mailbox.owner is not self:
                    return KILLED
                drop()
            if self.exit_reason is not None:
                return self.exit_reason

    def _answer(self, envelope: Envelope[Any], mailbox: Mailbox) -> None:
        message, future = envelope.message, envelope.reply_to
        if isinstance(message, _ActorStop):
            message = Stop(NORMAL)
        if isinstance(message, Stop):
            self.exit_reason = message.reason
            self.stop_reply = future
            mailbox.drop()
            return
        try:
            value = self.handle(message)
        except GreenletExit:
            raise  # killed: a successor answers, or everybody who waits is refused
        except BaseException as error:
            if future is None or mailbox.owner is not self:
                raise
            # Whoever asked has his answer, so the message must not be tried again by a successor.
            mailbox.drop()
            future.set_exception((type(error), error, error.__traceback__))
            if not isinstance(error, NupharError):
                self._is_answered = True
                raise
        else:
            if mailbox.owner is not self:
                return  # superseded meanwhile: the successor answers
            mailbox.drop()
            if future is not None:
                future.set(value)

    def _crash(self, error: BaseException) -> None:
        logger.error("actor %s crashed", self.ref, exc_info=error)
        if self.mailbox.owner is self and not self._is_answered:
            self.mailbox.crashes += 1
            self.mailbox.last_error = error
        self._end(Crashed(error))

    def _end(self, reason: Reason) -> None:
        self.exit_reason = reason
        try:
            if reason != KILLED:
                self.terminate(reason)
        except GreenletExit:
            self.exit_reason = KILLED  # its time to say goodbye was over
        except BaseException as error:
            logger.error("actor %s crashed in terminate", self.ref, exc_info=error)
            if isinstance(reason, Normal | Shutdown):
                self.exit_reason = Crashed(error)
        finally:
            self._say_goodbye()

    stop_reply: pykka.Future[Any] | None = None

    def _say_goodbye(self) -> None:
        """Tell everyone who waits that this actor has ended; also when its greenlet was killed before it ran."""
        if self._said_goodbye:
            return
        self._said_goodbye = True
        self.actor_stopped.set()
        if self.registry is not None:
            self.registry.remove(self.ref)
        if self.mailbox.owner is self:
            self.mailbox.disown()
        if not self._inherited:
            _refuse_all(self.mailbox, self.ref)
        if self.exit_reason in (None, KILLED):
            for ref in list(self.links):
                ref.kill()
        self.ref.ended.set(self.exit_reason or KILLED)
        if self.stop_reply is not None:
            self.stop_reply.set(None)
        if self.monitor is not None and self.monitor.is_alive():
            self.monitor.tell_anyway(Down(self.ref, self.exit_reason or KILLED))


class ThreadActor(Actor):
    """The same actor on a real OS thread, for what blocks; monkey patching makes no difference."""

    runtime = THREADS


def _refuse_all(mailbox: Any, ref: Ref[Any]) -> None:
    for message in mailbox.drain():
        if isinstance(message, Envelope) and message.reply_to is not None:
            if isinstance(message.message, _ActorStop):
                message.reply_to.set(None)
            else:
                error = pykka.ActorDeadError(f"{ref} stopped before handling the message")
                message.reply_to.set_exception((type(error), error, None))
