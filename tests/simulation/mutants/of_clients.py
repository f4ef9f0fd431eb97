"""Faults in the client: what it sends, what it shows, and what it makes of what it reads."""

from __future__ import annotations

from .mutant import Mutant

OF_CLIENTS = (
    Mutant(
        "what was not answered is not sent again",
        "nuphar.transport.client.core.core",
        "            exchange.repeat()\n",
        "            exchange.send_waiting()\n",
    ),
    Mutant(
        "what was too much at once, and went again, is not awaited",
        "nuphar.transport.client.core.pacing",
        "        return bool(self.held or self.again)\n",
        "        return bool(self.held)\n",
    ),
    Mutant(
        "what was too much at once is passed by",
        "nuphar.transport.client.core.pacing",
        "        return bool(self.held or self.again)\n",
        "        return False\n",
    ),
    Mutant(
        "what was not answered is sent again in reverse",
        "nuphar.transport.client.core.exchange",
        "for ref in sorted([*requests.sent, *requests.asked]):",
        "for ref in sorted([*requests.sent, *requests.asked], reverse=True):",
    ),
    Mutant(
        "messages are sent again under their refs, and Subscribes behind them",
        "nuphar.transport.client.core.exchange",
        "for ref in sorted([*requests.sent, *requests.asked]):",
        "for ref in [*sorted(requests.sent), *sorted(requests.asked)]:",
    ),
    Mutant(
        "what may have been applied is sent again in a fresh session",
        "nuphar.transport.client.core.outgoing",
        "        lost = list(self.sent.values())\n",
        "        lost = list[OwnMessage]()\n        self.unsent.extendleft(reversed(self.sent.values()))\n",
    ),
    Mutant(
        "what waits is forgotten with the session",
        "nuphar.transport.client.core.outgoing",
        "self.unsent = deque(each for each in self.unsent if isinstance(each, OwnMessage) or each.target in claimed)",
        "self.unsent.clear()",
    ),
    Mutant(
        "a fresh session does not ask for what the client follows",
        "nuphar.transport.client.core.exchange",
        "            replica.is_subscribed = False\n",
        "            replica.is_subscribed = bool(replica.is_subscribed)\n",
    ),
    Mutant(
        "a ref is given out twice",
        "nuphar.transport.client.core.outgoing",
        "        self.ref += 1\n        return self.ref\n",
        "        self.ref += len(self.asked) < 3\n        return self.ref\n",
    ),
    Mutant(
        "more refs are on their way than a server remembers",
        "nuphar.transport.client.core.outgoing",
        "return self._bounds.in_flight - (self.ref + 1 - oldest)",
        "return 4 * self._bounds.in_flight - (self.ref + 1 - oldest)",
    ),
    Mutant(
        "a new message overtakes those that wait",
        "nuphar.transport.client.core.exchange",
        "is_now = self.is_live and not requests.unsent and requests.free_refs() > 0",
        "is_now = self.is_live and requests.free_refs() > 0",
    ),
    Mutant(
        "each of several refs stands one place too early",
        "nuphar.transport.client.core.exchange",
        "place = seq - (len(refs) - 1 - at) if seq else 0",
        "place = seq - (len(refs) - at) if seq else 0",
    ),
    Mutant(
        "what is pending is dropped with the connection",
        "nuphar.transport.client.core.core",
        "            replica.is_behind = False\n",
        "            replica.is_behind = False\n            replica.pending.clear()\n            replica._rebase()\n",
    ),
    Mutant(
        "a client goes on waiting for what it asked of a connection that is lost",
        "nuphar.transport.client.core.core",
        "            replica.is_behind = False\n",
        "            replica.is_behind = bool(replica.is_behind)\n",
    ),
    Mutant(
        "a client forgets to ask for what it missed",
        "nuphar.transport.client.core.replicas",
        "            self._ask(Resync({target: cursor}))\n",
        "",
    ),
    Mutant(
        "a gap is not seen",
        "nuphar.transport.client.core.replicas",
        "if seq != replica.seq + 1:",
        "if seq < replica.seq + 1:",
    ),
    Mutant(
        "an own message in its place is not taken from what is pending",
        "nuphar.transport.client.core.replicas",
        "            return self.apply(own.target, place, own.message, own, own.extra)\n        own.place = place",
        "            return self.apply(own.target, place, own.message)\n        own.place = place",
    ),
    Mutant(
        "an own message that was passed by a Snapshot stays pending",
        "nuphar.transport.client.core.replica",
        "        self.pending = [own for own in self.pending if not own.place]\n",
        "",
    ),
    Mutant(
        "own messages that are reached stay pending",
        "nuphar.transport.client.core.replica",
        "self.pending = [each for each in self.pending if not 0 < each.place <= seq]",
        "self.pending = list(self.pending)",
    ),
    Mutant(
        "what is pending is not applied again on a new base",
        "nuphar.transport.client.core.replica",
        "        if self._takes_meta or not is_first or reached != len(self.pending):",
        "        if is_first and reached != len(self.pending):",
    ),
    Mutant(
        "a message that was refused stays on the screen",
        "nuphar.transport.client.core.replica",
        "        self.pending.remove(own)\n        self._rebase()\n",
        "        self.pending.remove(own)\n",
    ),
    Mutant(
        "a cursor is one seq too far",
        "nuphar.transport.client.core.replica",
        "return None if self.epoch is None else (self.epoch, self.seq)",
        "return None if self.epoch is None else (self.epoch, self.seq + 1)",
    ),
    Mutant(
        "the seq of a target that stopped is kept",
        "nuphar.transport.client.core.replica",
        "        self.seq = 0\n",
        "        self.seq = getattr(self, 'seq', 0)\n",
    ),
)
