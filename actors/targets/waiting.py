"""How the actor of a target waits for its log: by taking messages, and holding them until the log has answered.

So it never stands still: a client that sends too much hears of it, and a stop waits in its turn. What was held goes
back into the mailbox, in front of everything else, and is then handled as if it had just come.
"""

from __future__ import annotations

from typing import Any

from ..runtime.log_throttle import ThrottledLogger
from ..runtime.mailbox import Mailbox
from ..runtime.pykka_names import ActorStop, Envelope
from ..runtime.ref import Stop
from ..words.errors import Refused
from ..words.exit_reasons import NORMAL
from .effects import Effects
from .log import Failed, Unknown
from .messages import Logged, LookAgain, More, Overdue, Tick
from .performing import Performing

logger = ThrottledLogger("nuphar.actors")

CHUNK = 256
"""Messages that are put back at once: as many as a drain takes, so that those behind them are not moved for each."""


class WaitsForLog(Performing):
    """The part of a `TargetActor` whose target has ``appends``; others never come here."""

    def _waits(self, message: Any) -> bool:
        """Take what concerns the log, or hold ``message`` behind what is on its way to it; False: handle it now."""
        target = self._target
        appends = target.appends
        assert appends is not None
        kind = type(message)
        if kind is Logged:
            self._hear(message)
            return True
        if kind is LookAgain:
            self._perform(appends.look_up())
            return True
        if kind is Overdue:
            self._look_at_clock()
            return True
        if kind is More:
            appends.close()
            effects = target.flush()
            self._put_back()
            target.settled = message
            self._perform(effects)
            return True
        if not appends.holds and appends.ends_batch(message) and target.has_unflushed:
            self._perform(target.flush())
            if self.mailbox.owner is not self:
                return True  # superseded by what the log did: the message is its successor's
        if not appends.holds:
            return False
        target.settled = message
        self._hold(message)
        return True

    def _put_back(self) -> None:
        """Have what was held handled, a batch at a time, unless the log is at work."""
        appends = self._target.appends
        assert appends is not None
        if not appends.is_waiting:
            self.mailbox.put_back(appends.put_back(CHUNK))
            if not appends.is_full:
                self.mailbox.suspended = ""

    def _hold(self, message: Any) -> None:
        appends = self._target.appends
        assert appends is not None
        name = self._target.name
        if not appends.hold(message):
            message.session.reject(message.ref, name, "busy", appends.why_not(name))
        elif appends.is_full:
            self.mailbox.suspended = appends.why_not(name)
        elif (stop := _stop_in(message)) is not None:
            appends.patience.hold_stop(message, stop.reason, self.host.clock())
            self._watch_clock()

    def _look_at_clock(self) -> None:
        """Look up what the log has if it is overdue, or obey a stop that has waited enough."""
        target, now = self._target, self.host.clock()
        appends = target.appends
        assert appends is not None
        patience = appends.patience
        if patience.has_to_stop(now) and appends.is_waiting:
            logger.error("%s has to stop, and its log has not answered: its last outcomes are unknown", target.name)
            self.mailbox.put_back([patience.stop])  # first, so that a successor obeys as well
            self._perform(target.give_up())
        elif patience.is_overdue(now):
            logger.warning("%s: its log has not answered for %g s, and is asked again", target.name, self._log_timeout)
            self._perform(appends.overdue() + self._refuse_if_stuck())
        self._watch_clock()

    def _refuse_if_stuck(self) -> Effects:
        """Let nobody wait for what may take long: refuse the clients' messages that are held, and those to come."""
        appends = self._target.appends
        assert appends is not None
        if not appends.patience.is_stuck:
            return []
        text = self.mailbox.suspended = appends.why_not(self._target.name)
        return appends.refuse_held(Refused("busy", text))

    def _hear(self, message: Logged) -> None:
        target, outcome = self._target, message.outcome
        appends = target.appends
        assert appends is not None
        was_waiting = appends.is_of(message.batch)
        effects = target.settle(message.batch, outcome, message.asking)
        target.settled = message
        if was_waiting:
            if not isinstance(outcome, Failed | Unknown):
                pass
            elif appends.is_waiting:
                logger.warning("%s: it is unknown what its log has taken: %s", target.name, outcome.text)
            else:
                logger.warning("%s: its log has failed: %s", target.name, outcome.text)
            if not appends.is_waiting:
                self._again.stop()
                self._put_back()
            effects += self._refuse_if_stuck()
        self._perform(effects)

    def _go_on_waiting(self) -> None:
        """Take over from a predecessor that has ended while something was on its way."""
        appends = self._target.appends
        if appends is not None and (appends.is_waiting or self._target.has_unflushed):
            self._perform(appends.resume())
            self._watch_clock()
            self.mailbox.put_anyway(Tick())  # who is owed something gets it when the log has answered

    def may_stop(self) -> bool:
        """Say whether a stop may be obeyed: not before the log has answered, so that it is the last that anybody hears.

        It is held then like any message; who stops this actor has a limit of its own.
        """
        appends = self._target.appends
        if appends is None:
            return True
        if not appends.holds and self._target.has_unflushed:
            self._perform(self._target.flush())
        return not appends.holds

    def _answer(self, envelope: Envelope[Any], mailbox: Mailbox) -> None:
        if self._target.appends is not None and self._waits(envelope):
            mailbox.drop()
        else:
            super()._answer(envelope, mailbox)


def _stop_in(message: Any) -> Stop | None:
    """Return the stop that ``message`` asks for, if it does."""
    content = message.message if isinstance(message, Envelope) else message
    if isinstance(content, ActorStop):
        return Stop(NORMAL)
    return content if isinstance(content, Stop) else None
