"""What a supervisor must know of a child, in OTP's words.

Source: OTP, ``supervisor`` module, "Child specification".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..actors.actor import Actor, Ref
from ..actors.errors import SupervisionError
from .policy import Backoff, Restart

INFINITY: float | None = None
"""A shutdown that waits as long as it takes: a supervisor's default, so that its own children get their time."""

BRUTAL_KILL = 0.0
"""A shutdown that does not ask."""

Start = Callable[[Ref[Any]], Ref[Any]]
"""``start(monitor)`` returns a started child that tells ``monitor`` when it is `Down`, or raises."""


class InvalidChildSpec(SupervisionError):
    """A child spec cannot be used; the message names the field, what was got and what was expected."""


@dataclass(frozen=True)
class ChildSpec:
    """``shutdown``: seconds that a child gets to stop; 0 kills at once (`BRUTAL_KILL`), None waits (`INFINITY`)."""

    id: str
    start: Start
    restart: Restart = Restart.PERMANENT
    shutdown: float | None = 5.0
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise InvalidChildSpec(f"id: expected a non-empty str, got {self.id!r}")
        if not callable(self.start):
            raise InvalidChildSpec(f"{self.id}: start: expected a callable, got {self.start!r}")
        if not isinstance(self.restart, Restart):
            raise InvalidChildSpec(f"{self.id}: restart: expected a Restart, got {self.restart!r}")
        if self.shutdown is not None and not (isinstance(self.shutdown, int | float) and self.shutdown >= 0):
            raise InvalidChildSpec(f"{self.id}: shutdown: expected seconds ≥ 0 or None, got {self.shutdown!r}")


def worker(id: str, actor: type[Actor], *args: Any, **options: Any) -> ChildSpec:
    """Return the spec of a child that is not a supervisor; ``options``: restart, shutdown, backoff."""

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return actor.start_link(*args, monitor=monitor, name=id)

    return ChildSpec(id, start, **options)


def check_unique(specs: Sequence[ChildSpec]) -> None:
    """Raise InvalidChildSpec if two specs have the same id."""
    ids = [spec.id for spec in specs]
    if twice := sorted({id for id in ids if ids.count(id) > 1}):
        raise InvalidChildSpec(f"each id may be there once, got {twice} several times")
