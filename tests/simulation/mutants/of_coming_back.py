"""Faults in how a session goes on with another connection: what it takes along, and what its client is to name."""

from __future__ import annotations

from .mutant import Mutant

OF_COMING_BACK = (
    Mutant(
        "every Welcome says that the session is new",
        "nuphar.transport.server.connection",
        "            resumed=greeting.resumed,\n",
        "            resumed=False,\n",
    ),
    Mutant(
        "who has gone stays in what it was coming back to",
        "nuphar.actors.sessions.membership",
        "            case table.Close() if not self.is_in:\n                return self._take_out_predecessor()\n",
        "            case table.Close() if not self.is_in:\n                return []\n",
    ),
    Mutant(
        "what a session was subscribed to is not restored",
        "nuphar.actors.sessions.unnamed",
        "self.waiting = dict.fromkeys(targets)",
        "self.waiting = dict.fromkeys(list(targets)[1:])",
    ),
    Mutant(
        "a session that is resumed gets back what it may not have any more",
        "nuphar.actors.sessions.asking",
        "target, cursor, None, known.trusted, known.number,",
        "target, cursor, None, True, known.number,",
    ),
    Mutant(
        "the join hook is called again for a session that is resumed",
        "nuphar.actors.sessions.membership",
        "return not self.is_in and (self._predecessor is None or self.left < leaves)",
        "return not self.is_in",
    ),
    Mutant(
        "what an older connection was still holding is never done",
        "nuphar.actors.sessions.asking",
        "self.answers.release(effect.ref)",
        "self.answers.answer(effect.ref)",
    ),
    Mutant(
        "an Out that was lost is not told again",
        "nuphar.actors.sessions.takeover",
        "            case NotThere(target):\n                say_out(",
        "            case NotThere(target):\n                str.format(target, ",
    ),
    Mutant(
        "what a Hello has no room for gets a Snapshot at once",
        "nuphar.transport.server.connection",
        'hello.options.get("more") is True',
        "False",
    ),
    Mutant(
        "a target that is not named waits for ever",
        "nuphar.transport.server.connection",
        "session.unnamed.is_due(now)",
        "session.unnamed.is_due(0.0)",
    ),
    Mutant(
        "a Resync ends the waiting of targets that it does not name",
        "nuphar.actors.sessions.takeover",
        "        _perform(session, session.unnamed.name(cursors, session.memberships))\n    else:\n",
        "        _perform(session, session.unnamed.name(cursors, session.memberships))\n    if True:\n",
    ),
    Mutant(
        "who names late what it is out of hears nothing",
        "nuphar.actors.sessions.takeover",
        "    elif cursors:\n        _perform(session, session.unnamed.name(cursors, session.memberships))",
        """    elif cursors:
        named = session.unnamed.name(cursors, session.memberships)
        _perform(session, [step for step in named if not isinstance(step, NotThere)])""",
    ),
    Mutant(
        "what is sent to a target that is not named is held until it is",
        "nuphar.actors.sessions.membership",
        "        if self.wake is not None:\n            self.wake(None)\n",
        "",
    ),
)
