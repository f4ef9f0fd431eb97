"""A session as those see it that decide about it: what it is in, and what it can be told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..targets.subscriber import Subscriber
from .answers import Answers
from .membership import Membership
from .membership_table import MembershipEvent


class Asker(Subscriber, Protocol):
    """It asks for targets, and calls. Nothing here waits."""

    @property
    def answers(self) -> Answers:
        """The answers to its last messages."""

    @property
    def memberships(self) -> dict[str, Membership]:
        """What it is in, or asks for, by target. Only `step` changes one."""

    def step(self, target: str, event: MembershipEvent) -> None:
        """Have the membership in ``target`` take an event, and do what follows; without one nothing does."""

    def say_done(self, ref: int, target: str) -> None:
        """Acknowledge a Subscribe or an Unsubscribe after which there is nothing left to do."""

    def say_rejected(self, ref: int, target: str | None, code: str, text: str, details: Any = None) -> None:
        """Say Rejected, and remember nothing."""

    def reply(self, ref: int, value: bytes) -> None:
        """Answer a call; ``value`` is what `Codec.encode_message` makes."""

    def fail(
        self, ref: int, code: str, text: str, trace_id: str | None = None, errors: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Answer a call that has no value; ``errors`` are pairs (path, text) about its arguments."""
