"""The door to Pykka: what an actor is made of, its hooks, and what everybody is told at its end.

Nothing else in Nuphar subclasses Pykka's actor.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pykka

from ..words.errors import NupharError
from ..words.exit_reasons import KILLED, NORMAL, Reason
from .future import Future
from .host import GEVENT, Host
from .log_throttle import ThrottledLogger
from .mailbox import Mailbox
from .pykka_names import Envelope
from .ref import Down, Flag, Ref, refuse_all, refuse_ask
from .registry import Registry
from .runtimes import GREENLETS, Runtime

logger = ThrottledLogger("nuphar.actors")

POISON = 2
"""Crashes after which a message is set aside, where a successor inherits the mailbox."""


class Door(pykka.Actor):
    """An actor as Pykka and the others see it. Subclass `Actor`, not this."""

    runtime: ClassVar[Runtime] = GREENLETS
    address: ClassVar[type[Ref[Any]]] = Ref
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
        host: Host | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        if host is None:
            host = mailbox.host if mailbox is not None else monitor.host if monitor is not None else GEVENT
        self.host = host
        self.registry = monitor.registry if registry is None and monitor is not None else registry
        self.monitor = monitor
        self.started = Future(host)
        self.exit_reason: Reason | None = None
        self.links: dict[Ref[Any], None] = {}
        """Actors that are killed when this one is killed: a supervisor's children."""
        self._said_goodbye = False
        self._is_answered = False
        self.stop_reply: pykka.Future[Any] | None = None
        self._generation = 0  # counts its greenlets: each sleep ends one, and that is not its own end
        self.actor_stopped = Flag()  # type: ignore[assignment]
        self.is_inherited = mailbox is not None
        self.mailbox = self.runtime.mailbox(host) if mailbox is None else mailbox
        self.actor_inbox = self.mailbox  # where Pykka's ActorRef looks for it
        self.ref: Ref[Any] = self.address(self, name, self.registry, host, self.is_inherited)
        self._actor_ref = self.ref

    def init(self) -> None:
        """Prepare, in the actor's own greenlet or thread, before the first message."""

    def handle(self, message: Any) -> Any:
        """Do what ``message`` says; what is returned answers an ``ask``."""
        raise NupharError(f"{self} does not handle {message!r}")

    def idle(self) -> None:
        """Do what was left until no message waits any more; called before each wait, and at the end of each turn."""

    def terminate(self, reason: Reason) -> None:
        """Free what the actor owns; the last thing it does. Not called when it was killed."""

    def may_stop(self) -> bool:
        """Say whether a `Stop` is obeyed now; otherwise `handle` gets it, and has to see that it comes again."""
        return True

    def set_aside(self, message: Any) -> None:
        """Deal with a message that crashed this actor's predecessors `POISON` times; the mailbox goes on without it."""
        logger.error("%s sets a message aside that crashed it %d times: %.200r", self.ref, POISON, message)
        if isinstance(message, Envelope) and message.reply_to is not None:
            refuse_ask(message.reply_to, self.ref)

    def exit(self, reason: Reason = NORMAL) -> None:
        """End this actor after the message in hand."""
        self.exit_reason = reason

    # What follows fills in Pykka's seams for new actor types; nobody overrides it.

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()  # replaced at once by the runtime's own, or a predecessor's

    @staticmethod
    def _create_future() -> Future:
        return Future()

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
