"""How the outcomes of one target are written as pieces, each one frame. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..words.meta import Signed, extra_of, extras_of
from ..words.ports import Encoding
from .lane import Outcome


def piece(encoding: Encoding, target: str, outcome: Outcome) -> bytes:
    """Write one outcome for everybody but its author."""
    if outcome.seq:
        return encoding.server_message(target, outcome.seq, outcome.payload, extra_of(outcome.payload))
    return encoding.push(target, outcome.payload)


def written(encoding: Encoding, target: str, outcomes: Sequence[Outcome]) -> list[bytes]:
    """Do `piece` for each of ``outcomes``, without a call for most."""
    write = encoding.server_message
    if outcomes and type(outcomes[0].payload) is Signed:
        return [piece(encoding, target, outcome) for outcome in outcomes]
    return [write(target, seq, payload) if seq else encoding.push(target, payload) for _, _, seq, payload in outcomes]


def with_acknowledges(
    encoding: Encoding, target: str, outcomes: Sequence[Outcome], pieces: list[bytes], own: Iterable[int]
) -> list[bytes]:
    """Put Acknowledges in the places ``own``; neighbours share one, as it stands for k seqs in a row."""
    mixed: list[bytes] = []
    run: list[Outcome] = []
    at = 0
    for place in own:
        if run and place != at:
            mixed += acknowledges(encoding, target, run)
            run = []
        mixed += pieces[at:place]
        run.append(outcomes[place])
        at = place + 1
    mixed += acknowledges(encoding, target, run)
    mixed += pieces[at:]
    return mixed


def acknowledges(encoding: Encoding, target: str, run: Sequence[Outcome]) -> list[bytes]:
    """Acknowledge own messages that stand in a row."""
    # Outside an order a ref of 0 wants no answer; inside one it holds its place, so that the seqs have no gap.
    told = [outcome for outcome in run if outcome.ref or outcome.seq]
    if not told:
        return []
    extras = extras_of(outcome.payload for outcome in told)
    return [encoding.acknowledge(target, run[-1].seq, [outcome.ref for outcome in told], False, extras)]


def answers(encoding: Encoding, target: str, own: Sequence[Outcome]) -> list[bytes]:
    """Acknowledge own messages that a Snapshot before contains already, each run of seqs by one frame."""
    pieces: list[bytes] = []
    run: list[Outcome] = []
    for outcome in own:
        if run and outcome.seq != run[-1].seq + 1:
            pieces += acknowledges(encoding, target, run)
            run = []
        if outcome.ref:  # a ref of 0 wants no answer, and holds no place behind a Snapshot
            run.append(outcome)
    return pieces + acknowledges(encoding, target, run)
