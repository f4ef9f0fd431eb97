"""The sum of what all clients of a run have seen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .checker import Checker


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What a run counted, over all clients and topics."""

    posted: int = 0
    acknowledged: int = 0
    rejected: int = 0
    delivered: int = 0
    """ServerMessages received of messages of this run."""
    lost: int = 0
    """Messages without an answer, and deliveries of acknowledged messages that did not come."""
    duplicated: int = 0
    """Messages that somebody got twice, by seq or by marker, and answers that came twice."""
    disordered: int = 0
    """Messages that came after one that was behind them, in seq or in their sender's own order."""
    diverged: int = 0
    """Clients whose model is not the server's."""
    final_acknowledges: int = 0


def tally(topics: Iterable[Sequence[Checker]]) -> RunCounts:
    """Sum up the checkers, given topic by topic."""
    groups = [list(members) for members in topics]
    checkers = [checker for members in groups for checker in members]
    return RunCounts(
        posted=sum(checker.posted for checker in checkers),
        acknowledged=sum(checker.acknowledged for checker in checkers),
        rejected=sum(checker.rejected for checker in checkers),
        delivered=sum(checker.delivered for checker in checkers),
        lost=sum(sum(losses(members)) for members in groups),
        duplicated=sum(checker.duplicated for checker in checkers),
        disordered=sum(checker.disordered for checker in checkers),
        diverged=sum(checker.diverged for checker in checkers),
        final_acknowledges=sum(checker.final_acknowledges for checker in checkers),
    )


def losses(members: Sequence[Checker]) -> list[int]:
    """Count what each member of a topic should have got and did not: by marker and by seq, whichever finds more."""
    senders = [(sender, sender.refused | sender.outstanding.keys()) for sender in members]
    counts = []
    for checker in members:
        by_marker = len(checker.outstanding)
        for sender, excused in senders:
            if sender is not checker:
                by_marker += checker.senders.never_came(sender.client, sender.last_ref, excused)
        counts.append(max(by_marker, len(checker.seqs.missing)))
    return counts


def is_settled(checker: Checker, acknowledged: int) -> bool:
    """Say whether a client has all its answers and deliveries, with ``acknowledged`` messages in its topic."""
    return not checker.outstanding and checker.delivered >= acknowledged - checker.acknowledged
