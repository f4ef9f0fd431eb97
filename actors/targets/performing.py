"""How the actor of a target performs what the pure `Target` has decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime.actor import Actor
from ..runtime.log_throttle import ThrottledLogger
from ..runtime.mailbox import Mailbox
from ..runtime.timer_once import TimerOnce
from ..words.errors import Refused
from ..words.member import Asked
from .carrying import Unwritable
from .effects import Append, Crash, Effects, LookUp, Pay, Send, Visit
from .faults import fault
from .lane import Lane
from .log import AppendOutcome, Unknown
from .messages import Leave, Logged, LookAgain, Overdue, Tick, Why
from .outs import say_out
from .patience import ANSWER_LIMIT
from .subscriber import Subscriber
from .target import Target

logger = ThrottledLogger("nuphar.actors")

Left = Callable[[Subscriber, Asked], None]
"""Hears who has left a target, and what it had asked for."""


class Performing(Actor):
    """The half of a `TargetActor` that knows sinks, timers and the log.

    ``left(session, asked)`` hears who has left; ``log_timeout`` are the seconds that the log may take to answer.
    """

    def __init__(
        self,
        target: Target,
        mailbox: Mailbox,
        left: Left | None,
        log_timeout: float = ANSWER_LIMIT,
        **link: Any,
    ) -> None:
        super().__init__(mailbox=mailbox, **link)
        self._target = target
        self._left = left
        self._timer = TimerOnce(mailbox, Tick())
        self._again = TimerOnce(mailbox, LookAgain())
        self._overdue = TimerOnce(mailbox, Overdue())
        self._log_timeout = log_timeout

    def _settle(self, message: Any, effects: Effects) -> None:
        self._target.settled = message
        if effects:
            self._perform(effects)

    def _leave(self, message: Leave) -> None:
        target, session = self._target, message.session
        was_in = session in target.members
        self._settle(message, target.leave(session, message.ref))
        if was_in and message.why is not None:
            say_out(session, target.name, *message.why)
        if was_in and message.greeted and self._left is not None:
            self._left(session, message.asked)

    def _perform(self, effects: Effects) -> None:
        for effect in effects:
            if not isinstance(effect, Send):
                if isinstance(effect, Visit):
                    self._visit(effect.subscriber, effect.lane)
                elif isinstance(effect, Pay):
                    self._pay(effect)
                elif isinstance(effect, Crash):
                    self._tell(effect)
                else:
                    self._ask_log(effect)
                continue
            subscribers, joined, encoding, outcomes = effect
            if len(subscribers) == 1:
                sink = subscribers[0].sink
                if outcomes is None:
                    sink.write(joined)
                elif not sink.offer(joined):
                    self._fall_behind([sink], effect)
                continue
            refused: list[Any] | None = None if outcomes is None else []
            encoding.deliver([subscriber.sink for subscriber in subscribers], joined, refused)
            if refused:
                self._fall_behind(refused, effect)

    def _tell(self, crash: Crash) -> None:
        author, ref, error, caller = crash
        if isinstance(error, Refused):
            # The application says no, in its own words: nothing has crashed.
            code, text, details = error.code, error.text, error.details
        else:
            code = "crashed"
            what = "cannot write what a message made" if isinstance(error, Unwritable) else "crashed on a message"
            text, details = fault(logger, self.host, self._target.name, error, what)
        if caller is not None:
            refused = Refused(code, f"{self._target.name}: {text}", details)
            refused.__cause__ = None if isinstance(error, Refused) else error
            caller.fail(refused)
        if author is not None:
            author.reject(ref, self._target.name, code, text, details)

    def _fall_behind(self, refused: list[Any], send: Send) -> None:
        sinks = set(map(id, refused))
        for session in send.subscribers:
            if id(session.sink) in sinks:
                self._target.fall_behind(session, send.outcomes or ())
                if session.sink.pending:
                    session.want_room(self.mailbox)  # otherwise its connection is over

    def _pay(self, pay: Pay) -> None:
        session, joined, debt, own = pay
        if self._target.order is None:
            session.write(joined)  # an answer, and small
        elif not session.sink.offer(joined):
            self._target.owe(session, debt, own)
            if session.sink.pending:
                session.want_room(self.mailbox)

    def _visit(self, session: Subscriber, lane: Lane) -> None:
        try:
            joined = self._target.visit(session, lane, self.host.clock(), not session.sink.pending)
        except Exception as error:
            text, _ = fault(logger, self.host, self._target.name, error, "cannot write its model")
            self._leave(Leave(session, None, Why("crashed", text, self._expel(session))))
            return
        if joined is not None:
            session.write(joined)
        if lane.is_empty:
            return
        if session.sink.pending:
            session.want_room(self.mailbox)
        elif not session.closed:
            self._timer.set(lane.next_at)

    def _ask_log(self, effect: Append | LookUp) -> None:
        """Have the log asked; its answer comes as a message, from whichever thread."""
        appends, order = self._target.appends, self._target.order
        assert appends is not None  # they have decided this
        assert order is not None
        if isinstance(effect, LookUp) and effect.after:
            self._again.set(self.host.clock() + effect.after)
            return
        batch, put = effect.batch, self.mailbox.put_anyway
        asking = appends.patience.ask(self.host.clock(), self._log_timeout)
        self._watch_clock()

        def answer(outcome: AppendOutcome) -> None:
            put(Logged(batch, outcome, asking))

        name, log = self._target.name, appends.log
        try:
            if isinstance(effect, Append):
                log.append(name, order.epoch, effect.records, appends.level, answer)
                appends.asked()
            else:
                log.look_up(name, order.epoch, effect.records, answer)
        except Exception as error:
            logger.error("%s: %r raised; it has to answer", name, log, exc_info=error)
            answer(Unknown(repr(error)))

    def _watch_clock(self) -> None:
        """Be woken when the log is overdue, or a stop has waited enough; a timer that ends too early does no harm."""
        appends = self._target.appends
        if appends is not None and appends.is_waiting and (at := appends.patience.wakes_at) is not None:
            self._overdue.set(at)

    def _expel(self, session: Subscriber) -> int:
        return session.end(self._target.name, self.mailbox)
