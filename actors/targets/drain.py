"""What one drain of the mailbox has applied, and who gets what of it. Pure.

It is collected, encoded once for each encoding, joined once, and handed to all subscribers as the same object; an
author gets Acknowledges in the places of its own messages.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..sessions.answers import Place
from ..words.ports import Codec
from .effects import Effects, Send
from .lane import Outcome
from .order import Order
from .outcomes import acknowledges, piece, with_acknowledges, written
from .subscribers import Subscribers

_send = partial(tuple.__new__, Send)  # takes a third of the time of Send(...)

new_outcome = partial(tuple.__new__, Outcome)
"""``Outcome(*fields)``, given as one tuple; likewise."""


class Drain(Subscribers):
    """The half of a `Target` that knows what is not sent yet."""

    __slots__ = ("_outcomes", "order", "place")

    def __init__(self, name: str, codec: Codec, order: Order | None) -> None:
        super().__init__(name, codec)
        self.order = order
        self.place: Place = (name, "" if order is None else order.epoch)
        """Where its messages are applied: the target and its epoch; one object for all, as every answer has it."""
        self._outcomes: list[Outcome] = []

    @property
    def seq(self) -> int:
        return 0 if self.order is None else self.order.position.seq

    def flush(self) -> Effects:
        """Say who gets what of everything that was applied since the last flush."""
        outcomes = self._outcomes
        if not outcomes:
            return []
        self._outcomes = []
        if len(outcomes) == 1:
            return self._flush_one(outcomes)
        authors: dict[Any, list[int]] = {}
        for at, outcome in enumerate(outcomes):
            if outcome.author is not None:
                authors.setdefault(outcome.author, []).append(at)
        place = self.place
        for author, places in authors.items():
            author.answers.settle_all(place, outcomes, places)
        effects: Effects = []
        # What is missing of an order can be made good by a Snapshot, anything else cannot.
        droppable = outcomes if self.order is not None else None
        for encoding, group in self._groups.items():
            here = [author for author in authors if author in group]
            if len(group) == len(here) == 1 and len(authors[here[0]]) == len(outcomes):
                # Alone: nobody else needs the messages, so they are not even encoded.
                effects.append(Send(here, encoding.join(acknowledges(encoding, self.name, outcomes)), encoding))
                continue
            pieces = written(encoding, self.name, outcomes)
            if len(here) < len(group):
                others = [subscriber for subscriber in group if subscriber not in authors] if here else list(group)
                effects.append(Send(others, encoding.join(pieces), encoding, droppable))
            for author in here:
                places = authors[author]
                outcome = outcomes[places[0]]
                if len(places) == 1 and outcome.seq:
                    # By far the most: put it in its place, join, and take it out again, instead of copying the list.
                    replaced = pieces[places[0]]
                    pieces[places[0]] = encoding.acknowledge(self.name, outcome.seq, (outcome.ref,), False)
                    effects.append(_send(((author,), encoding.join(pieces), encoding, droppable)))
                    pieces[places[0]] = replaced
                elif own := with_acknowledges(encoding, self.name, outcomes, pieces, places):
                    effects.append(_send(((author,), encoding.join(own), encoding, droppable)))
        if self._laned:
            effects += self._lanes.give(outcomes)
        return effects

    def _flush_one(self, outcomes: list[Outcome]) -> Effects:
        """The same for a message that came alone: nothing has to be grouped."""
        author, ref, seq, _ = outcome = outcomes[0]
        if ref:
            author.answers.settle(ref, self.place, seq)
        droppable = outcomes if seq else None
        effects: Effects = []
        for encoding, group in self._groups.items():
            is_here = author in group
            if len(group) > is_here:
                others = [subscriber for subscriber in group if subscriber is not author]
                joined = encoding.join((piece(encoding, self.name, outcome),))
                effects.append(_send((others, joined, encoding, droppable)))
            if is_here and (ref or seq):
                own = encoding.acknowledge(self.name, seq, (ref,), False)
                effects.append(_send(((author,), encoding.join((own,)), encoding, None)))
        if self._laned:
            effects += self._lanes.give(outcomes)
        return effects
