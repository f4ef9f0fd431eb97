"""Faults on the way: mailboxes, outboxes, and the supervisors that start again what has crashed."""

from __future__ import annotations

from .mutant import Mutant

OF_THE_WAY = (
    Mutant(
        "a mailbox takes more than its bound",
        "nuphar.actors.runtime.mailbox",
        "if len(messages) >= self.bound or self.suspended:",
        "if self.suspended:",
    ),
    Mutant(
        "a mailbox loses what waits when its actor dies",
        "nuphar.actors.runtime.mailbox",
        "        self.owner = None\n        self._taker = _NOBODY\n",
        "        self.owner = None\n        self.messages.clear()\n        self._taker = _NOBODY\n",
    ),
    Mutant(
        "a mailbox wakes its actor once and never again",
        "nuphar.actors.runtime.mailbox",
        "        self._wake_scheduled = False\n        # Nobody is parked",
        "        # Nobody is parked",
    ),
    Mutant(
        "a message that crashes its actor is tried for ever",
        "nuphar.actors.runtime.loop",
        "            if self.mailbox.crashes >= POISON:\n",
        "            if self.mailbox.crashes < 0:\n",
    ),
    Mutant(
        "a child that crashed is not started again",
        "nuphar.supervision.otp.policy",
        "restart is Restart.TRANSIENT and not is_orderly(reason)",
        "restart is Restart.TRANSIENT and is_orderly(reason)",
    ),
    Mutant(
        "a child that backs off is forgotten",
        "nuphar.supervision.otp.restarting",
        "child.timer = mailbox.host.spawn_later(delay, mailbox.put_anyway, then)",
        "child.timer = None",
    ),
    Mutant(
        "an outbox writes the beginning of a piece again",
        "nuphar.transport.server.outbox",
        "self._rest = memoryview(data)[sent:]",
        "self._rest = memoryview(data)",
    ),
    Mutant(
        "a client that takes bytes is too slow as long as some wait",
        "nuphar.transport.server.outbox",
        "                self.pending -= sent\n                self._moved_at = self._clock()\n",
        "                self.pending -= sent\n",
    ),
    Mutant(
        "what is only offered leaves no room for answers",
        "nuphar.transport.server.outbox",
        "self._write_later(data, share(self._bound))",
        "self._write_later(data, self._bound)",
    ),
    Mutant(
        "an outbox writes its newest piece first",
        "nuphar.transport.server.outbox",
        "piece = queue.popleft()\n        if queue and",
        "piece = queue.pop()\n        if queue and",
    ),
    Mutant(
        "an outbox takes more than its bound",
        "nuphar.transport.server.outbox",
        "if behind + len(data) > bound or self.too_slow:",
        "if self.too_slow:",
    ),
    Mutant(
        "an outbox that is empty again tells nobody",
        "nuphar.transport.server.outbox",
        "            self._on_empty = None\n            callback()\n",
        "            self._on_empty = None\n",
    ),
    Mutant(
        "what an outbox may not drop is dropped without a word",
        "nuphar.transport.server.outbox",
        "if self._open and self.on_refused is not None:",
        "if not self._open and self.on_refused is not None:",
    ),
)
