"""Where the simulation takes the place of gevent, the system, and chance: all of it, as data.

Everything else is our own code as it is. What is replaced are names of other packages in our modules, and the sizes
that a plan makes small so that their edges are met.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from nuphar.actors.routing import openings
from nuphar.actors.runtime import hook_calls, hooks
from nuphar.actors.sessions import answers, repeats, takeover
from nuphar.actors.targets import lane, target_actor
from nuphar.transport.client.core import outgoing
from nuphar.transport.wire import progress

from .hub import Hub
from .network import MUCH

MODULES_WITH_GEVENT = (openings, hook_calls, hooks)


def replacements(hub: Hub, rng: Random, sizes: dict[str, int]) -> list[tuple[Any, str, Any]]:
    """Return everything that is replaced: where, which name, by what."""
    window = sizes["window"]
    return [
        *((module, "gevent", hub) for module in MODULES_WITH_GEVENT),
        (hooks, "secrets", hub),
        (hooks, "get_hub_if_exists", lambda: None),  # a hook runs in the greenlet that calls, without a time limit
        (progress, "MUCH", MUCH),
        # Sizes.
        *((module, "WINDOW", window) for module in (answers, repeats, takeover)),
        (answers, "_FULL", window - 1),
        (answers, "REFUSALS", sizes["refusals"]),
        (outgoing, "IN_FLIGHT", sizes["in_flight"]),
        (target_actor, "DRAIN", sizes["drain"]),
        (lane, "OWED", sizes["owed"]),
    ]


@contextmanager
def replaced(hub: Hub, rng: Random, sizes: dict[str, int]) -> Iterator[None]:
    """Replace it all, and put it back at the end; nothing is logged meanwhile."""
    before: list[tuple[Any, str, Any]] = []
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        for where, name, what in replacements(hub, rng, sizes):
            before.append((where, name, getattr(where, name)))
            setattr(where, name, what)
        yield
    finally:
        for where, name, what in reversed(before):
            setattr(where, name, what)
        logging.disable(level)
