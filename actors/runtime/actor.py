"""An actor: three hooks, and how it is started. Its loop is in ``loop``.

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

from typing import Any, Self

import pykka
from gevent import GreenletExit

from .loop import Loop
from .ref import ASK_TIMEOUT, Ref
from .runtimes import THREADS


class Actor(Loop):
    """An actor with OTP's three hooks: ``init``, ``handle`` and ``terminate``, on a greenlet.

    What a handler raises ends the actor with `Crashed`, whatever it is, and this actor alone. One exception: a
    `NupharError` raised while answering an ``ask`` is an answer, it goes to the caller and the actor lives on.
    """

    @classmethod
    def start_link(cls, *args: Any, timeout: float = ASK_TIMEOUT, **options: Any) -> Ref[Self]:
        """Start an actor and wait at most ``timeout`` seconds until ``init`` is done.

        ``options``: ``monitor`` (the `Ref` that hears `Down`), ``mailbox`` (a predecessor's, outlives this actor),
        ``registry`` (by default the monitor's), ``name``, ``host`` (by default the mailbox's or the monitor's), and
        what the actor's own ``__init__`` takes.
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


class ThreadActor(Actor):
    """The same actor on a real OS thread, for what blocks; monkey patching makes no difference."""

    runtime = THREADS
