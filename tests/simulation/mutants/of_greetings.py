"""Faults in who is greeted, and who is said goodbye: once for each coming in and going out."""

from __future__ import annotations

from .mutant import Mutant

OF_GREETINGS = (
    Mutant(
        "who waits while another of its requests is greeted comes in with it, however that ends",
        "nuphar.actors.sessions.membership",
        "return [Decide(verdict) for verdict in self.standing.greeted()]",
        "return [Decide(verdict._replace(greeted=True)) for verdict in self.standing.greeted()]",
    ),
    Mutant(
        "each of a session's requests has it greeted",
        "nuphar.actors.routing.router",
        "if session.memberships[target].standing.is_greeted:",
        "if not target:",
    ),
    Mutant(
        "who was put out or has left while it asked again comes in without a greeting",
        "nuphar.actors.sessions.membership",
        "return not self.is_in and (self._predecessor is None or self.left < leaves)",
        "return not self.is_in and self._predecessor is None and not self.ref and not self.left",
    ),
    Mutant(
        "who leaves what it was let into without a greeting is said goodbye",
        "nuphar.actors.sessions.membership",
        "self._named(message)._replace(greeted=greeted)",
        "self._named(message)",
    ),
    Mutant(
        "who is gone while it is greeted has not left",
        "nuphar.actors.routing.router",
        "            kind.part(verdict)\n",
        "            kind.tick(0.0)\n",
    ),
    Mutant(
        "a hook that failed to greet counts as a greeting",
        "nuphar.actors.routing.admission",
        "            verdict = self._refusal(verdict, topic.id, error)._replace(greeted=True)\n",
        "            verdict = verdict._replace(greeted=True)\n",
    ),
)
