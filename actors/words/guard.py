"""What stands before a target's messages from clients: who may write, and what. Pure.

>>> guard = Guard.of("subscribers", may_publish=lambda member: member.user == "ada")
>>> guard.asks, Guard.of().asks
(True, False)
>>> Guard.of("nobody")
Traceback (most recent call last):
nuphar.actors.words.errors.UsageError: publish: expected "subscribers" or "server", got 'nobody'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import UsageError
from .hook_types import MADE, PARAMETERS
from .parameters import by_name

PUBLISH = ("subscribers", "server")
"""Who may write into a topic at all."""


class Guard:
    """The rules of one topic, or of all topics of a kind. Plainly mutable: a rule may come while clients are in.

    ``asks`` is all that is looked at for a message where there is nothing to ask. Each of ``rules`` is called with
    ``(message, make_member)`` and has to answer True; ``is_read_only`` lets no client write; ``reserved`` are the types
    that only the server sends.
    """

    __slots__ = ("asks", "is_read_only", "reserved", "rules")

    def __init__(self, asks: bool = False) -> None:
        self.asks = asks
        self.is_read_only = False
        self.reserved: tuple[type, ...] = ()
        self.rules: list[Callable[..., Any]] = []

    @classmethod
    def of(cls, publish: str = "subscribers", may_publish: Any = None, server_only: Any = ()) -> Guard:
        """Raises: UsageError, which says what was got and what was expected."""
        if publish not in PUBLISH:
            raise UsageError(f'publish: expected "subscribers" or "server", got {publish!r}')
        if not isinstance(server_only, tuple | list) or not all(isinstance(each, type) for each in server_only):
            raise UsageError(f"server_only: expected types of messages, such as (Closed,), got {server_only!r}")
        guard = cls()
        guard.is_read_only, guard.reserved = publish == "server", tuple(server_only)
        guard.asks = guard.is_read_only or bool(guard.reserved)
        if may_publish is not None:
            guard.add(may_publish)
        return guard

    def add(self, rule: Any) -> None:
        """Have another rule asked, behind those that are there. Raises: UsageError for one that takes anything else."""
        checked = by_name("may_publish", rule, PARAMETERS["may_publish"], MADE)
        self.rules = [*self.rules, checked]  # whoever is asking at the moment goes on with those of before
        self.asks = True


OPEN = Guard()
"""Of a target into which whoever is in may write."""

UNKNOWN = Guard(asks=True)
"""Of a target that has not said who may: its kind is asked."""
