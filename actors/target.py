"""One target: an order, who is subscribed, and what the present drain has produced. Pure.

A `Target` is what survives its actor: a successor opens it and goes on. It decides, and returns `Send`s and
`Crash`es for the actor to perform. Everything that one drain of the mailbox applies is collected, encoded once for
each encoding, joined once, and handed to all subscribers as the same object; an author gets Acknowledges in the
places of his own messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from .answers import Answers, Place
from .errors import Refused
from .order import Order
from .ports import Codec, Encoding


class Subscriber(Protocol):
    """Whoever is subscribed: all that a target needs to know of a session."""

    @property
    def encoding(self) -> Encoding: ...

    @property
    def answers(self) -> Answers: ...


class Send(NamedTuple):
    """Hand ``joined`` to each of ``subscribers``, which all have this ``encoding``."""

    subscribers: Sequence[Any]
    joined: Any
    encoding: Encoding


class Crash(NamedTuple):
    """A store's ``update`` raised ``error`` on the message with ``ref``; author None is the server."""

    author: Any
    ref: int
    error: Exception


Effects = list[Send | Crash]

_NOTHING: Effects = []  # for a message that only the next flush makes visible; nobody adds to it


class Outcome(NamedTuple):
    """One applied message: who wrote it (None: the server), its ref, its seq (0: outside any order) and its payload."""

    author: Any
    ref: int
    seq: int
    payload: bytes


_send = partial(tuple.__new__, Send)  # takes a third of the time of Send(...)
_outcome = partial(tuple.__new__, Outcome)


class Target:
    """The state of one target, plainly mutable for speed; every method leaves it whole."""

    def __init__(self, name: str, codec: Codec, order: Order | None = None) -> None:
        self.name = name
        self.order = order
        self.settled: Any = None
        """The message that was applied last, so that a successor does not apply it again."""
        self._codec = codec
        self.members: set[Any] = set()
        """Who is subscribed; `attach`, `_detach` and `stop` keep it."""
        self._groups: dict[Encoding, dict[Any, None]] = {}
        self._outcomes: list[Outcome] = []
        self._state = (-1, b"")
        self._place: Place = (name, "")

    @property
    def seq(self) -> int:
        return 0 if self.order is None else self.order.position.seq

    @property
    def place(self) -> Place:
        """Where its messages are applied: the target and its epoch."""
        epoch = "" if self.order is None else self.order.epoch
        if self._place[1] != epoch:
            self._place = (self.name, epoch)  # one object for all, as every answer has it
        return self._place

    @property
    def subscribers(self) -> list[Any]:
        """Everybody who is subscribed."""
        return [subscriber for group in self._groups.values() for subscriber in group]

    def post(self, author: Subscriber | None, ref: int, message: Any, payload: bytes) -> Effects:
        """Apply a message of ``author``; the outcome is sent by the next `flush`."""
        if self.order is None:
            self._outcomes.append(_outcome((author, ref, 0, payload)))
            return _NOTHING
        try:
            seq = self.order.apply(message, payload)
        except Refused as refused:
            return [*self.flush(), Crash(author, ref, refused)]  # it said no before it changed anything
        except Exception as error:
            self.order.rebuild(self._codec.decode_message)
            return [*self.flush(), Crash(author, ref, error)]
        self._outcomes.append(_outcome((author, ref, seq, payload)))
        return _NOTHING

    def push(self, payload: bytes, exclude: Subscriber | None = None) -> Effects:
        """Send ``payload`` outside the order to everybody but ``exclude``."""
        effects = self.flush()
        for encoding, group in self._groups.items():
            others = [subscriber for subscriber in group if subscriber is not exclude]
            effects.append(Send(others, encoding.join([encoding.push(self.name, payload)]), encoding))
        return effects

    def attach(self, subscriber: Subscriber) -> None:
        """Subscribe without a frame."""
        self.members.add(subscriber)
        self._groups.setdefault(subscriber.encoding, {})[subscriber] = None

    def join(
        self,
        subscriber: Subscriber,
        ref: int | None,
        since: tuple[str, int] | None,
        replaces: Subscriber | None = None,
    ) -> Effects:
        """Subscribe: what was missed or a Snapshot, then the Acknowledge of ``ref`` (None wants none). Idempotent.

        One that ``replaces`` its predecessor takes it out, and gets Acknowledges for its own messages among the missed.
        Raises: what the serialiser raises for a model that it cannot write; then nobody was subscribed.
        """
        effects = self.flush()
        encoding = subscriber.encoding
        own = subscriber.answers.own(self.place, since[1]) if replaces is not None and since is not None else {}
        pieces = self._catch_up(encoding, since, own)
        if ref is not None:
            pieces.append(encoding.acknowledge(self.name, self.seq, [ref], False))
        if replaces is not None:
            self._detach(replaces)
        self.attach(subscriber)
        if pieces:
            effects.append(Send((subscriber,), encoding.join(pieces), encoding))
        return effects

    def leave(self, subscriber: Subscriber, ref: int | None) -> Effects:
        """Unsubscribe, with an Acknowledge of ``ref`` unless it is None."""
        effects = self.flush()
        encoding = subscriber.encoding
        self._detach(subscriber)
        if ref is not None:
            piece = encoding.acknowledge(self.name, self.seq, [ref], False)
            effects.append(Send((subscriber,), encoding.join([piece]), encoding))
        return effects

    def use(self, order: Order) -> Effects:
        """Give an ephemeral target an order; whoever is subscribed gets a Snapshot of it."""
        effects = self.flush()
        self.order = order
        for encoding, group in self._groups.items():
            effects.append(Send(list(group), encoding.join([self._snapshot(encoding, "restarted")]), encoding))
        return effects

    def stop(self, final: bool) -> Effects:
        """End: each subscriber gets one final Acknowledge (if ``final``) and is gone."""
        effects = self.flush()
        for encoding, group in self._groups.items():
            if final:
                piece = encoding.acknowledge(self.name, self.seq, [], True)
                effects.append(Send(list(group), encoding.join([piece]), encoding))
        self.members.clear()
        self._groups.clear()
        return effects

    def flush(self) -> Effects:
        """Say who gets what of everything that was applied since the last flush."""
        outcomes = self._outcomes
        if not outcomes:
            return []
        self._outcomes = []
        if len(outcomes) == 1:
            return self._flush_one(outcomes[0])
        authors: dict[Any, list[int]] = {}
        for at, outcome in enumerate(outcomes):
            if outcome.author is not None:
                authors.setdefault(outcome.author, []).append(at)
        place = self.place
        for author, places in authors.items():
            author.answers.settle_all(place, outcomes, places)
        effects: Effects = []
        for encoding, group in self._groups.items():
            here = [author for author in authors if author in group]
            if len(group) == len(here) == 1 and len(authors[here[0]]) == len(outcomes):
                # Alone: nobody else needs the messages, so they are not even encoded.
                effects.append(Send(here, encoding.join(self._acknowledges(encoding, outcomes)), encoding))
                continue
            pieces = [self._piece(encoding, outcome) for outcome in outcomes]
            if len(here) < len(group):
                others = [subscriber for subscriber in group if subscriber not in authors] if here else list(group)
                effects.append(Send(others, encoding.join(pieces), encoding))
            for author in here:
                places = authors[author]
                outcome = outcomes[places[0]]
                if len(places) == 1 and outcome.seq:
                    # By far the most: put it in its place, join, and take it out again, instead of copying the list.
                    piece = pieces[places[0]]
                    pieces[places[0]] = encoding.acknowledge(self.name, outcome.seq, (outcome.ref,), False)
                    effects.append(_send(((author,), encoding.join(pieces), encoding)))
                    pieces[places[0]] = piece
                elif own := self._with_acknowledges(encoding, outcomes, pieces, places):
                    effects.append(_send(((author,), encoding.join(own), encoding)))
        return effects

    def _flush_one(self, outcome: Outcome) -> Effects:
        """The same for a message that came alone: nothing has to be grouped."""
        author, ref, seq, _ = outcome
        if ref:
            author.answers.settle(ref, self.place, seq)
        effects: Effects = []
        for encoding, group in self._groups.items():
            is_here = author in group
            if len(group) > is_here:
                others = [subscriber for subscriber in group if subscriber is not author]
                effects.append(_send((others, encoding.join((self._piece(encoding, outcome),)), encoding)))
            if is_here and (ref or seq):
                own = encoding.acknowledge(self.name, seq, (ref,), False)
                effects.append(_send(((author,), encoding.join((own,)), encoding)))
        return effects

    def _piece(self, encoding: Encoding, outcome: Outcome) -> bytes:
        if outcome.seq:
            return encoding.server_message(self.name, outcome.seq, outcome.payload)
        return encoding.push(self.name, outcome.payload)

    def _with_acknowledges(
        self, encoding: Encoding, outcomes: Sequence[Outcome], pieces: list[bytes], own: Iterable[int]
    ) -> list[bytes]:
        """Put Acknowledges in the places ``own``; neighbours share one, as it stands for k seqs in a row."""
        mixed: list[bytes] = []
        run: list[Outcome] = []
        at = 0
        for place in own:
            if run and place != at:
                mixed += self._acknowledges(encoding, run)
                run = []
            mixed += pieces[at:place]
            run.append(outcomes[place])
            at = place + 1
        mixed += self._acknowledges(encoding, run)
        mixed += pieces[at:]
        return mixed

    def _acknowledges(self, encoding: Encoding, run: Sequence[Outcome]) -> list[bytes]:
        # Outside an order a ref of 0 wants no answer; inside one it holds its place, so that the seqs have no gap.
        refs = [outcome.ref for outcome in run if outcome.ref or outcome.seq]
        return [encoding.acknowledge(self.name, run[-1].seq, refs, False)] if refs else []

    def _detach(self, subscriber: Subscriber) -> None:
        self.members.discard(subscriber)
        group = self._groups.get(subscriber.encoding, {})
        group.pop(subscriber, None)
        if not group:
            self._groups.pop(subscriber.encoding, None)

    def _catch_up(self, encoding: Encoding, since: tuple[str, int] | None, own: dict[int, int]) -> list[bytes]:
        order = self.order
        if order is None:
            return []
        if since is None:
            return [self._snapshot(encoding, "subscribed")]
        missed = order.missed(*since)
        if missed is None:
            if since[0] != order.epoch:
                return [self._snapshot(encoding, "restarted")]
            return [*self._own_acknowledges(encoding, own), self._snapshot(encoding, "behind")]
        if not own:
            return [encoding.server_message(self.name, seq, payload) for seq, payload in missed]
        return [
            encoding.acknowledge(self.name, seq, [own[seq]], False)
            if seq in own
            else encoding.server_message(self.name, seq, payload)
            for seq, payload in missed
        ]

    def _own_acknowledges(self, encoding: Encoding, own: dict[int, int]) -> list[bytes]:
        return [encoding.acknowledge(self.name, seq, [own[seq]], False) for seq in sorted(own)]

    def _snapshot(self, encoding: Encoding, reason: str) -> bytes:
        assert self.order is not None
        model, seq = self.order.position
        if self._state[0] != seq:
            # Once for all who join at the same seq.
            self._state = (seq, self._codec.encode_model(model))
        return encoding.snapshot(self.name, self.order.epoch, seq, self._state[1], reason)
