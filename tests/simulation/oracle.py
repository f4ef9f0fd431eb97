"""What must hold, and what has been seen: the reference orders, and the fate of every message.

A message is an integer: its number times 16, plus what it does to an ``update``. So each is unique, and a model (a
polynomial of all messages) tells any two orders apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nuphar import Refused, Store

from .hub import Hub

PRIME = (1 << 61) - 1
FINE, REFUSED, RAISES, MODEL, FATAL, HUGE, DENIED = 0, 3, 5, 7, 9, 11, 13
"""What a message does: nothing bad; it is always refused; it raises; it depends on the model; it ends the actor; what
it makes no Snapshot can carry; no client may write it into a topic."""

KINDS_OF_BAD = (REFUSED, RAISES, MODEL, FATAL, DENIED, HUGE)


class Broken(AssertionError):
    """A promise was broken, or our own code failed."""


class Fatal(BaseException):
    """Raised by an update that takes its whole actor with it."""


class Crash(BaseException):
    """What an injected crash raises."""


def check(model: int, message: int) -> None:
    """Raise what ``message`` deserves on ``model``, but for the fatal."""
    kind = message & 15
    if kind == FINE:
        return
    if kind == REFUSED or (kind == MODEL and (model ^ message) & 16):
        raise Refused("no", "this message is always refused")
    if kind in (RAISES, FATAL):
        raise ValueError("this update raises")


def following(model: int, message: int) -> int:
    """Return the model after ``model``."""
    new = (model * 1_000_003 + message) % PRIME
    return new + (1 << 64) if message & 15 == HUGE else new


def shown(model: int, message: int) -> int:
    """Update as the clients do it."""
    if message & 15:
        check(model, message)
    return following(model, message)


STORE = Store(0, shown)


class Reference:
    """What one order has taken in, in one epoch; its ``update`` is the store's."""

    def __init__(self, oracle: Oracle, name: str) -> None:
        self.name = name
        self.epoch = ""
        self.models = [0]
        self.messages: list[int] = []
        self.confirmed: int | None = None
        """The seq up to which its log has confirmed it; None if the order is its own log."""
        self.failed: int | None = None
        """The first seq of which its log has said that it does not have it, until the order goes back."""
        self.order: Any = None
        self._oracle = oracle
        self._is_repeated = False
        self._perhaps: tuple[int, int] | None = None
        """A model that cannot be written, and what made it: whether it was taken shows when somebody looks next."""

    def update(self, model: int, message: int) -> int:
        oracle = self._oracle
        if self._is_repeated:
            return following(model, message)
        self.settle(model)
        if message & 15:
            if message & 15 == FATAL:
                oracle.seen["an update that ends its actor"] += 1
                raise Fatal
            check(model, message)
            if message & 15 == DENIED and self.name != "session" and message not in oracle.of_server:
                oracle.fail(f"{self.name}: message {message} is applied, which no client may write")
        if model != self.models[-1]:
            oracle.fail(f"{self.name}: message {message} on a model that is not the newest")
        new = following(model, message)
        if message & 15 == HUGE:
            self._perhaps = new, message
        else:
            self._take(new, message)
        return new

    def settle(self, model: int) -> None:
        """See whether what cannot be written was taken, as ``model`` is the newest now."""
        if self._perhaps is None:
            return
        new, message = self._perhaps
        self._perhaps = None
        if model != new:
            self._oracle.seen["what cannot be written is refused"] += 1
            return
        if not self._oracle.may_be_unseen:
            self._oracle.fail(f"{self.name}: message {message} makes what cannot be written, and is taken")
        self._oracle.seen["what cannot be written is let through unseen"] += 1
        self._take(new, message)

    def settle_now(self) -> None:
        if self._perhaps is not None:
            self.settle(self.order.position.model)

    def _take(self, new: int, message: int) -> None:
        oracle = self._oracle
        if message in oracle.applied:
            oracle.fail(f"{self.name}: message {message} is applied twice")
        if message in oracle.denied:
            oracle.fail(f"{self.name}: message {message} is applied, but its author heard {oracle.denied[message]}")
        self.models.append(new)
        self.messages.append(message)
        oracle.applied[message] = (self, len(self.messages))

    def confirm(self, seq: int) -> None:
        """Its log has everything up to ``seq``; of two answers about one batch the second may come late."""
        self.confirmed = max(seq, self.confirmed or 0)

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Let the order apply again what it has applied, to go back to where it was."""
        self._is_repeated = True
        try:
            yield
        finally:
            self._is_repeated = False

    def go_back(self, seq: int) -> None:
        """Forget what is behind ``seq``: its log did not take it, or nobody can say."""
        for message in self.messages[seq:]:
            del self._oracle.applied[message]
            if self.failed != seq + 1:
                self._oracle.unknown.add(message)
        self.failed = None
        del self.messages[seq:], self.models[seq + 1 :]


class Oracle:
    """One for each run. ``seen`` counts the points that a batch of runs has to reach."""

    def __init__(self, hub: Hub) -> None:
        self.seen: Counter[str] = Counter()
        self.applied: dict[int, tuple[Reference, int]] = {}
        self.arrived: dict[int, float] = {}
        """When the server got a client's message for the first time, on whatever line."""
        self.denied: dict[int, str] = {}
        self.unknown: set[int] = set()
        """What has gone back although its log has not said that it does not have it."""
        self.references: dict[str, Reference] = {}
        self.authors: dict[int, Any] = {}
        self.of_server: set[int] = set()
        """What the server has dispatched itself."""
        self.pushed: set[int] = set()
        """What was broadcast or dispatched outside any order."""
        self.may_be_unseen = False
        """Whether there may be no time to look at what a message makes."""
        self._hub = hub

    def fail(self, text: str) -> None:
        """Stop the run here. Raises: Broken."""
        error = Broken(text)
        if self._hub.failure is None:
            self._hub.failure = error
        raise error

    def store(self, name: str) -> Store:
        """Return a new store whose order is known from now on."""
        return Store(0, Reference(self, name).update)

    def begun(self, order: Any) -> None:
        """An order has begun: know it by its epoch."""
        reference = order.update.__self__
        if not reference.epoch:
            reference.epoch, reference.order = order.epoch, order
            self.references[order.epoch] = reference

    def answered(self, message: int, target: str, seq: int, refused: Any) -> None:
        """Judge what an author is told."""
        if message & 15 == HUGE:
            for reference in self.references.values():
                reference.settle_now()
        where = self.applied.get(message)
        if refused is None:
            if message in self.denied:
                self.fail(f"message {message} was {self.denied[message]}, and now it is acknowledged")
            if where is None:
                if target.startswith("topic:eph") and not seq:
                    return
                self.fail(f"message {message} for {target} is acknowledged with {seq}, but nowhere in the order")
            elif seq and where[1] != seq:
                self.fail(f"message {message} for {target} is acknowledged with {seq}, but its place is {where[1]}")
        elif refused.code != "unknown_outcome":
            if where is not None:
                self.fail(f"message {message} for {target} is told {refused}, but it is at {where[1]}")
            if message in self.unknown:
                self.fail(f"message {message} for {target} is told {refused}, but its log may have it")
            self.denied[message] = refused.code

    def check_order(self, name: str, order: Any) -> None:
        """See that what was taken in is what is there."""
        reference = self.references[order.epoch]
        reference.settle_now()
        model, seq = order.position
        if seq != len(reference.messages) or model != reference.models[-1]:
            self.fail(f"{name}: the order is at {seq}, and {len(reference.messages)} messages were taken in")
