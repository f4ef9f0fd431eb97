"""Hooks: functions of the application that Nuphar calls, fenced so that none can hurt anybody but its own caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gevent import GreenletExit, Timeout

from ..words.errors import NupharError, Refused
from ..words.hook_types import PARAMETERS
from ..words.parameters import by_name
from .hook_calls import HookCalls
from .host import GEVENT, Host
from .log_throttle import ThrottledLogger

logger = ThrottledLogger("nuphar.hooks")

Hook = Callable[..., Any]
"""A hook that was checked: it is called with all of its parameters, by position."""

HOOK_TIMEOUT = 5.0
"""Seconds that a hook may take, as long as it lets other greenlets run meanwhile."""


class HookTimeout(NupharError):
    """A hook took longer than it may."""


class HookFailed(NupharError):
    """A hook raised or took too long; ``trace_id`` finds it in the log."""

    def __init__(self, name: str, trace_id: str) -> None:
        super().__init__(f"the hook {name} failed; trace id {trace_id}")
        self.trace_id = trace_id


def new_trace_id(host: Host = GEVENT) -> str:
    """Return 16 hex characters that tie what a peer was told to an entry in the log."""
    return host.secret(8)


def call(
    name: str, hook: Hook, *arguments: Any, timeout: float = HOOK_TIMEOUT, host: Host = GEVENT, may_refuse: bool = False
) -> Any:
    """Call ``hook`` in a short greenlet of its own, for at most ``timeout`` seconds, and return what it returns.

    Raises: HookFailed, when what went wrong is in the log; with ``may_refuse`` a Refused, which is an answer.
    """
    try:
        return call_raw(name, hook, *arguments, timeout=timeout, host=host)
    except GreenletExit:  # the actor around it is being killed, and that is not the hook's fault
        raise
    except (Exception, Timeout, SystemExit) as error:
        if may_refuse and isinstance(error, Refused):
            raise
        trace_id = new_trace_id(host)
        logger.error("hook %s failed; trace id %s", name, trace_id, exc_info=error)
        raise HookFailed(name, trace_id) from error


def call_raw(name: str, hook: Hook, *arguments: Any, timeout: float = HOOK_TIMEOUT, host: Host = GEVENT) -> Any:
    """Call ``hook`` like `call`. Raises: what it raises, or HookTimeout."""
    late = HookTimeout(f"the hook {name} took longer than {timeout} s")
    return host.apart(lambda: hook(*arguments), timeout, late)


def check_hook(name: str, hook: Any) -> Hook:
    """Return what the hook ``name`` is called through: it gives ``hook`` those parameters that it takes, by name.

    Raises: UsageError for one that takes others.
    """
    return by_name(name, hook, PARAMETERS[name])


@dataclass
class ServerHooks:
    """Who is told what happens on the whole server; each list is called in order, with what `PARAMETERS` lists."""

    message: list[Hook] = field(default_factory=list)
    topic_message: list[Hook] = field(default_factory=list)
    connect: list[Hook] = field(default_factory=list)
    disconnect: list[Hook] = field(default_factory=list)
    timeout: float = HOOK_TIMEOUT
    calls: HookCalls = field(default_factory=HookCalls)

    def run(self, name: str, *arguments: Any) -> None:
        """Call every hook of ``name``; what goes wrong is in the log and nowhere else."""
        for hook in getattr(self, name):
            try:
                call(f"on_{name}", hook, *arguments, timeout=self.timeout, host=self.calls.host)
            except HookFailed:
                continue

    def spawn(self, name: str, client_id: str) -> None:
        """Run the hooks of ``name`` in a greenlet of their own, for actors that must not wait."""
        if getattr(self, name):
            self.calls.spawn_anyway(client_id, self.run, name, client_id)


@dataclass
class TopicHooks:
    """Who may join one topic (or one kind), and what joining and leaving cause.

    ``can_subscribe(client_id, topic_id, session_model) -> bool`` is asked on every Subscribe and Resync.
    ``on_join(client_id, topic_id)`` and ``on_leave(client_id, topic_id)`` return messages (or None) that are
    dispatched, or broadcast where there is no store. ``on_end(topic_id, model)`` is called before a topic of a kind
    ends that nobody is subscribed to.
    """

    can_subscribe: Hook | None = None
    on_join: Hook | None = None
    on_leave: Hook | None = None
    on_end: Hook | None = None

    @classmethod
    def of(cls, **given: Any) -> TopicHooks:
        """Check those that are ``given``, by name; None is for none.

        Raises: UsageError.
        """
        return cls(**{name: None if hook is None else check_hook(name, hook) for name, hook in given.items()})
