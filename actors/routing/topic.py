"""A topic, and a kind of topics, as the directory keeps them: plain records that outlive every actor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..runtime.hooks import TopicHooks
from ..runtime.mailbox import Mailbox
from ..targets.log import ACCEPTED, Log
from ..targets.target import Target
from ..words.delivery import ALL, Rule
from ..words.guard import Guard
from ..words.store import Store


@dataclass(eq=False)
class Topic:
    """A topic: its state, its mailbox and its hooks. All that a successor of its actor needs."""

    id: str
    target: Target
    mailbox: Mailbox
    hooks: TopicHooks
    kind: Kind | None = None
    guard: Guard = field(default_factory=Guard)
    """Who may write; that of the kind for its topics."""
    key: Any = None
    """What the kind's ``parse`` has made of the id."""
    log: Log | None = None
    """Its own log; None: the server's."""
    begun_by: str | None = None
    """The client id of the session whose Subscribe began it, if any did."""
    has_store: bool = False
    """Whether a fixed topic was given its store, or is being given it."""
    deserted_at: float | None = None
    """When it was first seen without a subscriber, since then or since the last one left."""
    deserted_seq: int = 0
    is_ending: bool = False
    """Its end hook is being called."""


@dataclass(eq=False)
class Kind:
    """A topic kind: one topic for each id that starts with ``prefix``, started on first use.

    ``parse(suffix)`` gives the key, or raises (ValueError) for an id that names nothing; ``store(topic_id, key)``
    gives a new topic's store, or None for an ephemeral one. ``window`` are the seconds for which one goes on without
    a subscriber, None: the server's. ``log`` keeps their orders, None: the server's, and confirms at ``level``.
    """

    prefix: str
    parse: Callable[[str], Any]
    hooks: TopicHooks = field(default_factory=TopicHooks)
    store: Callable[[str, Any], Store | None] = lambda topic_id, key: None
    delivery: Rule = ALL
    window: float | None = None
    log: Log | None = None
    level: str = ACCEPTED
    share: tuple[str, ...] = ()
    """What subscribers are told of each message besides it."""
    guard: Guard = field(default_factory=Guard)
    """Who may write into its topics."""
