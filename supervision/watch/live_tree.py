"""Looking inside: the live tree of a server as plain data, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pykka

from ...actors.runtime.ref import Ref
from ...actors.words.exit_reasons import Crashed, Reason
from ..otp import administration
from ..otp.child_spec import ChildType

ANSWER_TIMEOUT = 2.0
"""Seconds that one supervisor may take to answer."""


@dataclass(frozen=True)
class Node:
    """One child: ``state`` is running, restarting or down; ``age`` is the seconds since its last start.

    ``mailbox`` is how many messages wait for it; ``last_reason`` why it ended the last time, or ''.
    """

    id: str
    type: str
    state: str
    restarts: int
    mailbox: int
    age: float
    last_reason: str
    children: list[Node] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """Go through the tree, top down, with each node's depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return asdict(self)


def look(supervisor: Ref[Any], age: float = 0.0) -> Node:
    """Return the tree under ``supervisor``; one that does not answer in time is shown without its children."""
    return _node(administration.ChildState(str(supervisor), supervisor, "running", ChildType.SUPERVISOR, 0, age, None))


def _node(state: administration.ChildState) -> Node:
    ref = state.ref
    children: list[Node] = []
    if ref is not None and state.type is ChildType.SUPERVISOR:
        try:
            children = [_node(each) for each in ref.ask(administration.DescribeChildren(), timeout=ANSWER_TIMEOUT)]
        except (pykka.Timeout, pykka.ActorDeadError):
            children = []
    waiting = len(ref.actor_inbox) if ref is not None else 0  # type: ignore[arg-type]
    return Node(
        state.id if ref is None else str(ref),
        state.type.value,
        state.state,
        state.restarts,
        waiting,
        round(state.age, 3),
        describe(state.last_reason),
        children,
    )


def describe(reason: Reason | None) -> str:
    """Say a reason in a word or a line."""
    if reason is None:
        return ""
    if isinstance(reason, Crashed):
        return f"crashed: {type(reason.error).__name__}: {reason.error}"[:200]
    return type(reason).__name__.lower()
