"""Faults in what a target says to whom: its subscribers, their lanes, its actor."""

from __future__ import annotations

from .mutant import Mutant

OF_TARGETS = (
    Mutant(
        "a message is acknowledged before it is applied",
        "nuphar.actors.targets.target_actor",
        "                effects = target.post(session, ref, content, payload)\n",
        """                answer = session.encoding.acknowledge(target.name, target.seq + 1, [ref], False)
                session.write(session.encoding.join([answer]))
                effects = target.post(session, ref, content, payload)
""",
    ),
    Mutant(
        "a message that was refused is acknowledged",
        "nuphar.actors.targets.target",
        "return self._crash(Crash(author, ref, refused, caller))",
        "self._outcomes.append(_outcome((author, ref, self.seq, payload)))\n            return _NOTHING",
    ),
    Mutant(
        "a message in hand is taken out before it is handled",
        "nuphar.actors.runtime.loop",
        """                handle(message)
                if mailbox.owner is not self:
                    return KILLED
                messages.popleft()
""",
        """                messages.popleft()
                handle(message)
                if mailbox.owner is not self:
                    return KILLED
""",
    ),
    Mutant(
        "a message that was applied is applied again by a successor",
        "nuphar.actors.targets.target_actor",
        "if message is target.settled:",
        "if message is None:",
    ),
    Mutant(
        "a message counts as applied before it is",
        "nuphar.actors.targets.target_actor",
        """                effects = target.post(session, ref, content, payload)
                target.settled = message
""",
        """                target.settled = message
                effects = target.post(session, ref, content, payload)
""",
    ),
    Mutant(
        "a message that was set aside is not answered",
        "nuphar.actors.targets.target_actor",
        'self._refuse(message, "crashed", text, {"trace_id": trace_id})',
        "self._settle(message, [])",
    ),
    Mutant(
        "a successor does not look after those who are behind",
        "nuphar.actors.targets.target_actor",
        "        self._perform(self._target.visits())\n        self.mailbox.suspended",
        "        self._perform(self._target.flush())\n        self.mailbox.suspended",
    ),
    Mutant(
        "the leave hook is called twice",
        "nuphar.actors.targets.performing",
        "            self._left(session, message.asked)\n",
        "            self._left(session, message.asked)\n            self._left(session, message.asked)\n",
    ),
    Mutant(
        "the leave hook is called for who only changes connections",
        "nuphar.actors.targets.target_actor",
        "            self._settle(message, effects)\n",
        """            self._settle(message, effects)
            if message.replaces is not None and self._left is not None:
                self._left(session, message.asked)
""",
    ),
    Mutant(
        "nobody says to the last subscribers that a topic stops",
        "nuphar.actors.targets.target_actor",
        "self._perform(target.stop(final=not self._is_own))",
        "self._perform(target.stop(final=False))",
    ),
    Mutant(
        "what waits in the mailbox of a topic that stops is not answered",
        "nuphar.actors.targets.target_actor",
        'self._refuse(message, "gone", "it has stopped")',
        "self._settle(message, [])",
    ),
    Mutant(
        "what an outbox does not take is forgotten, and nobody is behind",
        "nuphar.actors.targets.performing",
        "sinks = set(map(id, refused))",
        "sinks = set[int]()",
    ),
    Mutant(
        "who is behind is not visited when there is room",
        "nuphar.actors.targets.performing",
        "                if session.sink.pending:\n",
        "                if not session.sink.pending:\n",
    ),
    Mutant(
        "the timer for the next sample is not set",
        "nuphar.actors.targets.performing",
        "            self._timer.set(lane.next_at)\n",
        "            self._timer.stop()\n",
    ),
    Mutant(
        "what comes too early is not owed",
        "nuphar.actors.targets.subscribers",
        """        self.owe(subscriber, debt, own)
        lane = self._laned""",
        """        self.fall_behind(subscriber, own)
        lane = self._laned""",
    ),
    Mutant(
        "what comes too early is owed for ever",
        "nuphar.actors.targets.subscribers",
        "lane.next_at = max(lane.next_at, until)",
        "lane.next_at = 1e9",
    ),
    Mutant(
        "a publisher hears itself",
        "nuphar.actors.targets.flushing",
        "others = [subscriber for subscriber in group if subscriber is not author]",
        "others = list(group)",
    ),
    Mutant(
        "a publisher with a lane hears itself",
        "nuphar.actors.targets.lanes",
        "theirs = [outcome for outcome in outcomes if outcome.author is not subscriber]",
        "theirs = outcomes",
    ),
    Mutant(
        "the predecessor of a session that is resumed stays in the target",
        "nuphar.actors.targets.target",
        "lane = self._detach(replaces)",
        "lane = self._laned.get(replaces)",
    ),
    Mutant(
        "a session that is resumed gets its own missed messages as those of others",
        "nuphar.actors.targets.target",
        "own = self._own(subscriber, since[1]) if replaces is not None and since is not None else {}",
        "own: dict[int, int] = {}",
    ),
    Mutant(
        "own messages that are not sent yet are not among the own ones",
        "nuphar.actors.targets.target",
        "            if ref and author.answers is subscriber.answers:\n                own[seq] = ref",
        "            if ref and author is subscriber:\n                own[seq] = ref",
    ),
    Mutant(
        "the answer to a message that came alone is not remembered",
        "nuphar.actors.targets.flushing",
        "            author.answers.settle(ref, self.place, seq)\n",
        "            author.answers.own(self.place, seq)\n",
    ),
    Mutant(
        "the answers to messages that came together are not remembered",
        "nuphar.actors.targets.flushing",
        "            author.answers.settle_all(place, outcomes, places)\n",
        "            author.answers.settle_all(place, outcomes, ())\n",
    ),
    Mutant(
        "who leaves goes on hearing",
        "nuphar.actors.targets.subscribers",
        "        self.members.discard(subscriber)\n        self._leave_group(subscriber)\n",
        "        self.members.discard(subscriber)\n",
    ),
    Mutant(
        "an Acknowledge of several refs names the first seq",
        "nuphar.actors.targets.outcomes",
        "return [encoding.acknowledge(target, run[-1].seq, ",
        "return [encoding.acknowledge(target, run[0].seq, ",
    ),
    Mutant(
        "who wrote a message is not told to who missed it",
        "nuphar.actors.targets.catch_up",
        "else encoding.server_message(name, seq, payload, extra_of(payload))",
        "else encoding.server_message(name, seq, payload)",
    ),
    Mutant(
        "everybody's messages are the last author's",
        "nuphar.actors.targets.outcomes",
        "return encoding.server_message(target, outcome.seq, outcome.payload, extra_of(outcome.payload))",
        "extra = globals().setdefault('extra', extra_of(outcome.payload))\n"
        "        return encoding.server_message(target, outcome.seq, outcome.payload, extra)",
    ),
    Mutant(
        "a message is dated anew each time that it is told",
        "nuphar.actors.words.meta",
        "return payload.extra if isinstance(payload, Signed) else None",
        "return {**(payload.extra or {}), 'at': id(payload) % 7} if isinstance(payload, Signed) else None",
    ),
    Mutant(
        "own messages with a gap between them share an Acknowledge",
        "nuphar.actors.targets.outcomes",
        "        if run and outcome.seq != run[-1].seq + 1:\n",
        "        if run and outcome.seq < run[-1].seq:\n",
    ),
    Mutant(
        "own messages behind a gap are not answered",
        "nuphar.actors.targets.lane",
        "        else:\n            self._owe(outcomes)\n",
        "        else:\n            self._owe(())\n",
    ),
    Mutant(
        "own messages that were held are not answered when the rule drops them",
        "nuphar.actors.targets.lane",
        "        self._owe(held)\n",
        "",
    ),
    Mutant(
        "what a Join owes is forgotten when its line is full",
        "nuphar.actors.targets.lane",
        "        self._debt = debt\n",
        "",
    ),
    Mutant(
        "a Join that its line cannot take yet ends the connection",
        "nuphar.actors.targets.performing",
        "        elif not session.sink.offer(joined):\n            self._target.owe",
        "        elif not session.sink.write(joined):\n            self._target.owe",
    ),
    Mutant(
        "what a lane has dropped is not replaced by a Snapshot",
        "nuphar.actors.targets.lane",
        "due = Due(self._reason, self._held if self._reason is None else self._owed, pushes, self._debt)",
        "due = Due(None, self._held if self._reason is None else self._owed, pushes, self._debt)",
    ),
    Mutant(
        "of two pushes that wait for one place the older one stays",
        "nuphar.actors.targets.lane",
        "            if (older := waiting.pop(key, None)) is not None:\n",
        "            if key in waiting:\n                continue\n"
        "            if (older := waiting.pop(key, None)) is not None:\n",
    ),
    Mutant(
        "samples are sent as fast as they come",
        "nuphar.actors.targets.lane",
        "self.next_at = now + 1.0 / self.rule.hz",
        "self.next_at = now",
    ),
    Mutant(
        "an answer does not wait for its append",
        "nuphar.actors.targets.flushing",
        "            return self.appends.begin(outcomes)\n",
        "            return self.appends.begin(outcomes) + self._send_all(outcomes)\n",
    ),
    Mutant(
        "the model does not go back after a failed append",
        "nuphar.actors.targets.tentative",
        "self.position = self._at(seq, decode_message)",
        "self.position = Position(self.position.model, seq)",
    ),
    Mutant(
        "an append whose outcome is unknown counts as taken",
        "nuphar.actors.targets.appends",
        "return last if isinstance(outcome, Appended) and outcome.seq == last else None",
        "return last",
    ),
    Mutant(
        "what failed is applied all the same",
        "nuphar.actors.targets.appends",
        "            return outcome.seq - 1\n",
        "            return last\n",
    ),
    Mutant(
        "what has to wait again goes behind the others",
        "nuphar.actors.targets.held",
        "self._held.extendleft(reversed(self._front))",
        "self._held.extend(self._front)",
    ),
    Mutant(
        "a stop does not wait for the log",
        "nuphar.actors.targets.waiting",
        "        return not appends.holds\n\n    def _answer",
        "        return True\n\n    def _answer",
    ),
    Mutant(
        "an append that nobody answers is waited for for ever",
        "nuphar.actors.targets.patience",
        "return self._due is not None and now >= self._due",
        "return False",
    ),
    Mutant(
        "an append that nobody answers counts as failed",
        "nuphar.actors.targets.waiting",
        "self._perform(appends.overdue() + self._refuse_if_stuck())",
        "self.mailbox.put_anyway(Logged(appends._batch, Failed(appends.first_seq, ''), 0))",
    ),
    Mutant(
        "a stop waits for a log that does not answer until it is killed",
        "nuphar.actors.targets.patience",
        "return self._stop_by is not None and now >= self._stop_by",
        "return False",
    ),
    Mutant(
        "a stop says no to what its log may have",
        "nuphar.actors.targets.flushing",
        'Refused("unknown_outcome",',
        'Refused("gone",',
    ),
    Mutant(
        "a stop says yes to what its log may not have",
        "nuphar.actors.targets.flushing",
        'return _refusals(outcomes, unknown, after, Refused("gone", "it has stopped"), self._callers)',
        "return self._send_all(outcomes)",
    ),
    Mutant(
        "a refusal does not wait for what it rests on",
        "nuphar.actors.targets.target",
        "        if self.appends is not None and self.appends.is_waiting:\n            self.appends.defer(crash)\n",
        "        if self.appends is not None and self.appends.is_full:\n            self.appends.defer(crash)\n",
    ),
    Mutant(
        "a checkpoint that its log did not take stays",
        "nuphar.actors.targets.tentative",
        "        while self._checkpoint.seq > seq:",
        "        while self._checkpoint.seq > 1 << 60:",
    ),
    Mutant(
        "a checkpoint that its log did not take is made of what nobody has written",
        "nuphar.actors.targets.tentative",
        "        self._history = history\n        self.position = self._at(seq, decode_message)\n",
        "        self._history = history\n        self.position = self._at(seq, decode_message)\n"
        "        self._set_checkpoint()\n",
    ),
    Mutant(
        "what a batch has taken from the history is lost when it fails",
        "nuphar.actors.targets.tentative",
        "self._before = self.position.seq, list(self._history)",
        "self._before = None",
    ),
)
