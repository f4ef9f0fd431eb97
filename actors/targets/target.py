"""One target: an order, who is subscribed, and what the present drain has produced. Pure.

A `Target` is what survives its actor: a successor opens it and goes on. It decides, and returns `Send`s and
`Crash`es for the actor to perform.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..words.delivery import ALL, Rule, less
from ..words.errors import Refused
from ..words.meta import Meta, signed
from ..words.ports import Codec, Encoding
from .carrying import Allowance, Carrying, Unwritable
from .catch_up import CatchUp
from .effects import Crash, Effects, Pay, Send, Visit
from .flushing import Flushing
from .lane import Debt, Due, Lane, Outcome
from .order import Order
from .outcomes import piece
from .subscriber import Caller, Subscriber

_NOTHING: Effects = []  # for a message that only the next flush makes visible; nobody adds to it

_outcome = partial(tuple.__new__, Outcome)  # takes a third of the time of Outcome(...)


class Target(Flushing):
    """The state of one target, plainly mutable for speed; every method leaves it whole.

    ``wall`` gives the seconds since the epoch, with which messages are dated.
    """

    __slots__ = ("_carrying", "_catch_up", "_wall", "rule", "settled")

    def __init__(
        self,
        name: str,
        codec: Codec,
        order: Order | None = None,
        allowance: Allowance | None = None,
        wall: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__(name, codec, order)
        self._wall = wall
        self.rule: Rule = ALL
        """What subscribers get who do not wish for less."""
        self.settled: Any = None
        """The message that was applied last, so that a successor does not apply it again."""
        self._carrying = Carrying(codec.encode_model, codec.is_trouble, allowance)
        self._catch_up = CatchUp(name, codec)

    @property
    def seq(self) -> int:
        return 0 if self.order is None else self.order.position.seq

    def post(
        self, author: Subscriber | None, ref: int, message: Any, payload: bytes, caller: Caller | None = None
    ) -> Effects:
        """Apply a message of ``author``; the outcome is sent by the next `flush`.

        One of the server's own may have a ``caller``, which waits for its seq.
        """
        if self.order is None:
            self._outcomes.append(_outcome((author, ref, 0, payload)))
            return _NOTHING
        if self._is_signing:
            payload = self._sign(author, payload)
        try:
            seq = self.order.apply(message, payload, self._carrying)
        except Refused as refused:
            return self._crash(Crash(author, ref, refused, caller))  # it said no before it changed anything
        except Exception as error:
            if not isinstance(error, Unwritable) or error.in_place:
                self.order.rebuild(self._codec.decode_message, self._carrying)
            return self._crash(Crash(author, ref, error, caller))
        if caller is not None:
            self._callers[seq] = caller
            if self.appends is None:
                self._accept(seq)
        self._outcomes.append(_outcome((author, ref, seq, payload)))
        return _NOTHING

    def _sign(self, author: Subscriber | None, payload: bytes) -> bytes:
        """Say once, for the update, the log and everybody who is told, who has written a message and when."""
        user, client_id = (None, None) if author is None else (author.user, author.client_id)
        return signed(payload, Meta(user, client_id, self._wall(), self.seq + 1), self.share)

    def _crash(self, crash: Crash) -> Effects:
        """Tell it behind what was applied before; with a log, when that is known to have happened."""
        effects = self.flush()
        if self.appends is not None and self.appends.is_waiting:
            self.appends.defer(crash)
            return effects
        return [*effects, crash]

    def push(self, payload: bytes, exclude: Subscriber | None = None) -> Effects:
        """Send ``payload`` outside the order to everybody but ``exclude``."""
        effects = self.flush()
        for encoding, group in self._groups.items():
            others = [subscriber for subscriber in group if subscriber is not exclude]
            effects.append(Send(others, encoding.join([encoding.push(self.name, payload)]), encoding))
        if self._laned:
            effects += self._lanes.give([Outcome(None, 0, 0, payload)], exclude)
        return effects

    def join(
        self,
        subscriber: Subscriber,
        ref: int | None,
        since: tuple[str, int] | None,
        wish: Rule | None = None,
        replaces: Subscriber | None = None,
        now: float = 0.0,
    ) -> Effects:
        """Subscribe: `Pay` what was missed or a Snapshot, and the Acknowledge of ``ref`` (None wants none). Idempotent.

        If it has that to come already, or its `Pace` does not allow it ``now`` (monotonic seconds), it is owed. A
        Subscribe brings the delivery rule that he wishes for; a Resync (``ref`` None) leaves his rule as it is. One
        that ``replaces`` its predecessor takes it out, and gets Acknowledges for its own messages among the missed.
        Raises: what the serialiser raises for a model that it cannot write; then nothing has changed.
        """
        encoding = subscriber.encoding
        own = self._own(subscriber, since[1]) if replaces is not None and since is not None else {}
        debt = Debt(since, own, () if ref is None else ((ref, self.seq),))
        until = self._until(subscriber, since, now)
        pieces = self._catch_up.write(encoding, self.order, debt) if until is None else []
        effects = self.flush()
        left, refs = ([], ()) if (lane := self._laned.get(subscriber)) is None else lane.settle()
        if replaces is not None:
            lane = self._detach(replaces)
            effects += self._admit(subscriber, less(self.rule, wish) if lane is None else lane.rule)
        elif ref is not None or subscriber not in self.members:
            effects += self._admit(subscriber, less(self.rule, wish))
        if refs:  # of a Join before
            debt = debt._replace(refs=(*refs, *debt.refs))
        if until is not None:
            return effects + self.put_off(subscriber, until, debt, left)
        if left or refs:  # of what it missed since, too
            pieces = self._catch_up.write(encoding, self.order, debt, left)
        if pieces:
            subscriber.pace.book(now, sum(map(len, pieces)))
            effects.append(Pay(subscriber, encoding.join(pieces), debt, left))
        return effects

    def _until(self, subscriber: Subscriber, since: tuple[str, int] | None, now: float) -> float | None:
        """Return until when a Join is owed; None if it is paid now."""
        lane, pace = self._laned.get(subscriber), subscriber.pace
        if lane is not None and lane.owes:
            return lane.next_at  # it is one debt with that, and counted already
        if self.order is None or pace.is_free(now):
            return None
        return pace.book(now, self._catch_up.guess(self.order, since))

    def leave(self, subscriber: Subscriber, ref: int | None) -> Effects:
        """Unsubscribe, with an Acknowledge of ``ref`` unless it is None."""
        effects = self.flush()
        encoding = subscriber.encoding
        if (lane := self._detach(subscriber)) is not None:
            effects += self._lanes.end(subscriber, lane, self._late, pushes_too=False)
        if ref is not None:
            answer = encoding.acknowledge(self.name, self.seq, [ref], False)
            effects.append(Send((subscriber,), encoding.join([answer]), encoding))
        return effects

    def use(self, order: Order) -> Effects:
        """Give an ephemeral target an order; whoever is subscribed gets a Snapshot of it."""
        effects = self.flush()
        self._use(order)
        for encoding, group in self._groups.items():
            snapshot = self._catch_up.snapshot(encoding, order, "restarted")
            effects.append(Send(list(group), encoding.join(snapshot), encoding, ()))
        for subscriber, lane in self._laned.items():
            lane.miss("restarted")
            effects.append(Visit(subscriber, lane))
        return effects

    def stop(self, final: bool) -> Effects:
        """End: each subscriber gets one final Acknowledge (if ``final``) and is gone."""
        effects = self.flush()
        for encoding, group in self._groups.items():
            if final:
                last = encoding.acknowledge(self.name, self.seq, [], True)
                effects.append(Send(list(group), encoding.join([last]), encoding))
        for subscriber, lane in self._laned.items():
            effects += self._lanes.end(subscriber, lane, self._late, pushes_too=True)
            if final:
                encoding = subscriber.encoding
                last = encoding.acknowledge(self.name, self.seq, [], True)
                effects.append(Send((subscriber,), encoding.join([last]), encoding))
        self._clear()
        return effects

    def visit(self, subscriber: Subscriber, lane: Lane, now: float, has_room: bool) -> Any:
        """Return what ``subscriber`` gets at ``now`` (seconds), joined; None for nothing.

        Raises: what the serialiser raises for a model that it cannot write.
        """
        due = lane.take(now, has_room)
        try:
            joined = None if due is None else self._write(subscriber, due)
        except Exception:
            if due is not None:
                lane.give_back(due)
            raise
        self._leave_lane(subscriber, lane)
        return joined

    def _write(self, subscriber: Subscriber, due: Due) -> Any:
        encoding = subscriber.encoding
        if due.debt is None:
            return self._lanes.write(subscriber, due, self._late)
        pieces = self._catch_up.write(encoding, self.order, due.debt, due.outcomes)
        return encoding.join(pieces + [piece(encoding, self.name, outcome) for outcome in due.pushes])

    def _own(self, subscriber: Subscriber, after: int) -> dict[int, int]:
        """Return the refs of its own messages after a seq, by seq; also of those not flushed yet."""
        own = subscriber.answers.own(self.place, after)
        for author, ref, seq, _ in self._outcomes:
            if ref and author.answers is subscriber.answers:
                own[seq] = ref
        return own

    def _late(self, encoding: Encoding, reason: str) -> list[bytes]:
        assert self.order is not None  # nothing of a target without an order is missed
        return self._catch_up.late(encoding, self.order, reason)
