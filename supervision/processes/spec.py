"""A process child: an actor in an operating system process of its own, supervised like any other.

For what may crash hard, hang, leak or use a whole processor: ``kill -9`` and a segmentation fault end it and it alone,
and a shutdown that runs out of time really ends it. The actor is an ordinary `Actor`, named by its class. Arguments,
messages and answers are plain data (None, bool, int, float, str, bytes, list, dict with str keys), at most 1 MiB each.

>>> child = process("parser", "parsing:Parser", "en", shutdown=2.0)
>>> child.id, child.shutdown
('parser', 2.0)
"""

from __future__ import annotations

from typing import Any

from ...actors.runtime.actor import Actor
from ...actors.runtime.ref import Ignore, Ref
from ..otp.child_spec import ChildSpec
from .dotted_names import name_of
from .parent_end import ProcessActor

START_TIMEOUT = 10.0
"""Seconds for a fresh interpreter, the program's imports and the actor's ``init``."""


def process(
    id: str, actor: str | type[Actor], *args: Any, start_timeout: float = START_TIMEOUT, **options: Any
) -> ChildSpec:
    """Return the spec of an actor in a process of its own: ``"module:Class"``, or the class itself.

    ``args`` go to the actor; ``start_timeout`` seconds are for a fresh interpreter, its imports and ``init``;
    ``options``: the other fields of `ChildSpec`.
    Raises: UsageError for a class that no other process can import, InvalidChildSpec.
    """
    name = actor if isinstance(actor, str) else name_of(actor)

    def start(monitor: Ref[Any]) -> Ref[Any] | None:
        try:
            return ProcessActor.start_link(name, *args, monitor=monitor, name=id, timeout=start_timeout)
        except Ignore:
            return None

    return ChildSpec(id, start, **options)
