"""Hosts for tests: the real world, with something of it moved by hand."""

from __future__ import annotations

from collections.abc import Callable

from nuphar.actors.runtime.host import GeventHost


class AtTime(GeventHost):
    """The real world but for its clock, which is ``clock``."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock  # type: ignore[misc, method-assign]
