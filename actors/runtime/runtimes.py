"""The runtimes: what runs an actor's loop, and what its mailbox waits on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from gevent.monkey import get_original

from .fair_turns import Turn
from .host import Host
from .mailbox import Mailbox, ThreadMailbox

start_new_thread: Callable[..., int] = get_original("_thread", "start_new_thread")


class Runtime(Protocol):
    """What an actor needs of the thing it runs on."""

    def mailbox(self, host: Host) -> Mailbox:
        """Return a new mailbox that an actor of this runtime can wait on."""

    def spawn(self, host: Host, loop: Callable[[], None], ended: Callable[[], None]) -> Callable[[], None]:
        """Run ``loop``, then ``ended`` in every ending; return a function that kills it, as far as that is possible."""

    def let_others_run(self, host: Host, turn: Turn) -> None:
        """End ``turn``, between two messages, and begin another (see `fair_turns`)."""


class Greenlets:
    """Actors that share one OS thread and switch when they wait: thousands are cheap."""

    def mailbox(self, host: Host) -> Mailbox:
        return Mailbox(host=host)

    def spawn(self, host: Host, loop: Callable[[], None], ended: Callable[[], None]) -> Callable[[], None]:
        greenlet = host.spawn(loop)
        # Also called for a greenlet that was killed before it ran at all.
        greenlet.rawlink(lambda _: ended())

        def kill() -> None:
            greenlet.kill(block=False)

        return kill

    def let_others_run(self, host: Host, turn: Turn) -> None:
        host.pause()
        turn.renew()


class Threads:
    """Actors on real OS threads, monkey-patched or not, for what blocks."""

    def mailbox(self, host: Host) -> Mailbox:
        return ThreadMailbox(host=host)

    def spawn(self, host: Host, loop: Callable[[], None], ended: Callable[[], None]) -> Callable[[], None]:
        def run(*_: Any) -> None:
            try:
                loop()
            finally:
                ended()

        start_new_thread(run, ())
        # A thread cannot be killed: it is disowned, and ends when it next looks at its mailbox.
        return ended

    def let_others_run(self, host: Host, turn: Turn) -> None:
        """Do nothing else: the system sees to that."""
        turn.renew()


GREENLETS = Greenlets()
THREADS = Threads()
