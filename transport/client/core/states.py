"""What a client's connection is in: `Connecting`, `Live`, `Offline` or `Closed`. Pure.

>>> match Offline(12.5, "timed out"):
...     case Offline(since, why):
...         print(f"offline since {since}: {why}")
offline since 12.5: timed out
"""

from __future__ import annotations

from dataclasses import dataclass

from .target_states import Following, Out, TargetState, Waiting

__all__ = ["Closed", "Connecting", "Following", "Live", "Offline", "Out", "State", "TargetState", "Waiting"]


@dataclass(frozen=True, slots=True)
class Connecting:
    """The first try has not ended yet."""

    def __str__(self) -> str:
        return "connecting"


@dataclass(frozen=True, slots=True)
class Live:
    """The server has said Welcome; ``resumed`` says that the session is the one before."""

    client_id: str
    resumed: bool

    def __str__(self) -> str:
        return "live"


@dataclass(frozen=True, slots=True)
class Offline:
    """No connection ``since`` (monotonic seconds), and the client tries to come back; ``why`` is for people."""

    since: float
    why: str

    def __str__(self) -> str:
        return f"offline ({self.why})"


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over, and the client will not come back: a close code (docs/wire.md), or the status of an HTTP answer."""

    code: int
    reason: str

    def __str__(self) -> str:
        return f"closed ({self.code} {self.reason})"


State = Connecting | Live | Offline | Closed
