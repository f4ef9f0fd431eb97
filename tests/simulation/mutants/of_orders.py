"""Faults in the order of a target: its seqs, its history, its epoch, and the answers that are remembered."""

from __future__ import annotations

from .mutant import Mutant

MADE = (
    "model = self.update(before, message, meta_of(payload, seq)) if self.takes_meta else self.update(before, message)"
)

OF_ORDERS = (
    Mutant(
        "a full history forgets its newest message instead of its oldest",
        "nuphar.actors.targets.order",
        "self._bytes -= len(history.popleft())",
        "self._bytes -= len(history.pop())",
    ),
    Mutant(
        "a history keeps one message more than it may",
        "nuphar.actors.targets.order",
        "while len(history) > self.history_bound or",
        "while len(history) > self.history_bound + 1 or",
    ),
    Mutant(
        "a message that its update refuses stays in the history",
        "nuphar.actors.targets.order",
        f"        {MADE}\n",
        f"        self._history.append(payload)\n        {MADE}\n        self._history.pop()\n",
    ),
    Mutant(
        "what was missed is one message short",
        "nuphar.actors.targets.order",
        "for at in range(behind)]",
        "for at in range(behind - 1)]",
    ),
    Mutant(
        "what was missed begins one message too early",
        "nuphar.actors.targets.order",
        "first = len(self._history) - behind",
        "first = len(self._history) - behind - 1",
    ),
    Mutant(
        "what was missed is given out though its beginning is forgotten",
        "nuphar.actors.targets.order",
        "not 0 <= behind <= len(self._history):",
        "not 0 <= behind <= len(self._history) + 1:",
    ),
    Mutant(
        "a cursor of another epoch is taken for one of this",
        "nuphar.actors.targets.catch_up",
        """        if since[0] != order.epoch:
            return [*self.snapshot(encoding, order, "restarted"), *self._answers(encoding, order, debt, own)]
        missed = order.missed(*since)""",
        "        missed = order.missed(order.epoch, since[1])",
    ),
    Mutant(
        "who missed too much is told that the target was restarted",
        "nuphar.actors.targets.catch_up",
        'return [*before, *self.snapshot(encoding, order, "behind"),',
        'return [*before, self.snapshot(encoding, order, "restarted"),',
    ),
    Mutant(
        "own messages in front of a Snapshot are not acknowledged",
        "nuphar.actors.targets.catch_up",
        'return [*before, *self.snapshot(encoding, order, "behind"),',
        'return [*self.snapshot(encoding, order, "behind"),',
    ),
    Mutant(
        "a Snapshot is written once and for ever",
        "nuphar.actors.targets.catch_up",
        "if self._state[0] != seq:",
        "if self._state[0] < 0:",
    ),
    Mutant(
        "a late Snapshot is that of the first who was late",
        "nuphar.actors.targets.catch_up",
        "if late is None or late[:3] != (encoding, order.seq, reason):",
        "if late is None:",
    ),
    Mutant(
        "every order has the same epoch",
        "nuphar.actors.targets.memory_log",
        "Order(store, self._host.secret(4), self._history)",
        'Order(store, "one", self._history)',
    ),
    Mutant(
        "the order of a target that has stopped is kept",
        "nuphar.actors.targets.memory_log",
        "self._orders.pop(target, None)",
        "self._orders.get(target)",
    ),
    Mutant(
        "a ref that comes again is new again",
        "nuphar.actors.sessions.answers",
        "return RefFate.KNOWN\n",
        "return _NEW\n",
    ),
    Mutant(
        "a ref below the window is new again",
        "nuphar.actors.sessions.answers",
        "return RefFate.FORGOTTEN\n",
        "return _NEW\n",
    ),
    Mutant(
        "the window of refs is one too narrow",
        "nuphar.actors.sessions.answers",
        "if ref <= self.highest - WINDOW:",
        "if ref <= self.highest - WINDOW + 1:",
    ),
    Mutant(
        "the window of refs is one too wide",
        "nuphar.actors.sessions.answers",
        "if ref <= self.highest - WINDOW:",
        "if ref < self.highest - WINDOW:",
    ),
    Mutant(
        "answers are lost when their ring grows",
        "nuphar.actors.sessions.answers",
        "refs[at], seqs[at], places[at] = ref, seq, place",
        "refs[at], seqs[at], places[at] = ref, _PENDING, place",
    ),
    Mutant(
        "the answer to a ref is given for every target",
        "nuphar.actors.sessions.repeats",
        "elif (first := answers.target_of(ref)) not in (target, None):",
        "elif (first := answers.target_of(ref)) == '':",
    ),
    Mutant(
        "the seq of another epoch is said again",
        "nuphar.actors.sessions.repeats",
        "elif answer.place != place:",
        "elif answer.place is None:",
    ),
    Mutant(
        "of a ref that is repeated while it waits only the first repeat has an answer",
        "nuphar.actors.sessions.repeats",
        "for _ in range(times):",
        "for _ in range(1):",
    ),
    Mutant(
        "the answer of a repeated ref overtakes the Snapshot in which its seq is",
        "nuphar.actors.sessions.repeats",
        "elif later is None or not later(session, ref, answer.seq):",
        "elif later is None or later(session, ref, answer.seq):",
    ),
    Mutant(
        "a message that nobody has begun is not new when it comes again",
        "nuphar.actors.sessions.answers",
        "self._seqs[ref & self._mask] = _RELEASED",
        "self._seqs[ref & self._mask] = _PENDING",
    ),
    Mutant(
        "a model that no Snapshot can carry is taken",
        "nuphar.actors.targets.carrying",
        "            self._encode(model)\n",
        "            pass\n",
    ),
    Mutant(
        "a checkpoint is made of a model that cannot be written",
        "nuphar.actors.targets.order",
        "        if is_due:\n            carrying.check(model, before)\n        elif",
        "        if is_due:\n            pass\n        elif",
    ),
    Mutant(
        "nobody is brought up to date while the present cannot be written",
        "nuphar.actors.targets.catch_up",
        "if (checkpoint := order.checkpoint) is None:",
        "if (checkpoint := order.checkpoint) is not None:",
    ),
    Mutant(
        "what came after the checkpoint is left out",
        "nuphar.actors.targets.catch_up",
        "seq, state, reason), *later]",
        "seq, state, reason)]",
    ),
)
