"""The limits of one connection, each with its unit and the reason for its value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ...actors.words.errors import UsageError
from ...actors.words.quantities import is_count, is_seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may use. Sizes are in bytes, times in seconds; all are above zero.

    Raises: UsageError for a value that is not a finite number above zero; sizes are integers.
    """

    message: int = 64 * 1024
    """The largest inbound message, over all fragments: what a user does is small, an upload is not for us."""
    outbox: int = 1024 * 1024
    """What may wait for a slow client: some seconds of a busy topic; 1 GiB for a thousand such at worst."""
    outbox_age: float = 30.0
    """For how long a client may take nothing of what waits: a phone that changes networks needs about 20 s."""
    hello: float = 5.0
    """From the upgrade to the first frame: a stranger holds a socket no longer than that."""
    heartbeat: float = 20.0
    """Between two signs of life: proxies commonly cut a connection after 30 to 60 s of silence."""
    close: float = 5.0
    """From our close frame to the end of TCP: one retransmission on a bad line, and no longer."""
    linger: float = 15.0
    """How long a line over HTTP may be without a request, and a request without its body: a phone's short gap."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and not is_count(value):
                raise UsageError(f"limit {field.name!r}: expected bytes as an integer above 0, got {value!r}")
            if field.type == "float" and not is_seconds(value):
                raise UsageError(f"limit {field.name!r}: expected seconds above 0, got {value!r}")


def share(bound: int) -> int:
    """Return how much of an outbox of ``bound`` bytes what was only offered may take: answers need the rest."""
    return bound - bound // 4
