"""Who may wait for the end of a tree: nobody inside it, as an actor that waits for itself never ends."""

from __future__ import annotations

from typing import Any

from ...actors.runtime.apart import runs_in
from ...actors.runtime.ref import Ref
from ...actors.words.errors import UsageError


def check_not_inside_any(root: Ref[Any]) -> None:
    """Look at every living actor of the tree of ``root``.

    Raises: UsageError if one of them is who calls.
    """
    if root.registry is None:
        return
    for ref in root.registry.living():
        mailbox: Any = ref.actor_inbox
        if mailbox.taking is not None and runs_in(mailbox.taking):
            raise UsageError(
                f"an actor cannot wait for itself: stop() was called inside {ref}, expected another greenlet: "
                "gevent.spawn(server.stop)"
            )
