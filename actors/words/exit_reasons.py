"""Why an actor ended, in OTP's words.

Source: OTP Reference Manual, Processes, section "Receiving Exit Signals"; ``gen_server:terminate/2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Normal:
    """It was done."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """It was asked to stop as part of an orderly end; ``detail`` is OTP's ``{shutdown, Detail}``.

    ``deadline``: monotonic seconds at which the caller stops waiting; None if it does not say.
    """

    detail: Any = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Killed:
    """It was ended from outside without being asked, or its shutdown time ran out."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """It let an exception out."""

    error: BaseException


Reason = Normal | Shutdown | Killed | Crashed

NORMAL = Normal()
SHUTDOWN = Shutdown()
KILLED = Killed()


def is_orderly(reason: Reason) -> bool:
    """Say whether a transient child with this ``reason`` stays down (normal, shutdown, ``{shutdown, x}``)."""
    return isinstance(reason, Normal | Shutdown)
