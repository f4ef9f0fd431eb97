"""What one drain of a target has produced, and who gets what of it. Pure.

Everything that a drain applies is collected, encoded once for each encoding, joined once, and handed to all
subscribers as the same object; an author gets Acknowledges in the places of its own messages. With a log of its own
the order is asked first (`Appends`): then a flush appends, and what it sends comes with the log's answer.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..words.errors import Refused
from ..words.meta import extras_of
from ..words.ports import Codec
from .appends import Appends
from .effects import Crash, Effects, Send, Visit
from .lane import Outcome
from .log import AppendOutcome as LogOutcome
from .log import Failed
from .order import Order
from .outcomes import acknowledges, piece, with_acknowledges, written
from .subscriber import Caller, Place, Subscriber
from .subscribers import Subscribers
from .tentative import Tentative

_send = partial(tuple.__new__, Send)  # takes a third of the time of Send(...)


class Flushing(Subscribers):
    """The half of a `Target` that knows what was applied: its order, and what nobody has heard of yet."""

    __slots__ = ("_callers", "_codec", "_is_signing", "_outcomes", "appends", "order", "place", "share")

    def __init__(self, name: str, codec: Codec, order: Order | None) -> None:
        super().__init__(name, codec)
        self._codec = codec
        self._outcomes: list[Outcome] = []
        self._callers: dict[int, Caller] = {}  # who waits for what was applied under a seq, until that is confirmed
        self.share: tuple[str, ...] = ()
        """What subscribers are told of each message besides: some of `nuphar.actors.words.meta.SHARED`."""
        self._use(order)

    def _use(self, order: Order | None) -> None:
        self.order = order
        self._is_signing = order is not None and (order.takes_meta or bool(self.share))
        self.place: Place = (self.name, "" if order is None else order.epoch)
        """Where its messages are applied: the target and its epoch; one object for all, as every answer has it."""
        self.appends: Appends | None = order.appends if isinstance(order, Tentative) else None
        """What waits for its log; None if its order is its log."""

    @property
    def is_waiting(self) -> bool:
        """Is something on its way to the log?"""
        return self.appends is not None and self.appends.is_waiting

    @property
    def has_unflushed(self) -> bool:
        """Was something applied since the last flush?"""
        return bool(self._outcomes)

    def flush(self) -> Effects:
        """Say who gets what of everything that was applied since the last flush."""
        outcomes = self._outcomes
        if not outcomes:
            return []
        self._outcomes = []
        if self.appends is not None:
            return self.appends.begin(outcomes)
        return self._send_one(outcomes) if len(outcomes) == 1 else self._send_all(outcomes)

    def settle(self, batch: int, outcome: LogOutcome, asking: int | None = None) -> Effects:
        """Take what the log says of ``batch``: send what it has, refuse what it has not, or ask it again.

        ``asking`` is the number of the question, None for the newest: to an older one only what is certain counts.
        """
        appends, order = self.appends, self.order
        if appends is None or not isinstance(order, Tentative) or not appends.is_of(batch):
            return []  # an answer that came too late
        seq = appends.confirmed(outcome)
        if seq is None:
            return appends.again() if asking in (None, appends.patience.asking) else []
        order.settle(seq, self._codec.decode_message)
        self._accept(seq)
        outcomes, after = appends.end()
        kept = [each for each in outcomes if each.seq <= seq]
        effects: Effects = self._send_all(kept) if kept else []
        if len(kept) == len(outcomes):
            return effects + after
        refused = Refused("busy", f"its log did not take it: {outcome.text if isinstance(outcome, Failed) else ''}")
        effects += _refusals(outcomes[len(kept) :], refused, after, refused, self._callers)
        return effects + appends.refuse_held(refused)

    def _accept(self, seq: int) -> None:
        """Answer those whose messages are confirmed."""
        callers = self._callers
        while callers and (first := next(iter(callers))) <= seq:
            callers.pop(first).accept(first)

    def give_up(self) -> Effects:
        """Stop without the log's word: nobody can say what became of the batch, and the order goes back before it."""
        appends, order = self.appends, self.order
        assert appends is not None  # something is on its way
        assert isinstance(order, Tentative)
        order.settle(appends.first_seq - 1, self._codec.decode_message)
        outcomes, after = appends.give_up()
        unknown = Refused("unknown_outcome", "its log has not answered before the target had to stop")
        return _refusals(outcomes, unknown, after, Refused("gone", "it has stopped"), self._callers)

    def _send_all(self, outcomes: list[Outcome]) -> Effects:
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
                    _, ref, seq, payload = outcome
                    extra = None if type(payload) is bytes else extras_of((payload,))
                    pieces[places[0]] = encoding.acknowledge(self.name, seq, (ref,), False, extra)
                    effects.append(_send(((author,), encoding.join(pieces), encoding, droppable)))
                    pieces[places[0]] = replaced
                elif own := with_acknowledges(encoding, self.name, outcomes, pieces, places):
                    effects.append(_send(((author,), encoding.join(own), encoding, droppable)))
        if self._laned:
            effects += self._lanes.give(outcomes)
        return effects

    def _send_one(self, outcomes: list[Outcome]) -> Effects:
        """The same for a message that came alone: nothing has to be grouped."""
        author, ref, seq, payload = outcome = outcomes[0]
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
                extra = None if type(payload) is bytes else extras_of((payload,))
                own = encoding.acknowledge(self.name, seq, (ref,), False, extra)
                effects.append(_send(((author,), encoding.join((own,)), encoding, None)))
        if self._laned:
            effects += self._lanes.give(outcomes)
        return effects

    def visits(self, subscriber: Subscriber | None = None) -> Effects:
        """Flush, then look after ``subscriber``, or everybody, for whom something waits."""
        effects = self.flush()
        if self.is_waiting:
            return effects  # they may need a Snapshot
        for each, lane in self._laned.items():
            if not lane.is_empty and (subscriber is None or each is subscriber):
                effects.append(Visit(each, lane))
        return effects


def _refusals(
    outcomes: list[Outcome], refused: Refused, after: list[Crash], instead: Refused, callers: dict[int, Caller]
) -> Effects:
    """Refuse ``outcomes``, and ``after``, what rests on them, which was not applied in any case."""
    behind: Effects = [Crash(author, ref, refused, callers.get(seq)) for author, ref, seq, _ in outcomes]
    callers.clear()
    return behind + [crash._replace(error=instead) for crash in after]
