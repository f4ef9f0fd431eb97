"""What somebody's frames draw from: a bucket each for frames, their bytes, and Subscribes. Pure.

A session has a flow, and so have its user and its address, which are shared by many (`rate_book`).
"""

from __future__ import annotations

from typing import NamedTuple

from ..words.rates import Rate, Rates
from ..words.token_bucket import TokenBucket


class Late(NamedTuple):
    """Something is too much now: in ``seconds`` it is not, and ``each`` of what comes behind needs so many more.

    ``limit`` is what the client is told of the limit.
    """

    seconds: float
    each: float
    limit: str


class Flow(NamedTuple):
    """Each is None where there is no limit."""

    frames: TokenBucket | None = None
    bytes: TokenBucket | None = None
    subscribes: TokenBucket | None = None


def bucket(rate: Rate | None, now: float, times: float = 1.0, reserve: float = 0.0) -> TokenBucket | None:
    """Return a full bucket of so many ``times`` the rate, less ``reserve``; None where there is no limit."""
    return None if rate is None else TokenBucket(rate.per_second * times, rate.burst * times - reserve, now)


def flow(rates: Rates, now: float, times: float = 1.0, frames: float = 0.0, bytes: float = 0.0) -> Flow:
    """Return a flow of so many ``times`` what a session may do, less ``frames`` and ``bytes`` of the bursts."""
    return Flow(
        bucket(rates.frames, now, times, frames),
        bucket(rates.bytes, now, times, bytes),
        bucket(rates.subscribes, now, times),
    )
