"""Where a topic's messages leave: one system call for each subscriber, and next to nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from .outbox import Outbox


def write_to_all(outboxes: Iterable[Outbox], data: bytes, refused: list[Outbox] | None = None) -> None:
    """Do ``outbox.write(data)`` for each of ``outboxes``, without a call for those that are ready.

    With a list ``refused`` it is ``outbox.offer(data)``, and the outboxes that do not take it are added.
    """
    size = len(data)
    for outbox in outboxes:
        if outbox.ready < 0:
            if refused is None:
                outbox.write(data)
            elif not outbox.offer(data):
                refused.append(outbox)
            continue
        try:
            sent = outbox.put(outbox.ready, data)
        except OSError as error:
            outbox.failed(data, error)
            continue
        if sent != size:
            outbox.keep(data, sent)
