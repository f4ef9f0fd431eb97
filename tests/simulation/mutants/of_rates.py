"""Faults in how much one may do: meters, the gate behind them, and a client that waits."""

from __future__ import annotations

from .mutant import Mutant

GATE = "nuphar.transport.server.gate"
METER = "nuphar.actors.sessions.meter"

OF_RATES = (
    Mutant(
        "what is behind a refusal passes by it",
        GATE,
        "if self._shut and self._is_shut(target):\n            late = self._shut[target].late",
        "if False:\n            late = self._shut[target].late",
    ),
    Mutant(
        "any Pong opens what is shut",
        GATE,
        "        if n != self._pinged:\n            return\n        now = self._clock()\n",
        "        now = self._clock()\n        n = self._number + 1\n",
    ),
    Mutant(
        "what is too much is forgotten, and its ref is taken",
        GATE,
        "            answers.release(ref)\n",
        "            pass\n",
    ),
    Mutant(
        "no Ping follows what is refused",
        GATE,
        "            if not self._pinged:\n                self._send_ping()\n        if is_early",
        "        if is_early",
    ),
    Mutant(
        "a target that was shut after a Ping is opened by no other",
        GATE,
        "        if any(shut.ping for shut in self._shut.values()):\n            self._send_ping()\n",
        "",
    ),
    Mutant(
        "a refused frame does not say when it may come again",
        GATE,
        '{"retry_after": math.ceil(wait * 1000) / 1000})',
        '{"retry_after": 1e9})',
    ),
    Mutant(
        "a Subscribe passes by what was refused",
        GATE,
        "        late: Late | None\n        if self._is_shut(target):",
        "        late: Late | None\n        if False:",
    ),
    Mutant(
        "a session that comes back has its whole burst again",
        "nuphar.actors.sessions.sessions",
        "newer.meter = older.meter",
        "newer.meter = None",
    ),
    Mutant(
        "a bucket is filled twice as fast",
        "nuphar.actors.words.token_bucket",
        "tokens = self._tokens + (now - self._at) * self.rate",
        "tokens = self._tokens + 2 * (now - self._at) * self.rate",
    ),
    Mutant(
        "a bucket overflows",
        "nuphar.actors.words.token_bucket",
        "self._tokens = tokens if tokens < self.burst else self.burst",
        "self._tokens = tokens",
    ),
    Mutant(
        "what is on credit is not paid for",
        METER,
        "                    messages = posted.count(target)\n",
        "                    messages = 1\n",
    ),
    Mutant(
        "a refused message gives back more than it cost",
        METER,
        "            self._targets[last].give_back()\n",
        "            self._targets[last].give_back(2)\n",
    ),
    Mutant(
        "a client gives up what is too much",
        "nuphar.transport.client.core.exchange",
        "        if refused.code == LIMITED:\n            return self._hold(ref, refused)\n",
        "",
    ),
)
