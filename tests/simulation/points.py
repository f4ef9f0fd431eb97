"""The points that a batch of runs has to reach: a fault that never happens has not been withstood."""

from __future__ import annotations

from collections import Counter

POINTS = (
    "RouterActor crashes with a message in hand",
    "TargetActor crashes with a message in hand",
    "killed behind a message that was applied",
    "an actor is killed",
    "a supervisor is killed",
    "an update that ends its actor",
    "a long drain lets others run",
    "Snapshot subscribed",
    "Snapshot behind",
    "Snapshot restarted",
    "Snapshot slow",
    "a Join that is owed until its line has drained",
    "a Join that is owed until its client may have more",
    "a push",
    "resumed",
    "resumed with messages unanswered",
    "only what was missed",
    "own messages among what was missed",
    "own messages before a Snapshot",
    "a Hello that has no room for all",
    "a target that is not named in time",
    "came back to a fresh session",
    "a Welcome that is lost",
    "a frame that is lost",
    "two connections of one client",
    "a thief who comes first",
    "a thief who gets nothing",
    "a repeat that was answered",
    "a repeat that waits for its answer",
    "a ref below the window",
    "a ref that goes back",
    "a gap asks for a Resync",
    "a session has expired",
    "a log that fails",
    "a log that does not know",
    "a message waits for the log",
    "a mailbox is full",
    "a topic is stopped",
    "a topic that nobody is in ends",
    "somebody comes while a topic's end is considered",
    "a hook waits for its turn",
    "a session has begun as many topics as it may",
    "the server is stopped",
    "the server's process ends",
    "closed with 1001",
    "closed with 4401",
    "closed with 4409",
    "closed with 4513",
    "a second Subscribe is refused and changes nothing",
    "what cannot be written is refused",
    "what cannot be written is let through unseen",
    "denied: crashed",
    "denied: denied",
    "denied: busy",
    "refused: busy",
    "refused: crashed",
    "refused: no",
    "refused: not_subscribed",
    "refused: unknown_outcome",
)
"""What has to be seen at least once."""


def never_reached(seen: Counter[str]) -> list[str]:
    """Return the points that were not."""
    return [point for point in POINTS if not seen[point]]
