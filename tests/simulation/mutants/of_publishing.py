"""Faults in who may write: a rule that is not asked, or whose answer does not count."""

from __future__ import annotations

from .mutant import Mutant

OF_PUBLISHING = (
    Mutant(
        "what a rule denies is written all the same",
        "nuphar.actors.routing.admission",
        """                    raise Refused("denied", f"you may not write this to {topic_id!r}")\n""",
        "                    continue\n",
    ),
    Mutant(
        "a rule that forgets to answer allows",
        "nuphar.actors.runtime.hooks",
        "    if answer is False or answer is None:\n        return False\n",
        "    if answer is False or answer is None:\n        return answer is None\n",
    ),
    Mutant(
        "a rule that raises allows",
        "nuphar.actors.routing.admission",
        """                raise Refused("crashed", text, {"trace_id": error.trace_id}) from error\n""",
        "                continue\n",
    ),
    Mutant(
        "whoever still asks for a topic may write what it likes",
        "nuphar.actors.sessions.publishing",
        "                if target in self.memberships:\n",
        "                if target in self.memberships and self.memberships[target].is_in:\n",
    ),
    Mutant(
        "the rules of a topic are forgotten with the connection",
        "nuphar.actors.routing.topic_targets",
        "request.trusted, guard=topic.guard)",
        "request.trusted, guard=topic.guard if join.since is None else OPEN)",
    ),
    Mutant(
        "a rule that answers after its client went on with another connection counts",
        "nuphar.actors.sessions.publishing",
        "            if self.successor is not None or self.closed:\n",
        "            if self.successor is None and self.closed:\n",
    ),
    Mutant(
        "a refusal of a rule is not remembered",
        "nuphar.actors.sessions.publishing",
        "            self.reject(ref, target, refused.code, refused.text, refused.details)\n",
        "            self.say_rejected(ref, target, refused.code, refused.text, refused.details)\n",
    ),
)
