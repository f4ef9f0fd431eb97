"""A lane: what waits for one subscriber of one target by its delivery rule. Pure.

Everybody who can take what comes, by the default rule, shares one way and has no lane. In a lane, messages of an
order leave without a gap: what the rule drops is replaced by one Snapshot. Own messages are never dropped: they become
Acknowledges, in their places or behind the Snapshot that contains them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..words.delivery import OVERHEAD, Conflate, DropOldest, Rule, Sample

OWED = 1_024
"""Own messages that may wait for their Acknowledges, a window of refs; with more it has to take them, or is closed."""


class Outcome(NamedTuple):
    """One applied message: who wrote it (None: the server), its ref, its seq (0: outside any order) and its payload."""

    author: Any
    ref: int
    seq: int
    payload: bytes


class Debt(NamedTuple):
    """What a Join owes that its line could not take yet: everything after the cursor ``since``, or a Snapshot.

    ``before`` are own messages of an earlier connection, refs by seq; ``refs`` are Subscribes without an answer, each
    with the seq at its Join.
    """

    since: tuple[str, int] | None
    before: Mapping[int, int]
    refs: Sequence[tuple[int, int]]


class Due(NamedTuple):
    """What is to be written now.

    ``reason``, if it is not None, wants a Snapshot first, and ``outcomes`` are then own messages that it contains;
    otherwise they are everything that comes next in the order. With a ``debt`` that is paid instead of the Snapshot.
    ``pushes`` are outside any order.
    """

    reason: str | None
    outcomes: Sequence[Outcome]
    pushes: Sequence[Outcome]
    debt: Debt | None = None


class Lane:
    """``rule`` is what ``subscriber`` gets. `hold` and `push` add, `take` decides; ``next_at`` is when it may."""

    __slots__ = ("_counted", "_debt", "_fresh", "_held", "_keys", "_number", "_others", "_owed", "_reason", "_size",
                 "_subscriber", "_waiting", "_waiting_size", "next_at", "rule")  # fmt: skip

    def __init__(self, rule: Rule, subscriber: Any) -> None:
        self.rule = rule
        self.next_at = float("-inf")
        self._subscriber = subscriber
        # The order is in one of two states. Without a gap, what comes next is held:
        self._held: Sequence[Outcome] = ()
        self._counted = 0  # how many of them the rule has looked at (see `_drop`); the next two sum these up
        self._size = 0  # bytes
        self._others = 0  # how many are by somebody else: its own are never dropped
        # With a gap, a Snapshot will stand for everything, and only its own messages are kept, for their Acknowledges:
        self._reason: str | None = None  # why there has to be a Snapshot; None: there is no gap
        self._owed: list[Outcome] = []
        self._debt: Debt | None = None  # what the gap is, if it is all since a Join
        # Pushes are fresh until the first `take` that could not write them; then they wait, and the rule may drop them.
        self._fresh: Sequence[Outcome] = ()
        self._keys: Sequence[Any] = ()  # of the fresh ones, with a rule that conflates
        self._waiting: OrderedDict[Any, Outcome] = OrderedDict()  # by what makes a newer one replace an older one
        self._waiting_size = 0  # bytes
        self._number = 0  # of pushes that have waited: a key for those that replace nothing

    @property
    def is_empty(self) -> bool:
        """Does nothing wait?"""
        return not (self._held or self._fresh or self._waiting or self._owed) and self._reason is None

    @property
    def owes(self) -> bool:
        """Is a Join still to be paid?"""
        return self._debt is not None

    @property
    def size(self) -> int:
        """How many bytes wait, each message with its overhead; what own messages are owed is not counted."""
        return self._size + self._waiting_size

    def hold(self, outcomes: Sequence[Outcome]) -> None:
        """Add the next messages of the order."""
        if self._reason is None:
            self._held = [*self._held, *outcomes] if self._held else outcomes
        else:
            self._owe(outcomes)

    def push(self, outcomes: Sequence[Outcome], keys: Sequence[Any] = ()) -> None:
        """Add messages outside any order; with a rule that conflates, ``keys`` are theirs."""
        self._fresh = [*self._fresh, *outcomes] if self._fresh else outcomes
        self._keys = [*self._keys, *keys] if self._keys else keys

    def miss(self, reason: str, outcomes: Sequence[Outcome] = ()) -> None:
        """Note a gap: it needs a Snapshot, and Acknowledges of what is its own of ``outcomes``."""
        self._reason = reason
        self._keep_own()
        self._owe(outcomes)

    def owe(self, debt: Debt, own: Sequence[Outcome]) -> None:
        """Note that a Join could not be written, nor the answers to ``own`` messages that came with it."""
        self.miss("slow", own)
        self._debt = debt

    def answer_later(self, ref: int, seq: int) -> bool:
        """Answer a repeated ref behind what a Join owes, as its seq is ahead; False if nothing is owed."""
        if self._debt is not None:
            self._owed.append(Outcome(self._subscriber, ref, seq, b""))
        return self._debt is not None

    def take(self, now: float, has_room: bool) -> Due | None:
        """Take what may be written at ``now`` (seconds), or let the rule drop what may not wait."""
        if (has_room and now >= self.next_at) or len(self._owed) > OWED:
            return self._take_all(now)
        self._wait()
        own = 0
        while own < len(self._held) and self._held[own].author is self._subscriber:
            own += 1
        if not own:
            self._drop()
            return None
        # Nothing is missing before them, so its answers need not wait.
        due = Due(None, self._held[:own], ())
        self._held = self._held[own:]
        self._counted = self._size = self._others = 0
        self._drop()
        return due

    def give_back(self, due: Due) -> None:
        """Take back what was taken, as it could not be written: its answers are owed as before."""
        self.miss("slow", due.outcomes)
        self._debt = due.debt

    def settle(self) -> tuple[list[Outcome], Sequence[tuple[int, int]]]:
        """Forget the order, as it gets the whole of it anew; return what is not answered yet.

        These are its own messages, and Subscribes as in a `Debt`.
        """
        self._keep_own()
        own, self._owed, self._reason = self._owed, [], None
        debt, self._debt = self._debt, None
        if debt is None:
            return own, ()
        before = [Outcome(self._subscriber, ref, seq, b"") for seq, ref in sorted(debt.before.items())]
        return before + own, debt.refs

    def end(self) -> Due:
        """Take out what is left for it at the end: the answers that it has not got, and the pushes."""
        own, refs = self.settle()
        self._wait()
        pushes = list(self._waiting.values())
        self._clear()
        return Due("slow" if own else None, own, pushes, Debt(None, {}, refs))

    def _take_all(self, now: float) -> Due | None:
        if self.is_empty:
            return None
        if isinstance(self.rule, Sample):
            self._drop()
            self._wait()
            if self._others or self._waiting or self._reason is not None:
                self.next_at = now + 1.0 / self.rule.hz
        pushes = [*self._waiting.values(), *self._fresh] if self._waiting else self._fresh
        due = Due(self._reason, self._held if self._reason is None else self._owed, pushes, self._debt)
        self._clear()
        return due

    def _clear(self) -> None:
        self._held, self._owed, self._reason, self._debt = (), [], None, None
        self._fresh, self._keys = (), ()
        self._counted = self._size = self._others = self._waiting_size = 0
        if self._waiting:
            self._waiting = OrderedDict()

    def _keep_own(self) -> None:
        """Hold nothing any more, and owe what is its own."""
        held, self._held = self._held, ()
        self._counted = self._size = self._others = 0
        self._owe(held)

    def _owe(self, outcomes: Sequence[Outcome]) -> None:
        self._owed += [outcome for outcome in outcomes if outcome.author is self._subscriber]

    def _drop(self) -> None:
        """Give up the messages of the order that may not wait: a Snapshot stands for them later."""
        held = self._held
        for outcome in held[self._counted :]:
            self._size += len(outcome.payload) + OVERHEAD
            self._others += outcome.author is not self._subscriber
        self._counted = len(held)
        match self.rule:
            case DropOldest(n):
                most = n
            case Sample():
                most = 1
            case _:
                most = 0
        if self._others > most or (self._size > self.rule.bound and self._counted > 1):
            self.miss("slow")

    def _wait(self) -> None:
        """Let the fresh pushes wait, and the rule drop what may not."""
        fresh, keys = self._fresh, self._keys
        self._fresh, self._keys = (), ()
        rule, waiting = self.rule, self._waiting
        for at, outcome in enumerate(fresh):
            self._number += 1
            match rule:
                case Conflate():
                    key = keys[at]
                case DropOldest():
                    key = self._number
                case _:
                    key = None
            if (older := waiting.pop(key, None)) is not None:
                self._waiting_size -= len(older.payload) + OVERHEAD
            waiting[key] = outcome
            self._waiting_size += len(outcome.payload) + OVERHEAD
        most = rule.n if isinstance(rule, DropOldest) else len(waiting)
        while len(waiting) > most or (self._waiting_size > rule.bound and len(waiting) > 1):
            _, oldest = waiting.popitem(last=False)
            self._waiting_size -= len(oldest.payload) + OVERHEAD
