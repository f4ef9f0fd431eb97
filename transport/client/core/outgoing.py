"""What a client has to say and has no answer to yet: bounded, in order, by ref once it has been sent. Pure.

A ref is given at the first sending in a session, so refs rise in the order of sending. Refs in flight span fewer than
the server remembers, so a repeated one always finds its answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from itertools import islice, takewhile
from typing import NamedTuple, Protocol

from ....actors.words.errors import Refused
from .replica import OwnMessage

IN_FLIGHT = 700
"""From the oldest ref without an answer to the newest: a server remembers its last 1,024 answers (docs/wire.md), and
`AHEAD` may come on top."""

AHEAD = 256
"""Refs that a queue sets aside at once for what is no message, so that a restarted program uses none of them twice."""


class QueueBounds(NamedTuple):
    """What may wait for an answer: messages, bytes of their payloads, and refs that are on their way."""

    messages: int = 10_000
    size: int = 8 * 1024 * 1024
    in_flight: int = IN_FLIGHT


class Saved(NamedTuple):
    """What a queue kept from before: texts of the last Welcome, the highest ref and number, messages in order."""

    session: str | None = None
    token: str | None = None
    ref: int = 0
    number: int = 0
    messages: tuple[tuple[int, int, str, bytes], ...] = ()
    """``(number, ref or 0, target, payload)``."""
    lost: tuple[tuple[int, int, str, bytes], ...] = ()
    """The same for what was sent in an earlier session, and never answered."""


class Queue(Protocol):
    """Where messages wait besides in memory. Every method raises QueueError when it could not keep what it was told."""

    @property
    def bounds(self) -> QueueBounds: ...

    @property
    def is_durable(self) -> bool:
        """Whether messages outlive the program."""

    def load(self) -> Saved:
        """Return what was kept, and begin; called once, before anything else."""

    def add(self, number: int, ref: int, target: str, payload: bytes) -> None:
        """Keep a message; it is kept for good when this returns."""

    def sent(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Keep that messages, each ``(number, ref)``, are about to be sent; for good when this returns."""

    def answered(self, number: int) -> None:
        """Forget a message."""

    def welcomed(self, session: str, token: str, ref: int, is_new: bool) -> None:
        """Keep who we are, and that refs up to ``ref`` are taken; for good when this returns.

        A new session makes everything lost that was sent before.
        """

    def close(self) -> None:
        """Let go; does nothing the second time."""


class MemoryQueue:
    """A queue that ends with the program: the messages themselves are in `Outgoing`."""

    is_durable = False

    def __init__(self, bounds: QueueBounds | None = None) -> None:
        self.bounds = bounds or QueueBounds()

    def load(self) -> Saved:
        return Saved()

    def add(self, number: int, ref: int, target: str, payload: bytes) -> None: ...

    def sent(self, pairs: Sequence[tuple[int, int]]) -> None: ...

    def answered(self, number: int) -> None: ...

    def welcomed(self, session: str, token: str, ref: int, is_new: bool) -> None: ...

    def close(self) -> None: ...


class Asked(NamedTuple):
    """A Subscribe or an Unsubscribe."""

    target: str
    is_subscribe: bool


class Outgoing:
    """``sent`` and ``asked`` have no answer yet, by ref; ``unsent`` waits, messages and what is to be asked."""

    def __init__(self, bounds: QueueBounds, ref: int = 0) -> None:
        self.sent: dict[int, OwnMessage] = {}
        self.asked: dict[int, Asked] = {}
        self.unsent: deque[OwnMessage | Asked] = deque()
        self.ref = ref
        self.largest = 0
        """Bytes of a frame that the server takes; 0 before it has said."""
        self._bounds = bounds
        self._messages = 0
        self._bytes = 0

    def check_room(self, size: int) -> None:
        """Raise Refused ``busy`` if a payload of ``size`` bytes would be too much."""
        if self._messages >= self._bounds.messages:
            raise Refused("busy", f"{self._messages} messages wait for their answers")
        if self._bytes + size > self._bounds.size:
            raise Refused("busy", f"{self._bytes} bytes wait for their answers, {size} more are too many")

    def count(self, own: OwnMessage) -> None:
        """Count a message that waits from now on."""
        self._messages += 1
        self._bytes += len(own.payload)

    def restore(self, own: OwnMessage) -> None:
        """Take a message back that was counted before: sent already if it has a ref."""
        if own.ref:
            self.sent[own.ref] = own
        else:
            self.unsent.append(own)

    def too_large(self, own: OwnMessage) -> Refused | None:
        """Say why a message cannot be sent at all: repeating it would end one connection after the other."""
        size = own.frame_size()
        if 0 < self.largest < size:
            return Refused("too_large", f"the server takes {self.largest} bytes, got {size}")
        return None

    def forget(self, own: OwnMessage) -> None:
        """Count a message no longer."""
        self.sent.pop(own.ref, None)
        self._messages -= 1
        self._bytes -= len(own.payload)

    def free_refs(self) -> int:
        """Return how many refs may be given out before something is answered."""
        oldest = min(next(iter(self.sent), self.ref + 1), next(iter(self.asked), self.ref + 1))
        return self._bounds.in_flight - (self.ref + 1 - oldest)

    def enough_refs(self) -> int:
        """Return how many refs what waits may have now; 0 while it is too few to be worth a write to the queue."""
        free = self.free_refs()
        return free if self.unsent and free >= min(len(self.unsent), self._bounds.in_flight // 4) else 0

    def first_messages(self, count: int) -> list[OwnMessage]:
        """Return the messages that wait in front of everything else, at most ``count``."""
        first: list[OwnMessage] = []
        for each in islice(self.unsent, count):
            if not isinstance(each, OwnMessage):
                break
            first.append(each)
        return first

    def ask_no_more(self, asked: Asked) -> None:
        """Do not ask what waits to be asked."""
        self.unsent = deque(each for each in self.unsent if each != asked)

    def take_asked(self, ref: int) -> Asked | None:
        """Take away what was asked under ``ref`` and is done; None if that is nothing.

        What was asked before about the same target has been overtaken: said again, it would undo this.
        """
        asked = self.asked.pop(ref, None)
        if asked is not None:
            before = takewhile(lambda each: each[0] < ref, self.asked.items())
            for overtaken in [each for each, other in before if other.target == asked.target]:
                del self.asked[overtaken]
        return asked

    def forget_session(self, claimed: Container[str]) -> list[OwnMessage]:
        """Return what was sent in a session that is gone: nobody answers it. What was never sent waits on.

        An Unsubscribe only does if the session that has come is in that target too: if its Hello ``claimed`` it.
        """
        lost = list(self.sent.values())
        self.sent.clear()
        self.asked.clear()
        self.unsent = deque(each for each in self.unsent if isinstance(each, OwnMessage) or each.target in claimed)
        return lost

    def next_ref(self) -> int:
        """Give out a ref."""
        self.ref += 1
        return self.ref

    def is_subscribing(self, target: str) -> bool:
        """Say whether the latest that was asked about ``target``, and is not answered, is a Subscribe."""
        return next((asked.is_subscribe for asked in reversed(self.asked.values()) if asked.target == target), False)

    @property
    def has_subscribes(self) -> bool:
        """Whether a Subscribe has no answer yet, sent or not."""
        asks = [*self.asked.values(), *(each for each in self.unsent if isinstance(each, Asked))]
        return any(asked.is_subscribe for asked in asks)

    def is_asking(self, target: str) -> bool:
        """Say whether anything that was asked about ``target`` is not answered."""
        return any(asked.target == target for asked in self.asked.values())

    def subscribing(self, target: str) -> int:
        """Return the ref of the latest Subscribe for ``target`` that is not answered, 0 if there is none."""
        return next((ref for ref, asked in reversed(self.asked.items()) if asked == (target, True)), 0)

    def unanswered(self) -> list[OwnMessage]:
        """Return every message that has no answer, in the order of dispatch."""
        waiting = [each for each in self.unsent if isinstance(each, OwnMessage)]
        return [*self.sent.values(), *waiting]
