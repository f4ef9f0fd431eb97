"""The gate in front of a session: what is beyond its limits is refused, and nothing passes by what was refused.

Who hears ``rate_limited`` may send the same again, under the same ref. What it has sent to the same target meanwhile,
before it could hear of that, must not be applied first. So a target is shut behind a refusal, and a Ping follows
the Rejected: when its Pong comes, everything has come that was sent without knowing. (docs/wire.md, *Too much at once*)

Who has answered, and sends again before its time, has it counted: of a limit of ``n`` a second each such frame is worth
``1/n`` s. Beyond `PATIENCE` the connection is closed with 4529.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ...actors.runtime.happenings import LIMITED, tell
from ...actors.sessions.answers import WINDOW
from ...actors.sessions.flow import Late
from ...actors.sessions.meter import Meter
from ...actors.sessions.session import Session
from ...actors.words.close_codes import TOO_MANY_REQUESTS
from ...actors.words.identity import user_of
from ...actors.words.token_bucket import TokenBucket
from .rate_book import Visit

PATIENCE = 5.0
"""Seconds: who sends at three times its limit without waiting is closed after 2.5 s, who sends at twice never."""

UNHEARD = 2 * WINDOW
"""Refusals that a client may not have heard of: all that it can have on its way, and once more after a lost line."""

SHUT = 2 * WINDOW
"""Targets that may be shut at once: more than a client can have refs on its way."""

SOONEST = 0.1
"""Seconds that a client waits at least, so that it is not refused for each frame anew."""

LATEST = 30.0
"""Seconds that a client waits at most: what is owed is not its business alone, and it may ask."""

FIRST = 1 << 40
"""The first number of our Pings: those of heartbeats, and the proof of a token, are below."""


class Shut:
    """A target behind a refusal. ``ping`` is the number whose Pong opens it, 0 once it is open.

    The first that was refused, as too much for ``late``, may come again at ``first``, all that was at ``until``.
    ``is_early``: the first came before its time, so what is behind it was not sent without knowing.
    """

    __slots__ = ("first", "is_early", "late", "ping", "until")

    def __init__(self, ping: int, until: float, late: Late, is_early: bool) -> None:
        self.is_early = is_early
        self.first = until
        self.ping = ping
        self.until = until
        self.late = late


class Gate:
    """``clock`` gives monotonic seconds, ``ping(n)`` sends a Ping, ``close(code, reason)`` ends the connection."""

    __slots__ = ("_behind", "_clock", "_close", "_meter", "_number", "_ping", "_pinged", "_session", "_shut",
                 "_strikes", "_unheard")  # fmt: skip

    def __init__(
        self,
        session: Session,
        meter: Meter,
        clock: Callable[[], float],
        ping: Callable[[int], None],
        close: Callable[[int, str], None],
    ) -> None:
        self._session = session
        self._meter = meter
        self._clock = clock
        self._ping = ping
        self._close = close
        self._shut: dict[str, Shut] = {}
        self._number = FIRST
        self._pinged = 0
        """The number of the Ping that is on its way, 0 if none is."""
        self._behind = 0
        """Frames that were refused since one was let through: they come before the next."""
        self._unheard = 0
        """Frames that were refused since the client has answered the last time."""
        self._strikes = TokenBucket(1.0, PATIENCE, clock())

    def lets_message(self, ref: int, target: str, size: int) -> bool:
        """Say whether a ClientMessage, in a frame of ``size`` bytes, is let through; if not, it has its answer.

        One that repeats a ref is: it is answered from memory, and a refusal would say that it was not applied.
        """
        if self._shut and self._is_shut(target):
            late = self._shut[target].late
        elif self._meter.is_on_credit(target, size):
            return True
        elif (judged := self._meter.judge(self._clock(), size)) is None:
            self._passes(target)
            return True
        else:
            late = judged
        answers = self._session.answers
        if ref and answers.begin(ref, target):
            self.count(size)
            return True
        if ref:
            answers.release(ref)
        self._refuse(ref, target, late)
        return False

    def lets_subscribe(self, ref: int, target: str, size: int) -> bool:
        """Likewise for a Subscribe."""
        late: Late | None
        if self._is_shut(target):
            late = self._shut[target].late
        else:
            self._meter.is_on_credit(None, size)
            late = self._meter.judge(self._clock(), size, 1)
        if late is None:
            self._passes(target)
            return True
        self._refuse(ref, target, late)
        return False

    def lets_leave(self, ref: int, target: str, size: int) -> bool:
        """Likewise for an Unsubscribe: it is never too much, but does not pass by what was refused."""
        if self._is_shut(target):
            self._refuse(ref, target, self._shut[target].late)
            return False
        self.count(size)
        return True

    def count(self, size: int, subscribes: int = 0) -> None:
        """Count a frame that is never refused: a Ping, a Resync, a Call. Whoever sends too many is closed."""
        now = self._clock()
        late = self._meter.owe(now, size, subscribes)
        if late is not None:
            self._strike(now, late, min(late.each * max(1, subscribes), PATIENCE / 2))

    def take_pong(self, n: int) -> None:
        """The client has heard of all that was refused before Ping ``n``."""
        if n != self._pinged:
            return
        now = self._clock()
        self._pinged = self._unheard = 0
        for shut in self._shut.values():
            if shut.ping <= n:
                shut.ping = 0
        self._shut = {target: shut for target, shut in self._shut.items() if shut.ping or now < shut.until}
        if any(shut.ping for shut in self._shut.values()):
            self._send_ping()

    def _is_shut(self, target: str) -> bool:
        shut = self._shut.get(target)
        return shut is not None and shut.ping != 0

    def _passes(self, target: str) -> None:
        self._behind = 0
        shut = self._shut.get(target)
        if shut is not None and shut.until <= self._clock():
            del self._shut[target]

    def _refuse(self, ref: int, target: str, late: Late) -> None:
        """Answer a frame that is too much, or behind one that was."""
        now = self._clock()
        shut = self._shut.get(target)
        self._unheard += 1
        if shut is not None and shut.ping:
            start = max(0.0, shut.first - now)
            is_early = shut.is_early or self._unheard > UNHEARD
        else:
            start = late.seconds
            is_early = shut is not None and now < shut.until
        wait = min(max(start + self._behind * late.each, SOONEST), LATEST)
        self._behind += 1
        text = f"more than {late.limit}: send it again in {wait:.1f} s"
        self._session.say_rejected(ref, target, "rate_limited", text, {"retry_after": math.ceil(wait * 1000) / 1000})
        if shut is not None and shut.ping:
            shut.until = max(shut.until, now + wait)
        else:
            if len(self._shut) >= SHUT:
                self._shut = {target: each for target, each in self._shut.items() if each.ping}
                if len(self._shut) >= SHUT:
                    self._give_up(late)
            self._shut[target] = Shut(self._number + 1, now + wait, late, is_early)
            tell(LIMITED, self._session.client_id, target, user_of(self._session.identity), wait)
            if not self._pinged:
                self._send_ping()
        if is_early:
            self._strike(now, late, min(late.each, PATIENCE / 10))

    def _send_ping(self) -> None:
        self._number += 1
        self._pinged = self._number
        self._ping(self._number)

    def _strike(self, now: float, late: Late, seconds: float) -> None:
        if self._strikes.take(now, seconds):
            self._give_up(late)

    def _give_up(self, late: Late) -> None:
        self._close(TOO_MANY_REQUESTS, f"more than {late.limit}, again and again, without waiting")


def guard(
    visit: Visit,
    session: Session,
    resumed: bool,
    clock: Callable[[], float],
    ping: Callable[[int], None],
    close: Callable[[int, str], None],
) -> Gate:
    """Return the gate of a connection; ``resumed``: it is not new that this session is there."""
    meter = visit.measure(clock(), session, user_of(session.identity), resumed)
    return Gate(session, meter, clock, ping, close)
