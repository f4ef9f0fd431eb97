"""What one session sends, against its limits and those that it shares. Pure: time comes in as an argument.

Looking at seven buckets for each frame would take 3 µs. So some frames are let through on credit: as long as every
bucket holds enough for all of them they are only counted, and paid for together. The buckets of the session hold so
much less than their bursts: what a session sends is never more than its limit, and what many share is exceeded by no
more than a credit for each of them. A session whose buckets are nearly empty has no credit.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ..words.rates import Rates
from ..words.token_bucket import ROUNDING, TokenBucket
from .flow import Flow, Late, bucket, flow

CREDIT = 32
"""Frames that may be let through before they are paid for: then paying costs each of them a tenth of a microsecond."""

LARGE = 2_048
"""Bytes of a frame that is paid for at once: beside what it costs otherwise, looking costs nothing."""

TARGETS = 1_024
"""Targets whose buckets are kept: a session has no more subscriptions, unless the server says so."""

FORGOTTEN_AT_ONCE = 8
"""Of these at most: a flood of targets must not make each frame as dear as all of them."""


def credit_of(rates: Rates) -> int:
    """Return how many frames may be let through on credit: of small bursts next to nothing."""
    bursts = [rate.burst for rate in (rates.frames, rates.messages) if rate is not None]
    if rates.bytes is not None:
        bursts.append(rates.bytes.burst / LARGE)
    return int(max(1, min(CREDIT, min(bursts, default=CREDIT) / CREDIT)))


class Meter:
    """One for a session, whatever connection it has; `share` says what it draws from besides.

    Plainly mutable, as it is on the path of every frame. Times are monotonic seconds.
    """

    __slots__ = (
        "_byte_limits",
        "_bytes",
        "_credit",
        "_frame_limits",
        "_low_until",
        "_most",
        "_own",
        "_posted",
        "_rates",
        "_subscribe_limits",
        "_targets",
    )  # fmt: skip

    def __init__(self, rates: Rates, now: float) -> None:
        self._rates = rates
        self._credit = self._most = most = credit_of(rates)
        self._own = flow(rates, now, frames=most - 1, bytes=(most - 1) * LARGE)
        self._targets: dict[str, TokenBucket] = {}
        self._low_until = now
        """When each of them holds a credit again."""
        self._posted: list[str | None] = []
        """The targets of the frames that are not paid for yet; None for what is no message."""
        self._bytes = 0
        self._draw_from(())

    def is_on_credit(self, target: str | None, size: int) -> bool:
        """Count a frame of ``size`` bytes, and say whether it is let through. If not, it is to be judged now."""
        posted = self._posted
        posted.append(target)
        self._bytes += size
        return len(posted) < self._credit and size < LARGE

    def judge(self, now: float, size: int, subscribes: int = 0) -> Late | None:
        """Pay for all that was counted, or for all but the last frame, of ``size`` bytes: that is too much then."""
        last = self._posted[-1]
        lates = self._pay(now, subscribes)
        if not lates:
            return None
        for limits, cost in ((self._frame_limits, 1), (self._byte_limits, size), (self._subscribe_limits, subscribes)):
            for each in limits:
                each.give_back(cost)
        if last is not None and last in self._targets:
            self._targets[last].give_back()
        return max(lates)

    def owe(self, now: float, size: int, subscribes: int = 0) -> Late | None:
        """Pay for a frame that is never refused; return what it is too much for."""
        self._posted.append(None)
        self._bytes += size
        lates = self._pay(now, subscribes)
        for each in (*self._frame_limits, *self._byte_limits, *self._subscribe_limits):
            each.forgive()
        return max(lates, default=None)

    def share(self, now: float, *flows: Flow) -> None:
        """Draw from these flows besides from now on: it has another connection, or none."""
        self._pay(now, 0)
        self._draw_from(flows)

    def _draw_from(self, flows: Iterable[Flow]) -> None:
        flows = (self._own, *flows)
        self._frame_limits = [each.frames for each in flows if each.frames is not None]
        self._byte_limits = [each.bytes for each in flows if each.bytes is not None]
        self._subscribe_limits = [each.subscribes for each in flows if each.subscribes is not None]

    def _pay(self, now: float, subscribes: int) -> list[Late]:
        """Pay, and return all that is too much."""
        lates: list[Late] = []
        posted, size, most = self._posted, self._bytes, self._most
        count = len(posted)
        has_credit = True
        for each in self._frame_limits:
            if (left := each.draw(now, count)) < most:
                has_credit = False
                self._late(lates, each, left, count, 1, "frames")
        for each in self._byte_limits:
            if (left := each.draw(now, size)) < most * LARGE:
                has_credit = False
                self._late(lates, each, left, size, size / max(1, count), "bytes")
        if subscribes:
            for each in self._subscribe_limits:
                if (left := each.draw(now, subscribes)) < 0:
                    self._late(lates, each, left, subscribes, 1, "subscribes")
        if self._rates.messages is not None:
            last = posted[-1] if posted else None
            for target in set(posted):
                if target is not None:
                    messages = posted.count(target)
                    limit = self._bucket(now, target)
                    if (left := limit.draw(now, messages)) < most:
                        self._low_until = max(self._low_until, now + (most - left) / limit.rate)
                        if target == last:
                            self._late(lates, limit, left, messages, 1, f"messages to {target}")
        posted.clear()
        self._bytes = 0
        self._credit = most if has_credit and now >= self._low_until else 1
        return lates

    def _late(self, lates: list[Late], limit: TokenBucket, left: float, cost: float, one: float, what: str) -> None:
        """Add what is too much: there was less than ``cost``, and less than a full bucket."""
        missing = (cost if cost < limit.burst else limit.burst) - (left + cost)
        if missing / limit.rate > ROUNDING:
            lates.append(Late(missing / limit.rate, one / limit.rate, f"{limit.rate:g} {what} a second"))

    def _bucket(self, now: float, target: str) -> TokenBucket:
        found = self._targets.get(target)
        if found is None:
            if len(self._targets) >= TARGETS:
                self._forget(now)
            found = bucket(self._rates.messages, now, reserve=self._most - 1)
            assert found is not None
            self._targets[target] = found
        return found

    def _forget(self, now: float) -> None:
        """Forget of the oldest some targets whose buckets are full, which is how they begin; at least one."""
        oldest = [(target, self._targets.pop(target)) for target in list(islice(self._targets, FORGOTTEN_AT_ONCE))]
        for target, each in oldest[:-1]:
            if each.seconds_to_full(now):
                self._targets[target] = each
