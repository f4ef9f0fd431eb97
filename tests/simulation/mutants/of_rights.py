"""Faults in calls, and in rights that are asked about again."""

from __future__ import annotations

from .mutant import Mutant

OF_RIGHTS = (
    Mutant(
        "a right that is gone when it is asked about again stays",
        "nuphar.actors.routing.router",
        "                session.step(target, Bar(leave, request.nth))\n",
        "                session.check(target)\n                session.step(target, Dismiss())\n",
    ),
    Mutant(
        "who was allowed before its right went comes in",
        "nuphar.actors.sessions.standing",
        "return self._why if is_barred else None",
        "return None",
    ),
    Mutant(
        "whose right goes while it is greeted has not left",
        "nuphar.actors.routing.router",
        "            self._part(verdict, is_gone=True)\n",
        "            self._part(verdict, is_gone=False)\n",
    ),
    Mutant(
        "who is put out as its right is gone stays in the target",
        "nuphar.actors.sessions.membership",
        "bar(nth, leave.why)\n                return self._let_go(leave) if self.is_in else []\n",
        "bar(nth, leave.why)\n                self._forget()\n",
    ),
    Mutant(
        "whose right is good when it is asked about again is let in anew",
        "nuphar.actors.routing.router",
        "        if request.is_check or kind is None:\n",
        "        if kind is None:\n",
    ),
    Mutant(
        "a call that crashes has no answer",
        "nuphar.actors.sessions.session",
        '            self.fail(ref, "crashed", text, details["trace_id"])\n',
        "",
    ),
    Mutant(
        "a call is made twice",
        "nuphar.actors.sessions.session",
        "            kind.call(self, Call(ref, name, arguments))\n",
        "            for _ in range(2):\n                kind.call(self, Call(ref, name, arguments))\n",
    ),
    Mutant(
        "a call that is answered late is answered on the connection that came after",
        "nuphar.actors.sessions.voice",
        "        self.write(self.encoding.join([self.encoding.reply(ref, value)]))\n",
        '        newest = getattr(self, "successor", None) or self\n'
        "        newest.write(newest.encoding.join([self.encoding.reply(ref, value)]))\n",
    ),
)
