"""Where the simulation takes the place of gevent, the system, and chance: all of it, as data.

Everything else is our own code as it is. What is replaced are names of other packages in our modules, and the sizes
that a plan makes small so that their edges are met.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

from nuphar.actors.routing import openings
from nuphar.actors.runtime import fair_turns, hook_calls, hooks
from nuphar.actors.sessions import answers, repeats, takeover
from nuphar.actors.targets import lane, target_actor
from nuphar.transport.client.core import outgoing
from nuphar.transport.server import connections, outbox, reader, websocket
from nuphar.transport.wire import progress

from .hub import Hub
from .network import MUCH

MODULES_WITH_GEVENT = (openings, hook_calls, hooks, outbox, connections, websocket)
MODULES_WITH_A_HUB = (reader,)


def replacements(hub: Hub, rng: Random, sizes: dict[str, int]) -> list[tuple[Any, str, Any]]:
    """Return everything that is replaced: where, which name, by what."""
    system = SimpleNamespace(
        read=lambda fd, size: hub.lines[fd].read(size), write=lambda fd, data: hub.lines[fd].write(data)
    )
    sockets = SimpleNamespace(socket=SimpleNamespace(shutdown=lambda line, how: line.shutdown(how)))
    window = sizes["window"]
    looks = count()
    return [
        *((module, "gevent", hub) for module in MODULES_WITH_GEVENT),
        *((module, "get_hub", hub.get_hub) for module in MODULES_WITH_A_HUB),
        (hooks, "secrets", hub),
        (hooks, "get_hub_if_exists", lambda: None),  # a hook runs in the greenlet that calls, without a time limit
        (outbox, "os", system),
        (reader, "os", system),
        (progress, "way", lambda line: line.way),
        (progress, "MUCH", MUCH),
        (websocket, "gevent_socket", sockets),
        # A turn ends after so many looks at the clock.
        (fair_turns, "clock", lambda: next(looks) * fair_turns.ACTOR_BUDGET / sizes["drain"]),
        (fair_turns, "let_others_run", hub.sleep),
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
