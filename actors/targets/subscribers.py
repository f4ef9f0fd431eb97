"""Who is subscribed to one target: groups of those who keep up, by encoding, and a lane for everybody else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..words.delivery import ALL, All, Rule
from ..words.ports import Codec, Encoding
from .effects import Effects, Send, Visit
from .lane import Debt, Lane, Outcome
from .lanes import Lanes
from .outcomes import piece
from .subscriber import Subscriber


class Subscribers:
    """The half of a `Target` that knows them; each is in a group or has a lane."""

    __slots__ = ("_groups", "_laned", "_lanes", "members", "name")

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self.members: set[Any] = set()
        """Who is subscribed."""
        self._groups: dict[Encoding, dict[Any, None]] = {}
        self._lanes = Lanes(name, codec)
        self._laned = self._lanes.of  # those with a rule of their own, or behind: they are in no group

    @property
    def subscribers(self) -> list[Any]:
        """Everybody who is subscribed."""
        return [subscriber for group in self._groups.values() for subscriber in group] + list(self._laned)

    def attach(self, subscriber: Subscriber) -> None:
        """Subscribe without a frame."""
        self.members.add(subscriber)
        self._groups.setdefault(subscriber.encoding, {})[subscriber] = None

    def fall_behind(self, subscriber: Subscriber, outcomes: Sequence[Outcome]) -> None:
        """Note that ``subscriber`` could not take ``outcomes``: it gets a Snapshot when it can."""
        lane = self._laned.get(subscriber)
        if lane is None and subscriber in self.members:
            self._leave_group(subscriber)
            lane = self._laned[subscriber] = Lane(ALL, subscriber)
        if lane is not None:
            lane.miss("slow", outcomes)

    def owe(self, subscriber: Subscriber, debt: Debt, own: Sequence[Outcome]) -> None:
        """Note that ``subscriber`` could not take what its Join brings: it gets that when it can."""
        self.fall_behind(subscriber, ())
        self._laned[subscriber].owe(debt, own)

    def put_off(self, subscriber: Subscriber, until: float, debt: Debt, own: Sequence[Outcome]) -> Effects:
        """Owe likewise, and pay not before a time."""
        self.owe(subscriber, debt, own)
        lane = self._laned[subscriber]
        lane.next_at = max(lane.next_at, until)
        return [Visit(subscriber, lane)]

    def answer_later(self, subscriber: Subscriber, ref: int, seq: int) -> bool:
        """Answer a repeated ref behind what is owed to ``subscriber``; False if nothing is owed by a Join."""
        lane = self._laned.get(subscriber)
        return lane is not None and lane.answer_later(ref, seq)

    def _leave_lane(self, subscriber: Subscriber, lane: Lane) -> None:
        """Put who has caught up among the others again."""
        if isinstance(lane.rule, All) and lane.is_empty and self._laned.get(subscriber) is lane:
            del self._laned[subscriber]
            self.attach(subscriber)

    def _admit(self, subscriber: Subscriber, rule: Rule) -> Effects:
        """Subscribe with ``rule``; give it the pushes that are left over of the rule that it had."""
        lane, encoding = self._laned.get(subscriber), subscriber.encoding
        left: Effects = []
        if isinstance(rule, All):
            if lane is not None:
                del self._laned[subscriber]
                if pushes := [piece(encoding, self.name, outcome) for outcome in lane.end().pushes]:
                    left.append(Send((subscriber,), encoding.join(pushes), encoding))
            self.attach(subscriber)
        elif lane is None:
            self._leave_group(subscriber)
            self.members.add(subscriber)
            self._laned[subscriber] = Lane(rule, subscriber)
        else:
            lane.rule = rule
        return left

    def _leave_group(self, subscriber: Subscriber) -> None:
        group = self._groups.get(subscriber.encoding, {})
        group.pop(subscriber, None)
        if not group:
            self._groups.pop(subscriber.encoding, None)

    def _detach(self, subscriber: Subscriber) -> Lane | None:
        self.members.discard(subscriber)
        self._leave_group(subscriber)
        return self._laned.pop(subscriber, None)

    def _clear(self) -> None:
        self.members.clear()
        self._groups.clear()
        self._laned.clear()
