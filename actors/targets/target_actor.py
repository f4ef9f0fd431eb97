"""The actor of one target: it takes messages from the mailbox, lets the pure `Target` decide, and performs.

One drain of the mailbox is one flush: what several messages produced goes out together, and a message that comes
alone is sent at once, as nothing waits behind it. Only subscribers who take samples need a timer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..runtime.door import POISON
from ..runtime.hooks import ServerHooks, new_trace_id
from ..runtime.log_throttle import ThrottledLogger
from ..runtime.mailbox import Mailbox
from ..runtime.pykka_names import Envelope
from ..words.errors import NotRunning, Refused
from ..words.exit_reasons import Normal, Reason, Shutdown
from ..words.member import member_of
from .dead_letters import DeadLetters
from .faults import fault
from .messages import (
    Broadcast,
    Dispatch,
    Join,
    Leave,
    Logged,
    LookAgain,
    More,
    Post,
    Read,
    Repeat,
    Room,
    Tick,
    UseStore,
    Why,
)
from .outs import refuse_outsider
from .performing import Left
from .target import Target
from .waiting import WaitsForLog

logger = ThrottledLogger("nuphar.actors")

DRAIN = 256
"""Messages after which a drain is flushed even if more wait: bounds a write's size, as the turn bounds its wait."""


class TargetActor(WaitsForLog):
    """Serves one target. Its state is the `Target` and the mailbox, which both outlive it."""

    @property
    def ends_asleep(self) -> bool:  # type: ignore[override]  # of others it is a constant
        return not self._target.is_waiting

    @property
    def has_goodbyes(self) -> bool:  # type: ignore[override]  # of others it is a constant
        return bool(self._target.members)

    def __init__(
        self,
        target: Target,
        mailbox: Mailbox,
        hooks: ServerHooks,
        dead_letters: DeadLetters,
        left: Left | None = None,
        ended: Callable[[], None] | None = None,
        is_own: bool = False,
        **link: Any,
    ) -> None:
        super().__init__(target, mailbox, left, **link)
        self._is_own = is_own
        """Whether it is one session's own: that hears no final Acknowledge, and hooks hear of what is applied."""
        self._hooks = hooks
        self._dead_letters = dead_letters
        self._ended = ended
        self._drained = 0

    def init(self) -> None:
        # What a predecessor applied and could not send any more.
        self._go_on_waiting()
        self._perform(self._target.visits())
        self.mailbox.suspended = ""

    def handle(self, message: Any) -> Any:
        target = self._target
        kind = type(message)
        if message is target.settled:
            pass  # a predecessor applied it, and ended before it could take it out of the mailbox
        elif target.appends is not None and self._waits(message):
            pass  # what is in front of it is on its way to the log
        elif kind is Post:
            session, ref, content, payload = message
            if session in target.members:
                effects = target.post(session, ref, content, payload)
                target.settled = message
                if effects:
                    self._perform(effects)
                elif self._is_own and self._hooks.message and target.order is not None:
                    model, member = target.order.position.model, partial(member_of, session)
                    self._hooks.run("message", content, model, session.client_id, member)
            else:
                session.reject(ref, target.name, "not_subscribed", f"subscribe to {target.name} first")
        elif kind is Dispatch:
            self._settle(message, target.post(None, 0, message.message, message.payload, message.caller))
        elif kind is Join:
            self._join(message)
        elif kind is Leave:
            self._leave(message)
        elif kind is Repeat:
            self._perform(target.flush())  # the first one may be in this very drain
            session, ref = message.session, message.ref
            session.answer_again(ref, target.name, target.place, target.answer_later)
        elif kind is Broadcast:
            self._settle(message, target.push(message.payload, message.exclude))
        elif kind is UseStore:
            self._settle(message, target.use(message.order))
        elif kind is Read:
            self._perform(target.flush())  # what it asks about must not wait for the next message
            return None if target.order is None else target.order.position
        elif kind is Room:
            self._perform(target.visits(message.session))
        elif kind is Tick:
            self._perform(target.visits())
        else:
            return super().handle(message)
        self._drained += 1
        if self._drained >= DRAIN:
            self._flush()
        return None

    def idle(self) -> None:
        self._target.settled = None  # it is out of the mailbox, and may be large
        self._flush()

    def _flush(self) -> None:
        self._drained = 0
        self._perform(self._target.flush())

    def terminate(self, reason: Reason) -> None:
        """Say the final Acknowledge on an orderly end; after anything else a successor goes on in silence."""
        target = self._target
        self._timer.stop()
        self._again.stop()
        self._overdue.stop()
        if not isinstance(reason, Normal | Shutdown):
            if self.mailbox.crashes >= POISON:
                # The next start may be a back-off away: senders hear of it now.
                self.mailbox.suspended = f"{target.name} is restarting after crashes"
            return
        gone = target.subscribers
        self._perform(target.stop(final=not self._is_own))
        for session in gone:
            self._expel(session)
        held = [] if target.appends is None else target.appends.take_all()
        for message in [*self.mailbox.drain(), *held]:
            self._refuse(message, "gone", "it has stopped")
        if self._ended is not None:
            self._ended()

    def set_aside(self, message: Any) -> None:
        """Put it among the dead letters: the others must not wait for it for ever."""
        if isinstance(message, Logged | More):  # what it said is still to be known, or done
            self.mailbox.put_anyway(LookAgain() if isinstance(message, Logged) else message)
        target, trace_id = self._target, new_trace_id(self.host)
        self._perform(target.flush())
        order = target.order
        position = None if order is None else order.position
        self._dead_letters.add(target.name, message, self.mailbox, position, trace_id)
        text = f"a message crashed its actor {POISON} times and was set aside; trace id {trace_id}"
        logger.error("%s: %s: %.200r", target.name, text, message)
        self._refuse(message, "crashed", text, {"trace_id": trace_id})

    def _join(self, message: Join) -> None:
        target, session = self._target, message.session
        # Also if it is over by now: then its Leave is behind, or the Join of its successor.
        try:
            effects = target.join(
                session, message.ref, message.since, message.wish, message.replaces, self.host.clock()
            )
            self._settle(message, effects)
        except Exception as error:
            text, details = fault(logger, self.host, target.name, error, "cannot write its model")
            if message.ref is None or message.replaces is not None or session not in target.members:
                self._turn_out(message, "crashed", text, details)
            else:  # nothing has changed, so who is in stays in
                session.reject(message.ref, target.name, "crashed", text, details)
            return
        for caused in message.caused:
            self._perform(target.post(None, 0, caused.message, caused.payload))

    def _turn_out(self, join: Join, code: str, text: str, details: Any) -> None:
        """Refuse a Join, and put out who was let in by it, or was in before."""
        target, (session, ref, *_, replaces) = self._target.name, join
        if replaces is not None:
            self._leave(Leave(replaces, None))
        left = Leave(session, None, Why(code, text, self._expel(session)))
        if ref is not None or session not in self._target.members:
            refuse_outsider(session, ref, target, code, text, details)
        self._leave(left)

    def _refuse(self, message: Any, code: str, text: str, details: Any = None) -> None:
        target = self._target.name
        if isinstance(message, Envelope):
            if message.reply_to is not None:
                message.reply_to.set_exception((NotRunning, NotRunning(f"{target}: {text}"), None))
        elif isinstance(message, Post):
            message.session.reject(message.ref, target, code, text, details)
        elif isinstance(message, Dispatch):
            if message.caller is not None:
                message.caller.fail(NotRunning(f"{target}: {text}") if code == "gone" else Refused(code, text, details))
        elif isinstance(message, Join):
            self._turn_out(message, code, text, details)
        elif isinstance(message, Repeat):
            message.session.answer_again(message.ref, target, None)
        elif isinstance(message, Leave) and message.ref is not None:
            self._perform(self._target.leave(message.session, message.ref))
