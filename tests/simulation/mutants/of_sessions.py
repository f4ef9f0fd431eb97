"""Faults in who is who: sessions, their tokens and memberships, and the router that decides about them."""

from __future__ import annotations

from .mutant import Mutant

OF_SESSIONS = (
    Mutant(
        "a token is not replaced by the new one",
        "nuphar.actors.sessions.tokens",
        "self._older, self._newest = given, digest(newest)",
        "self._older = given",
    ),
    Mutant(
        "a token is burnt before its client has the new one",
        "nuphar.actors.sessions.tokens",
        "self._older, self._newest = given, digest(newest)",
        "self._older, self._newest = None, digest(newest)\n        self._burn(given)",
    ),
    Mutant(
        "an older token stays good for ever",
        "nuphar.actors.sessions.tokens",
        "            if other is not None and other != given:\n                self._burn(other)\n",
        "            if other is not None and other != given:\n                given = other\n",
    ),
    Mutant(
        "a used token is forgotten instead of burnt",
        "nuphar.actors.sessions.tokens",
        "self._burnt = (*self._burnt, used)[-BURNT:]",
        "self._burnt = ()",
    ),
    Mutant(
        "a session whose token was stolen goes on",
        "nuphar.actors.sessions.reception",
        """            self._book.take(id)
            self._sessions.disconnect(known.session)
            known.close(UNAUTHORISED, "token reused")
""",
        "",
    ),
    Mutant(
        "the connection of a session whose token was stolen stays open",
        "nuphar.actors.sessions.reception",
        'known.close(UNAUTHORISED, "token reused")',
        "known.session.connect(known.session.sink)",
    ),
    Mutant(
        "the older connection is not closed when its session goes on with another",
        "nuphar.actors.sessions.reception",
        'close_older(REPLACED, "replaced by a newer connection")',
        "older.connect(older.sink)",
    ),
    Mutant(
        "the loss of a replaced connection is that of its session",
        "nuphar.actors.sessions.reception",
        "        if session.closed:\n            return  # it goes on",
        "        if session.key is None:\n            return  # it goes on",
    ),
    Mutant(
        "a client that says goodbye is waited for",
        "nuphar.actors.sessions.reception",
        "if known is None or for_good or not self._window:",
        "if known is None or not self._window:",
    ),
    Mutant(
        "a session ends as soon as another one loses its connection",
        "nuphar.actors.sessions.session_book",
        "now - resumable.lost_at < self._window:",
        "now - resumable.lost_at < 0.0:",
    ),
    Mutant(
        "a session waits for its client for ever",
        "nuphar.actors.sessions.session_book",
        "now - resumable.lost_at < self._window:",
        "now < float('inf'):",
    ),
    Mutant(
        "more sessions wait for their clients than may",
        "nuphar.actors.sessions.session_book",
        "while len(self._detached) > self._bound:",
        "while False:",
    ),
    Mutant(
        "what waits for a Subscribe goes on in reverse",
        "nuphar.actors.sessions.membership",
        "for at, message in enumerate(self._held):",
        "for at, message in enumerate(self._held[::-1]):",
    ),
    Mutant(
        "what was asked before an Unsubscribe counts after it",
        "nuphar.actors.sessions.asking",
        "return membership is None or membership.number != request.number or request.leaves < membership.left",
        "return membership is not None and request.leaves < membership.left",
    ),
    Mutant(
        "what comes behind an Unsubscribe that waits is lost",
        "nuphar.actors.sessions.membership",
        "self._held = self._held[at + 1 :]",
        "self._held = []",
    ),
    Mutant(
        "what was held is sent again by the next answer",
        "nuphar.actors.sessions.membership",
        "        self._held = []\n        return effects",
        "        return effects",
    ),
    Mutant(
        "who is resumed and refused stays in by its older connection",
        "nuphar.actors.sessions.membership",
        "return [*self._take_out_predecessor(), *(AnswerHeld(message) for message in self._held)]",
        "return [AnswerHeld(message) for message in self._held]",
    ),
    Mutant(
        "a session may have more subscriptions than it may",
        "nuphar.actors.sessions.asking",
        "if membership is None and len(self.memberships) >= self._subscriptions:",
        "if membership is None and len(self.memberships) < 0:",
    ),
    Mutant(
        "whoever asks is let in",
        "nuphar.actors.routing.admission",
        'if not self._call("can_subscribe", _judge, hook, session.client_id, topic_id, session_model, member):',
        'if self._call("can_subscribe", _judge, hook, session.client_id, topic_id, session_model, member) is None:',
    ),
    Mutant(
        "what was sent on the strength of a Subscribe that is refused has no answer",
        "nuphar.actors.sessions.repeats",
        'session.reject(message.ref, target, "not_subscribed", f"you are not subscribed to {target}")',
        "session.answers.answer(message.ref)",
    ),
    Mutant(
        "a session's own store outlives it",
        "nuphar.actors.routing.router",
        "            kind.close(session)\n",
        "            kind.tick(0.0)\n",
    ),
    Mutant(
        "a session's own store is not handed over to the next connection",
        "nuphar.actors.routing.own_stores",
        "replaces = self.hand_over(request.session)",
        "replaces = None",
    ),
    Mutant(
        "whoever is away goes before those who hold nothing",
        "nuphar.actors.sessions.session_book",
        "self._pop_first(self._by_weight.get(0) or self._detached)",
        "self._pop_first(self._detached)",
    ),
    Mutant(
        "what sessions hold that wait for their clients has no bound",
        "nuphar.actors.sessions.session_book",
        "while self.detached_bytes > self._bytes_bound:",
        "while False:",
    ),
    Mutant(
        "a session that came back still weighs on the others",
        "nuphar.actors.sessions.session_book",
        "            self.detached_bytes -= resumable.weight\n",
        "",
    ),
    Mutant(
        "a topic ends although somebody is in it",
        "nuphar.actors.routing.deserted",
        "return not topic.target.members and topic.mailbox.empty()",
        "return topic.mailbox.empty()",
    ),
    Mutant(
        "a topic ends with another model than was kept",
        "nuphar.actors.routing.deserted",
        "if seq is None or topic.target.seq != seq:",
        "if seq is None:",
    ),
    Mutant(
        "a topic ends although its model could not be kept",
        "nuphar.actors.routing.deserted",
        "Ended(topic, seq if is_kept else None)",
        "Ended(topic, seq)",
    ),
    Mutant(
        "a topic that nobody is in goes on for ever",
        "nuphar.actors.routing.deserted",
        "if topic.kind is not None and self._is_due(topic, now):",
        "if topic.kind is None and self._is_due(topic, now):",
    ),
    Mutant(
        "somebody who comes while a topic's end is considered is not seen",
        "nuphar.actors.routing.deserted",
        "        elif is_deserted(topic):\n            self._end(topic)",
        "        else:\n            self._end(topic)",
    ),
    Mutant(
        "each who asks for a new topic has one made",
        "nuphar.actors.routing.openings",
        "        if opening is not mine:\n",
        "        if opening is None:\n",
    ),
    Mutant(
        "a session may begin as many topics as it likes",
        "nuphar.actors.routing.topics",
        "self._begun.get(client_id, 0) >= self._bound_each",
        "self._begun.get(client_id, 0) < 0",
    ),
    Mutant(
        "topics that have ended still count for who began them",
        "nuphar.actors.routing.topics",
        "            self.release(topic.begun_by)\n",
        "",
    ),
    Mutant(
        "one session has all the hooks' turns",
        "nuphar.actors.runtime.turns",
        "            and self._running.get(owner, 0) < bounds.at_once_each\n",
        "",
    ),
    Mutant(
        "a hook that has ended keeps its turn",
        "nuphar.actors.runtime.hook_calls",
        "            self._begin(self._turns.leave(owner))",
        "            pass",
    ),
    Mutant(
        "whoever waits for its turn at a hook is forgotten",
        "nuphar.actors.runtime.turns",
        "        if was_at_its_bound and owner in self._waiting:\n            self._rotation.append(owner)\n",
        "",
    ),
    Mutant(
        "a right that was withdrawn is not told",
        "nuphar.actors.targets.performing",
        "if was_in and message.why is not None:",
        "if False:",
    ),
    Mutant(
        "a Subscribe that nobody has room for puts out who is in",
        "nuphar.actors.sessions.repeats",
        '        refuse_outsider(session, ref, target, "busy", text)',
        '        refuse_outsider(session, ref, target, "busy", text)\n        session.memberships.pop(target, None)',
    ),
    Mutant(
        "a Subscribe whose hook crashed puts out who is in, by a Rejected alone",
        "nuphar.actors.routing.router",
        "Refuse(leave) if is_out else Dismiss())",
        "Refuse(leave if is_out else Leave(session, None)))",
    ),
)
