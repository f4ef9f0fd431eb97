"""Whoever is subscribed to a target, as the target sees it. Pure.

A session is one, and so is everything that shall hear a target: messages and effects carry it as an address. What a
target needs of it is all here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..words.identity import Identity
from ..words.ports import Encoding, Sink
from .pace import Pace

if TYPE_CHECKING:
    from ..runtime.mailbox import Mailbox

Place = tuple[str, str]
"""Where a message was applied: the target and its epoch; the epoch is empty for a target without an order."""

Later = Callable[["Subscriber", int, int], bool]
"""``later(subscriber, ref, seq)``: does the target answer itself, behind what it still owes?"""


class OwnAnswers(Protocol):
    """The answers to a subscriber's last messages. Subscribers that are one client's share the object."""

    def settle(self, ref: int, place: Place, seq: int) -> None:
        """Remember that ``ref`` was applied."""

    def settle_all(self, place: Place, outcomes: Sequence[tuple[Any, int, int, Any]], own: Iterable[int]) -> None:
        """Do it for each of the outcomes (author, ref, seq, payload) at the places ``own``."""

    def own(self, place: Place, after: int) -> dict[int, int]:
        """Return the refs of its own messages at ``place``, by their seqs above ``after``."""


class Caller(Protocol):
    """A program that waits for what becomes of a message of its own; each is answered once."""

    def accept(self, seq: int) -> None:
        """Say under which seq the message was applied, as far as its log confirms it."""

    def fail(self, error: BaseException) -> None:
        """Raise ``error`` where the message was sent."""


class Told(Protocol):
    """Can be told something."""

    @property
    def encoding(self) -> Encoding:
        """How its frames are written; those with the same object share what is written."""

    @property
    def write(self) -> Callable[[Any], object]:
        """Hand what ``encoding.join`` made to the sink."""


class Subscriber(Told, Protocol):
    """Hears a target, on the server's hub. Nothing here waits or raises."""

    @property
    def client_id(self) -> str:
        """Whose it is, for hooks and operators."""

    @property
    def key(self) -> str | None:
        """The id of its session, None if it has nothing to come back to."""

    @property
    def identity(self) -> Identity | None:
        """Who it is, None if nobody knows."""

    @property
    def sink(self) -> Sink:
        """Where they go."""

    @property
    def answers(self) -> OwnAnswers:
        """What its own messages are told."""

    @property
    def pace(self) -> Pace:
        """How much catching up it may have. Subscribers that are one client's share the object."""

    @property
    def user(self) -> str | None:
        """Who it is, as the application says; None is anonymous."""

    @property
    def closed(self) -> bool:
        """Whether it hears nothing any more."""

    def reject(self, ref: int, target: str | None, code: str, text: str, details: Any = None) -> None:
        """Tell the author of a message that it was not applied."""

    def answer_again(self, ref: int, target: str, place: Place | None, later: Later | None = None) -> None:
        """Answer a ref that came again, from memory: a seq means something at the ``place`` where the target is now."""

    def want_room(self, mailbox: Mailbox) -> None:
        """Have a `Room` put into ``mailbox`` as soon as nothing waits in the sink."""

    def end(self, target: str, mailbox: Mailbox) -> int:
        """Note that the target with ``mailbox`` has let it go; return the ref that an Out has to name, or 0."""
