"""The loop of an actor: how it takes messages, answers, sleeps, crashes and ends.

It is our own, because Pykka's stops every actor of the process when one handler lets a ``BaseException`` out, hides a
failed start, and leaves a killed greenlet behind as a zombie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pykka
from gevent import GreenletExit

from ..words.errors import NupharError
from ..words.exit_reasons import KILLED, NORMAL, Crashed, Normal, Reason, Shutdown
from . import fair_turns
from .door import POISON, Door
from .log_throttle import ThrottledLogger
from .mailbox import Hibernate, Mailbox
from .pykka_names import ActorStop, Envelope
from .ref import Stop

logger = ThrottledLogger("nuphar.actors")


class Loop(Door):
    """Runs an actor. Two underscores keep its own parts apart from what subclasses may call theirs."""

    def _start_actor_loop(self) -> None:
        self.__spawn(self._actor_loop)

    def __spawn(self, loop: Callable[[], None]) -> None:
        self._generation = generation = self._generation + 1

        def ended() -> None:
            if self._generation == generation:
                self._say_goodbye()

        self.ref._kill = self.runtime.spawn(self.host, loop, ended)

    def __fall_asleep(self) -> None:
        self._generation += 1  # this greenlet's end is not ours
        self.ref._kill = self.__die_asleep
        self.mailbox.sleep(self.__wake_up)
        if self.ref.is_killed:  # just now: the kill of this greenlet will come too late
            self.__die_asleep()

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
            if self.mailbox.crashes >= POISON:
                self.__set_aside()
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

    def __set_aside(self) -> None:
        """Part with the message in hand, whatever becomes of it: or no start would ever succeed."""
        try:
            self.set_aside(self.mailbox.head(self))
        except Exception as error:
            logger.error("actor %s cannot set a message aside, and drops it", self.ref, exc_info=error)

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
        messages, handle, is_over = mailbox.messages, self.handle, self.host.is_over
        turn = fair_turns.Turn(fair_turns.ACTOR_BUDGET)
        while True:
            if not messages:
                message = None  # it may be large, and the wait may be long
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
            elif kind is Stop and self.may_stop():
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
            if messages and is_over(turn):
                self.idle()
                self.runtime.let_others_run(self.host, turn)

    def _answer(self, envelope: Envelope[Any], mailbox: Mailbox) -> None:
        message, future = envelope.message, envelope.reply_to
        if isinstance(message, ActorStop):
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
            # The caller has its answer, so a successor must not try the message again.
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
