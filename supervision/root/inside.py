"""Who may wait for the end of a tree: nobody inside it, as an actor that waits for itself never ends."""

from __future__ import annotations

from typing import Any

from ...actors.runtime.apart import runs_in
from ...actors.runtime.ref import Ref


def is_inside(root: Ref[Any]) -> bool:
    """Is a living actor of the tree of ``root`` who calls, if only in a hook's short greenlet?"""
    mailboxes = [] if root.registry is None else [ref.actor_inbox for ref in root.registry.living()]
    return any(mailbox.taking is not None and runs_in(mailbox.taking) for mailbox in mailboxes)
