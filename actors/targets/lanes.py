"""The lanes of one target: who has one, what it gives, and how that is written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..words.delivery import All, Conflate, key_of
from ..words.ports import Codec, Encoding
from .effects import Crash, Effects, Send, Visit
from .lane import Due, Lane, Outcome
from .outcomes import acknowledges, answers, piece, with_acknowledges
from .subscriber import Subscriber

WriteSnapshot = Callable[[Encoding, str], list[bytes]]
"""Writes a Snapshot of the present, for a reason; raises what the serialiser raises."""


_NOTHING: tuple[Sequence[Outcome], dict[Encoding, Any]] = ((), {})


class Lanes:
    """``of`` are the lanes by subscriber: those with a rule of their own, or behind."""

    __slots__ = ("_codec", "_name", "_shared", "of")

    def __init__(self, name: str, codec: Codec) -> None:
        self.of: dict[Any, Lane] = {}
        self._name = name
        self._codec = codec
        self._shared = _NOTHING  # what was given last, joined

    def give(self, outcomes: Sequence[Outcome], exclude: Subscriber | None = None) -> Effects:
        """Give ``outcomes`` to everybody but ``exclude``: all of an order, or all outside any."""
        effects: Effects = []
        authors = {outcome.author for outcome in outcomes}
        keys: dict[Any, list[Any]] = {}
        self._shared = (outcomes, {})
        for subscriber, lane in self.of.items():
            if outcomes[0].seq:
                lane.hold(list(outcomes) if subscriber in authors else outcomes)
            elif subscriber is exclude:
                continue
            elif isinstance(lane.rule, All):
                # Behind in the order; but what is outside it must not be dropped.
                effects.append(self._send(subscriber, [piece(subscriber.encoding, self._name, o) for o in outcomes]))
                continue
            else:
                theirs = outcomes
                if subscriber in authors:
                    effects += self._acknowledge(subscriber, outcomes)
                    theirs = [outcome for outcome in outcomes if outcome.author is not subscriber]
                lane.push(theirs, self._keys(lane, outcomes, subscriber, keys, effects))
            effects.append(Visit(subscriber, lane))
        return effects

    def write(self, subscriber: Subscriber, due: Due, snapshot: WriteSnapshot) -> Any:
        """Return what is due to ``subscriber``, joined.

        Raises: what ``snapshot`` raises.
        """
        reason, outcomes, pushes, _ = due
        encoding, name = subscriber.encoding, self._name
        shared, joined = self._shared
        if reason is None and ((outcomes is shared and not pushes) or (pushes is shared and not outcomes)):
            # It keeps up, like others with its rule.
            if encoding not in joined:
                joined[encoding] = encoding.join([piece(encoding, name, outcome) for outcome in shared])
            return joined[encoding]
        if reason is not None:
            pieces = [*snapshot(encoding, reason), *answers(encoding, name, outcomes)]
        else:
            pieces = [piece(encoding, name, outcome) for outcome in outcomes]
            own = [at for at, outcome in enumerate(outcomes) if outcome.author is subscriber]
            pieces = with_acknowledges(encoding, name, outcomes, pieces, own)
        return encoding.join(pieces + [piece(encoding, name, outcome) for outcome in pushes])

    def end(self, subscriber: Subscriber, lane: Lane, snapshot: WriteSnapshot, *, pushes_too: bool) -> Effects:
        """Send what a lane holds at its end: answers in any case, pushes (if wanted) if it can take them."""
        due = lane.end()
        encoding, name = subscriber.encoding, self._name
        effects: Effects = []
        if due.debt is not None and due.debt.refs:  # a Subscribe that comes to nothing, as if it were still considered
            done = [encoding.acknowledge(name, 0, [ref], False) for ref, _ in due.debt.refs]
            effects.append(self._send(subscriber, done))
        if due.outcomes:
            try:
                pieces = snapshot(encoding, "slow")
            except Exception:  # a model that cannot be written: its answers have to do
                pieces = []
            effects.append(self._send(subscriber, pieces + answers(encoding, name, due.outcomes)))
        if pushes_too and due.pushes:
            pieces = [piece(encoding, name, outcome) for outcome in due.pushes]
            effects.append(Send((subscriber,), encoding.join(pieces), encoding, ()))
        return effects

    def _acknowledge(self, author: Subscriber, outcomes: Sequence[Outcome]) -> Effects:
        """Answer messages outside any order."""
        own = [outcome for outcome in outcomes if outcome.author is author]
        pieces = acknowledges(author.encoding, self._name, own)
        return [self._send(author, pieces)] if pieces else []

    def _keys(
        self,
        lane: Lane,
        outcomes: Sequence[Outcome],
        subscriber: Subscriber,
        known: dict[Any, list[Any]],
        effects: Effects,
    ) -> Sequence[Any]:
        """Return the keys of what is not by ``subscriber``, made once for all with the same rule."""
        rule = lane.rule
        if not isinstance(rule, Conflate):
            return ()
        if rule.key not in known:
            known[rule.key] = [self._key(rule, outcome, effects) for outcome in outcomes]
        both = zip(known[rule.key], outcomes, strict=True)
        return [key for key, outcome in both if outcome.author is not subscriber]

    def _key(self, rule: Conflate, outcome: Outcome, effects: Effects) -> Any:
        try:
            return key_of(rule, self._codec.decode_message(outcome.payload))
        except BaseException as error:
            # Whatever it is: nothing must be lost by a faulty function, so the message gets a key of its own.
            effects.append(Crash(None, 0, error))
            return object()

    @staticmethod
    def _send(subscriber: Subscriber, pieces: list[bytes]) -> Send:
        return Send((subscriber,), subscriber.encoding.join(pieces), subscriber.encoding)
