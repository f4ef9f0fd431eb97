"""The child spec of one target's actor, a topic's or that of a session's own store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...actors.runtime.hooks import ServerHooks
from ...actors.runtime.mailbox import Mailbox
from ...actors.runtime.ref import Ref
from ...actors.targets.dead_letters import DeadLetters
from ...actors.targets.patience import ANSWER_LIMIT
from ...actors.targets.performing import Left
from ...actors.targets.target import Target
from ...actors.targets.target_actor import TargetActor
from ..otp.child_spec import ChildSpec
from ..otp.policy import Backoff, Restart

BACKOFF = Backoff()
"""One for all: a topic's spec is kept as long as the topic."""

TOPICS, SESSIONS = 1.5, 0.5
"""Seconds that the actors of topics, and of sessions' own stores, get to stop."""


def target_spec(
    name: str,
    target: Target,
    mailbox: Mailbox,
    hooks: ServerHooks,
    letters: DeadLetters,
    shutdown: float,
    left: Left | None = None,
    ended: Callable[[], None] | None = None,
    is_closing: Callable[[], bool] = lambda: False,
    is_own: bool = False,
    log_timeout: float = ANSWER_LIMIT,
) -> ChildSpec:
    """Return the spec; ``left(session, asked)`` hears of each subscriber that leaves, ``ended()`` of the orderly end.

    ``shutdown`` and ``log_timeout``, what its log may take to answer, are in seconds. ``is_own``: the target is one
    session's own.

    Once ``is_closing()``, an actor that would have nothing to do is not started: there may be thousands to start, and
    the stop is behind them.
    """

    def start(monitor: Ref[Any]) -> Ref[Any] | None:
        if is_closing() and not mailbox.messages and not target.members:
            return None
        return TargetActor.start_link(
            target, mailbox, hooks, letters, left, ended, is_own, log_timeout=log_timeout, monitor=monitor, name=name
        )

    # The supervisor may still clean up behind an actor when its successor begins: the mailbox tells them apart.
    return ChildSpec(f"{name} at {id(mailbox):x}", start, Restart.TRANSIENT, shutdown, backoff=BACKOFF)
