"""The door to Pykka: how an actor starts, handles, crashes and says goodbye.

Nothing else in Nuphar subclasses Pykka's actor. The loop is our own, because Pykka's stops every actor of the process
when one handler lets a ``BaseException`` out, hides a failed start, and leaves a killed greenlet behind as a zombie.

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

from collections.abc import Callable
from typing import Any, ClassVar, Self

import gevent
import pykka
from gevent import GreenletExit
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from ..words.errors import NupharError
from ..words.exit_reasons import KILLED, NORMAL, Crashed, Normal, Reason, Shutdown
from . import fair_turns
from .future import Future
from .log_throttle import ThrottledLogger
from .mailbox import BOUND, Hibernate, Mailbox
from .ref import ASK_TIMEOUT, Down, Flag, Ref, Stop, refuse, refuse_all
from .registry import Registry
from .runtimes import GREENLETS, THREADS, Runtime

logger = ThrottledLogger("nuphar.actors")

POISON = 2
"""Crashes after which a message is set aside, where a successor inherits the mailbox."""


class Actor(pykka.Actor):
    """An actor with OTP's three hooks: ``init``, ``handle`` and ``terminate``, on a greenlet.

    What a handler raises ends the actor with `Crashed`, whatever it is, and this actor alone. One exception: a
    `NupharError` raised while answering an ``ask`` is an answer, it goes to the caller and the actor lives on.
    """

    runtime: ClassVar[Runtime] = GREENLETS
    ends_asleep: ClassVar[bool] = False
    """Whether ``terminate`` may run in the greenlet of whoever ends an idle actor: it does not wait."""
    has_goodbyes = True
    """Whether anybody hears of its end (see `Ref.has_goodbyes`)."""

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
        self.stop_reply: pykka.Future[Any] | None = None
        self._generation = 0  # counts its greenlets: each sleep ends one, and that is not its own end
        self.actor_stopped = Flag()  # type: ignore[assignment]
        self.is_inherited = mailbox is not None
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
            except (pykka.Timeout, GreenletExit):  # the latter if the caller is killed: nobody else knows the actor yet
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

    def idle(self) -> None:
        """Do what was left until no message waits any more; called before each wait, and at the end of each turn."""

    def terminate(self, reason: Reason) -> None:
        """Free what the actor owns; the last thing it does. Not called when it was killed."""

    def set_aside(self, message: Any) -> None:
        """Deal with a message that crashed this actor's predecessors `POISON` times; the mailbox goes on without it."""
        logger.error("%s sets a message aside that crashed it %d times: %.200r", self.ref, POISON, message)
        if isinstance(message, Envelope) and message.reply_to is not None:
            refuse(message.reply_to, self.ref)

    def exit(self, reason: Reason = NORMAL) -> None:
        """End this actor after the message in hand."""
        self.exit_reason = reason

    # What follows fills in Pykka's seams for new actor types; nobody overrides it. Two underscores keep our own parts
    # apart from what subclasses may call theirs.

    _create_actor_inbox = staticmethod(Mailbox)  # replaced at once by the runtime's own, or a predecessor's
    _create_future = staticmethod(Future)

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
        self.mailbox.sleep(lambda: self.__spawn(self.__run))
        if self.ref.is_killed:  # just now: the kill of this greenlet will come too late
            self.__die_asleep()

    def __die_asleep(self) -> None:
        self.mailbox.forget_sleeper()
        self._end(KILLED)

    def _actor_loop(self) -> None:
        if self._said_goodbye:
            return  # a thread that was killed before it ran
        self.mailbox.owner = self
        try:
            if self.mailbox.crashes >= POISON:
                self.set_aside(self.mailbox.head(self))
                self.mailbox.drop()
            self.init()
        except BaseException as error:
            self.monitor = None  # the starter hears of it, not the monitor
            self._end(KILLED if self.ref.is_killed else Crashed(error))
            told = (
                error if isinstance(error, Exception) else pykka.ActorDeadError(f"{self.ref} died in init: {error!r}")
            )
            # What is no Exception must not end the starter too: a supervisor that is told lives on.
            self.started.set_exception((type(told), told, error.__traceback__))
            return
        self.started.set(self.ref)
        self.__run()

    def __run(self) -> None:
        self.mailbox.taking = gevent.getcurrent()
        try:
            reason = self._serve(self.mailbox)
        except Hibernate:
            self.mailbox.taking = None
            self.__fall_asleep()
            return
        except BaseException as error:
            if isinstance(error, GreenletExit) and self.ref.is_killed:
                self._end(KILLED)
                return
            self._crash(error)
            if isinstance(error, KeyboardInterrupt):
                raise  # Ctrl-C is the program's, not ours: gevent hands it to the main greenlet
            return
        self._end(reason)

    def _serve(self, mailbox: Mailbox) -> Reason:
        messages, handle, turn = mailbox.messages, self.handle, fair_turns.Turn()
        while True:
            if not messages:
                self.idle()
                mailbox.wait(self)
                turn.renew()
            if mailbox.owner is not self:
                return KILLED  # superseded while parked, or while handling
            message = messages[0]
            kind = type(message)
            if kind is Envelope:
                self._answer(message, mailbox)
                if mailbox.owner is not self:
                    return KILLED
            elif kind is Stop:
                mailbox.drop()
                return message.reason  # type: ignore[no-any-return]
            else:
                handle(message)
                if mailbox.owner is not self:
                    return KILLED
                messages.popleft()
                if mailbox.crashes:
                    mailbox.forgive()
            if self.exit_reason is not None:
                return self.exit_reason
            if messages and turn.is_over(fair_turns.clock()):
                self.idle()
                self.runtime.let_others_run(turn)

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
        if not self.is_inherited:
            refuse_all(self.mailbox, self.ref)
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
