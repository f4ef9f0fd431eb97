"""The sizes that a plan makes small, so that their edges are met. The world itself is an argument: see `Hub`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nuphar.actors.sessions import answers, meter, repeats, takeover, unnamed
from nuphar.actors.targets import lane, pace, target_actor, waiting
from nuphar.transport.wire import progress

from .network import MUCH


def replacements(sizes: dict[str, int]) -> list[tuple[Any, str, Any]]:
    """Return everything that is replaced: where, which name, by what."""
    window = sizes["window"]
    return [
        (progress, "MUCH", MUCH),
        *((module, "WINDOW", window) for module in (answers, repeats, takeover)),
        (answers, "_FULL", window - 1),
        (answers, "REFUSALS", sizes["refusals"]),
        (target_actor, "DRAIN", sizes["drain"]),
        (waiting, "CHUNK", sizes["drain"]),
        (lane, "OWED", sizes["owed"]),
        (unnamed, "PATIENCE", sizes["naming"]),
        (meter, "CREDIT", sizes["credit"]),
        *((pace, name, sizes["catching_up"]) for name in ("RATE", "BURST")),
        (pace, "LONGEST", 3.0),
    ]


@contextmanager
def replaced(sizes: dict[str, int]) -> Iterator[None]:
    """Replace them all, and put it back at the end; nothing is logged meanwhile."""
    before: list[tuple[Any, str, Any]] = []
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        for where, name, what in replacements(sizes):
            before.append((where, name, getattr(where, name)))
            setattr(where, name, what)
        yield
    finally:
        for where, name, what in reversed(before):
            setattr(where, name, what)
        logging.disable(level)
