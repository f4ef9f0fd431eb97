"""Kinds of targets: the port through which topics, sessions' own stores, and whatever comes are one thing to others.

A kind is registered under the beginning of its targets' names (``topic:``). The router asks it who may subscribe and
where a target is, a session has it take calls; nobody else knows what kinds there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..runtime.mailbox import Mailbox
from ..targets.subscriber import Subscriber
from ..words.errors import UsageError
from .asker import Asker
from .membership_table import Grant
from .messages import Request, Verdict


class Call(NamedTuple):
    """A client calls; ``arguments`` are plain data (`Codec.decoder` makes values of them)."""

    ref: int
    name: str
    arguments: Any


class TargetKind:
    """What is special about one kind of targets. This one has no targets, answers no calls, and does nothing else.

    All of it is called on the server's hub and must not wait: what takes time runs in greenlets of its own
    (`runtime/hook_calls.py`) and puts its answer into the router's mailbox, which outlives the router. What a kind
    raises is a fault of its own: the router crashes on it, and tries once more. Contract tests are in
    `nuphar.testing.contracts`.
    """

    is_own: bool = False
    """Whether each session has one of its own, which it is in from its first message on until it ends."""

    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        """Say whether what ``request`` asks is allowed; None if that takes time, and a Verdict comes to the router.

        Each request has one Verdict. ``hint`` is that of a Verdict before, if the target had ended when it was to be
        opened.
        """
        return Verdict(request, "not_found", f"there is no {request.target!r}")

    def greet(self, verdict: Verdict) -> Verdict | None:
        """Do what there is to do before a session comes in that may and is not in; return what is said of it then.

        None if that takes time, and a Verdict with ``greeted`` comes to the router. One at a time for each session and
        target; who is refused here is not let in, and the next of its requests is greeted.
        """
        return verdict

    def part(self, verdict: Verdict) -> None:
        """Take back a greeting that took time: the session has ended since, or lost its right, and is not let in."""

    def open(self, verdict: Verdict) -> Grant | None:
        """Return where a session is let in that may come in, and its Join; None if the target has ended since.

        None has the request judged again, with the Verdict's hint.
        """
        return None

    def locate(self, session: Subscriber, target: str) -> Mailbox | None:
        """Return where ``target`` takes its messages, None if it does not run. That of a session's own is begun."""
        return None

    def close(self, session: Asker) -> None:
        """End what is of ``session`` alone: it has ended, and has left whatever it shared with others."""

    def call(self, session: Asker, call: Call) -> None:
        """Answer a call, now or later, by ``session.reply`` or ``session.fail``.

        A Refused that is raised is a Failure with its code and text, anything else one that has crashed. Who goes on
        with another connection meanwhile hears nothing, and calls again.
        """
        session.fail(call.ref, "not_found", f"there is no call {call.name[:100]!r}")

    def reconsider(self, session: Asker) -> Iterable[str]:
        """Return the targets of ``session`` whose rights are to be asked again.

        Each is judged, with ``is_check``: who is refused is out, for the others nothing happens.
        """
        return ()

    def hear(self, session: Asker, target: str, message: Any) -> None:
        """Hear of a client's message before its target does. This one may wait; asked if `Kinds.listeners` has any.

        Raises: Refused, which is the message's answer then.
        """

    def admit(self, session: Asker, target: str, message: Any) -> None:
        """Say whether a client's message may go to ``target``, which it is in or asks for. This one may wait, too.

        Asked where the guard of the `Grant` asks, and as long as there was none. It comes behind `hear`.
        Raises: Refused, which is the message's answer then.
        """

    def reserved(self, session: Asker, target: str) -> tuple[type, ...]:
        """Return the types of messages that only the server sends to ``target``. Asked before anything else."""
        return ()

    def take(self, message: Any) -> None:
        """Take a message that the kind has put into the router's mailbox (`For`)."""

    def tick(self, now: float) -> None:
        """Do what is due at ``now``, in monotonic seconds. Comes about once a second."""


class Kinds:
    """The kinds of one server; the longest beginning that fits a name says whose it is.

    ``listeners`` are whatever kinds have that want to `hear` of messages: as long as there are none, nobody is asked.
    """

    __slots__ = ("_by_prefix", "listeners")

    def __init__(self, listeners: Sequence[Any] = ()) -> None:
        self._by_prefix: dict[str, TargetKind] = {}
        self.listeners = listeners

    def register(self, prefix: str, kind: TargetKind) -> None:
        """Add a kind; one under the empty prefix has every name that is nobody else's.

        Raises: UsageError if the prefix is taken.
        """
        if self._by_prefix.setdefault(prefix, kind) is not kind:
            raise UsageError(f"there is a kind of targets {prefix!r} already: {self._by_prefix[prefix]!r}")

    def of(self, name: str) -> TargetKind | None:
        """Return the kind of a target, or of a call, by its name."""
        fitting = [prefix for prefix in self._by_prefix if name.startswith(prefix)]
        return self._by_prefix[max(fitting, key=len)] if fitting else None

    def all(self) -> list[TargetKind]:
        """Return every kind."""
        return list(self._by_prefix.values())

    def is_own(self, target: str) -> bool:
        """Say whether a target is each session's own."""
        kind = self.of(target)
        return kind is not None and kind.is_own
