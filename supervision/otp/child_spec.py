"""What a supervisor must know of a child, in OTP's words.

Source: OTP, ``supervisor`` module, "Child specification".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ...actors.runtime.actor import Actor
from ...actors.runtime.ref import ASK_TIMEOUT, Ignore, Ref
from ...actors.words.errors import SupervisionError
from .policy import AutoShutdown, Backoff, Restart, Strategy

INFINITY: float | None = None
"""A shutdown that waits as long as it takes: a supervisor's default, so that its own children get their time."""

BRUTAL_KILL = 0.0
"""A shutdown that does not ask."""

SHUTDOWN_TIMEOUT = 5.0
"""Seconds: a worker's default, as OTP's."""


class ChildType(Enum):
    """Whether a child has children of its own."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


Start = Callable[[Ref[Any]], "Ref[Any] | tuple[Ref[Any], Any] | None"]
"""``start(monitor)`` returns a started child that tells ``monitor`` when it is `Down`; or None if it has nothing to do
here (OTP's ``ignore``); or raises."""


class InvalidChildSpec(SupervisionError):
    """A child spec or an option of a supervisor cannot be used; says which, what was got and what was expected."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """``shutdown``: seconds that a child gets to stop; 0 kills at once (`BRUTAL_KILL`), None waits (`INFINITY`).

    ``significant`` children may end their supervisor (see `AutoShutdown`); ``backoff`` delays restarts.
    Raises: InvalidChildSpec.
    """

    id: str
    start: Start
    restart: Restart = Restart.PERMANENT
    shutdown: float | None = SHUTDOWN_TIMEOUT
    type: ChildType = ChildType.WORKER
    significant: bool = False
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise InvalidChildSpec(f"id: expected a non-empty str, got {self.id!r}")
        self._expect(callable(self.start), "start", "a callable that takes the monitor")
        self._expect(isinstance(self.restart, Restart), "restart", "a Restart")
        self._expect(isinstance(self.type, ChildType), "type", "a ChildType")
        self._expect(isinstance(self.significant, bool), "significant", "True or False")
        self._expect(self.backoff is None or isinstance(self.backoff, Backoff), "backoff", "a Backoff or None")
        is_number = isinstance(self.shutdown, int | float) and not isinstance(self.shutdown, bool)
        is_seconds = is_number and self.shutdown is not None and self.shutdown >= 0
        self._expect(self.shutdown is None or is_seconds, "shutdown", "seconds ≥ 0, or None for as long as it takes")
        if self.significant and self.restart is Restart.PERMANENT:
            raise InvalidChildSpec(f"{self.id}: a permanent child cannot be significant: it never ends for good")

    def _expect(self, holds: bool, field: str, expected: str) -> None:
        if not holds:
            raise InvalidChildSpec(f"{self.id}: {field}: expected {expected}, got {getattr(self, field)!r}")


def worker(id: str, actor: type[Actor], *args: Any, start_timeout: float = ASK_TIMEOUT, **options: Any) -> ChildSpec:
    """Return the spec of an actor that is not a supervisor.

    ``args`` go to the actor, whose ``init`` may take ``start_timeout`` seconds; ``options``: the other fields of
    `ChildSpec`.
    """

    def start(monitor: Ref[Any]) -> Ref[Any] | None:
        try:
            return actor.start_link(*args, monitor=monitor, name=id, timeout=start_timeout)
        except Ignore:
            return None

    return ChildSpec(id, start, **options)


def check_specs(specs: Sequence[ChildSpec], auto_shutdown: AutoShutdown) -> None:
    """Raise InvalidChildSpec if the specs do not fit together."""
    for spec in specs:
        if not isinstance(spec, ChildSpec):
            raise InvalidChildSpec(f"expected a ChildSpec, got {spec!r}")
        if spec.significant and auto_shutdown is AutoShutdown.NEVER:
            raise InvalidChildSpec(f"{spec.id}: significant needs a supervisor whose auto_shutdown is not never")
    if twice := sorted(id for id, count in Counter(spec.id for spec in specs).items() if count > 1):
        raise InvalidChildSpec(f"each id may be there once, got {twice} several times")


def check_options(strategy: object, intensity: object, period: object, auto_shutdown: object) -> None:
    """Raise InvalidChildSpec unless these can be a supervisor's options."""
    if not isinstance(strategy, Strategy):
        raise InvalidChildSpec(f"strategy: expected a Strategy, got {strategy!r}")
    if not isinstance(intensity, int) or isinstance(intensity, bool) or intensity < 0:
        raise InvalidChildSpec(f"intensity: expected an integer ≥ 0, got {intensity!r}")
    if not isinstance(period, int | float) or isinstance(period, bool) or not 0 < period < float("inf"):
        raise InvalidChildSpec(f"period: expected seconds above 0, got {period!r}")
    if not isinstance(auto_shutdown, AutoShutdown):
        raise InvalidChildSpec(f"auto_shutdown: expected an AutoShutdown, got {auto_shutdown!r}")
