"""Hooks: functions of the application that Nuphar calls, fenced so that none can hurt anybody but its own caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gevent import GreenletExit, Timeout

from ..words.errors import NupharError, Refused
from ..words.hook_types import MADE, PARAMETERS
from ..words.member import Known, member_of
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
    return by_name(name, hook, PARAMETERS[name], MADE)


def allows(name: str, answer: Any) -> bool:
    """Say whether the rule ``name`` allows what it was asked about: only True does.

    Raises: Refused if that is the answer; TypeError for anything but True, False or None, such as a coroutine.
    """
    if answer is True:
        return True
    if isinstance(answer, Refused):
        raise answer
    if answer is False or answer is None:
        return False
    raise TypeError(f"{name}: expected True or False, got {answer!r}: write bool(…)")


@dataclass
class ServerHooks:
    """Who is told what happens on the whole server; each list is called in order, with what `PARAMETERS` lists."""

    message: list[Hook] = field(default_factory=list)
    topic_message: list[Hook] = field(default_factory=list)
    connect: list[Hook] = field(default_factory=list)
    disconnect: list[Hook] = field(default_factory=list)
    timeout: float = HOOK_TIMEOUT
    calls: HookCalls = field(default_factory=HookCalls)

    def run(self, name: str, *arguments: Any, may_refuse: bool = False) -> None:
        """Call every hook of ``name``; what goes wrong is in the log and nowhere else.

        Raises: with ``may_refuse`` the first Refused, when those behind it are not called.
        """
        for hook in getattr(self, name):
            try:
                call(f"on_{name}", hook, *arguments, timeout=self.timeout, host=self.calls.host, may_refuse=may_refuse)
            except HookFailed:
                continue

    def spawn(self, name: str, client: Known, refused: Callable[[Refused], Any] | None = None) -> None:
        """Run the hooks of ``name`` in a greenlet of their own, for actors that must not wait.

        ``refused`` hears if one says no; without it that is a failure like any other.
        """
        if getattr(self, name):
            self.calls.spawn_anyway(client.client_id, self._run_for, name, client, refused)

    def _run_for(self, name: str, client: Known, refused: Callable[[Refused], Any] | None) -> None:
        try:
            self.run(name, client.client_id, partial(member_of, client), may_refuse=refused is not None)
        except Refused as error:
            assert refused is not None  # else it is not raised
            refused(error)


@dataclass
class TopicHooks:
    """Who may join one topic (or one kind), and what joining and leaving cause; each list is called in order.

    ``can_subscribe(client_id, topic_id, session_model) -> bool`` is asked on every Subscribe and Resync, and all of
    them must agree. ``on_join(client_id, topic_id)`` and ``on_leave(client_id, topic_id)`` return messages (or None)
    that are dispatched, or broadcast where there is no store. ``on_end(topic_id, model)`` is called before a topic of a
    kind ends that nobody is subscribed to.
    """

    can_subscribe: list[Hook] = field(default_factory=list)
    on_join: list[Hook] = field(default_factory=list)
    on_leave: list[Hook] = field(default_factory=list)
    on_end: list[Hook] = field(default_factory=list)

    def add(self, name: str, hook: Any) -> None:
        """Have ``hook`` called behind those that are there. Raises: UsageError."""
        getattr(self, name).append(check_hook(name, hook))

    @classmethod
    def of(cls, **given: Any) -> TopicHooks:
        """Check those that are ``given``, by name; None is for none.

        Raises: UsageError.
        """
        hooks = cls()
        for name, hook in given.items():
            if hook is not None:
                hooks.add(name, hook)
        return hooks
