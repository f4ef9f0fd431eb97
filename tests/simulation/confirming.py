"""A log that is slow, fails, loses answers or gives none, and what must hold then.

Nobody hears of what it has not confirmed, and nobody is told no of what it may have; nobody waits for it for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nuphar.actors.runtime.ref import Stop
from nuphar.actors.targets.appends import Appends
from nuphar.actors.targets.effects import Crash
from nuphar.actors.targets.flushing import Flushing
from nuphar.actors.targets.log import Appended, AppendOutcome, Failed, Record, Unknown
from nuphar.actors.targets.patience import STOP
from nuphar.actors.targets.performing import Performing
from nuphar.actors.targets.tentative import Tentative
from nuphar.actors.targets.waiting import WaitsForLog
from nuphar.testing.logs import Fate, ScriptedLog
from nuphar.transport.server.framing import CborFraming

if TYPE_CHECKING:
    from .world import World

FAILS = (Fate.FAILED, Fate.HALF)
LOSES = (Fate.LOST, Fate.DROPPED, Fate.HALF_LOST)
SAYS_NOTHING = (Fate.SILENT, Fate.SILENT_DROPPED)

Answer = Callable[[AppendOutcome], object]


class ConfirmingLog(ScriptedLog):
    """Draws the fate of each batch, and tells the oracle what it has confirmed."""

    def __init__(self, world: World) -> None:
        super().__init__(self._fates(), delay=lambda: self._slowness(), history=world.plan.options["history"],
                         host=world.hub)  # fmt: skip
        self._world = world
        self._cut_until = 0.0

    def cut_off(self, seconds: float) -> None:
        """Answer nothing for so long: whoever stops meanwhile has to do it without its log's word."""
        self._cut_until = self._world.hub.now + seconds

    @property
    def _is_cut_off(self) -> bool:
        return not self._world.is_calm and self._world.hub.now < self._cut_until

    def open(self, target: str, store: Any, level: str = "accepted") -> Any:
        order = super().open(target, store, level)
        self._world.oracle.begun(order)
        self._world.oracle.references[order.epoch].confirmed = 0
        return order

    def append(self, target: str, epoch: str, records: Sequence[Record], level: str, answer: Answer) -> None:
        super().append(target, epoch, records, level, self._heard(epoch, answer))

    def look_up(self, target: str, epoch: str, records: Sequence[Record], answer: Answer) -> None:
        world = self._world
        assert world.plan.log is not None
        self.deaf = int(not world.is_calm and world.chance() < world.plan.log.lose)
        self.mute = int(self._is_cut_off or (not world.is_calm and world.chance() < world.plan.log.silent))
        super().look_up(target, epoch, records, self._heard(epoch, answer))

    def _heard(self, epoch: str, answer: Answer) -> Answer:
        oracle = self._world.oracle
        reference = oracle.references[epoch]

        def heard(outcome: AppendOutcome) -> None:
            match outcome:
                case Appended(seq):
                    reference.confirm(seq)
                case Failed(seq):
                    reference.confirm(seq - 1)
                    reference.failed = seq
                    oracle.seen["a log that fails"] += 1
                case Unknown():
                    oracle.seen["a log that does not know"] += 1
            answer(outcome)

        return heard

    def _slowness(self) -> float:
        assert self._world.plan.log is not None
        return 0.001 if self._world.is_calm else self._world.plan.log.delay * self._world.chance()

    def _fates(self) -> Iterator[Fate]:
        world = self._world
        plan = world.plan.log
        assert plan is not None
        while True:
            drawn = world.chance()
            if self._is_cut_off:
                yield world.rng.choice(SAYS_NOTHING)
            elif world.is_calm or drawn >= plan.fail + plan.lose + plan.silent:
                yield Fate.TAKEN
            elif drawn < plan.fail:
                yield world.rng.choice(FAILS)
            else:
                yield world.rng.choice(LOSES if drawn < plan.fail + plan.lose else SAYS_NOTHING)


@contextmanager
def confirmed(world: World) -> Iterator[None]:
    """See that no frame tells of what its log has not confirmed, and let the oracle forget what has failed."""
    if world.plan.log is None:
        yield
        return
    oracle = world.oracle
    acknowledge, message, snapshot = CborFraming.acknowledge, CborFraming.server_message, CborFraming.snapshot
    settle, hold, overdue, give_up = Tentative.settle, Appends.hold, Appends.overdue, Flushing.give_up
    wait, tell = WaitsForLog._hold, Performing._tell

    def check(what: str, target: str, epoch: str, seq: int) -> None:
        reference = oracle.references.get(epoch)
        if reference is not None and reference.confirmed is not None and seq > reference.confirmed:
            oracle.fail(f"{what} of {target} tells of {seq}, and its log has confirmed {reference.confirmed}")

    def epoch_of(target: str) -> str:
        topic = world.site.topic(target.removeprefix("topic:"))
        order = None if topic is None else topic.target.order
        return "" if order is None else order.epoch

    def acknowledged(self: Any, target: str, seq: int, refs: Any, final: bool, extra: Any = None) -> Any:
        check("an Acknowledge", target, epoch_of(target), seq)
        return acknowledge(self, target, seq, refs, final, extra)

    def said(self: Any, target: str, seq: int, payload: bytes, extra: Any = None) -> Any:
        check("a ServerMessage", target, epoch_of(target), seq)
        return message(self, target, seq, payload, extra)

    def shown(self: Any, target: str, epoch: str, seq: int, state: bytes, reason: str) -> Any:
        check("a Snapshot", target, epoch, seq)
        return snapshot(self, target, epoch, seq, state, reason)

    def settled(self: Tentative, seq: int, decode_message: Any) -> None:
        reference = oracle.references[self.epoch]
        reference.settle_now()  # before it may go back: then nobody could say any more what was taken
        with reference.repeated():
            settle(self, seq, decode_message)
        reference.go_back(seq)

    def held(self: Appends, what: Any) -> bool:
        oracle.seen["a message waits for the log"] += 1
        return hold(self, what)

    def late(self: Appends) -> Any:
        effects = overdue(self)
        oracle.seen["a log that is stuck" if self.patience.is_stuck else "a log that does not answer"] += 1
        return effects

    def given_up(self: Flushing) -> Any:
        oracle.seen["a stop that its log does not answer"] += 1
        assert self.appends is not None
        batch = {(outcome.author, outcome.ref) for outcome in self.appends._outcomes if outcome.author is not None}
        effects = give_up(self)
        told = {effect.error.code for effect in effects if (effect.author, effect.ref) in batch}
        if told - {"unknown_outcome"}:
            oracle.fail(f"{self.name} stops and says {told} of what its log may have")
        return effects

    def waited(self: WaitsForLog, message: Any) -> None:
        wait(self, message)
        appends, hub = self._target.appends, world.hub
        if isinstance(message, Stop) and appends is not None:
            hub.call_at(hub.now + STOP + 0.5, lambda: check_stop(self, message))

    def check_stop(actor: WaitsForLog, stop: Stop) -> None:
        appends = actor._target.appends
        if actor.ref.is_alive() and actor.mailbox.owner is actor and appends is not None and stop in appends._held:
            oracle.fail(f"a stop of {actor._target.name} still waits for its log")

    def told(self: Performing, crash: Crash) -> None:
        if self._target.is_waiting and getattr(crash.error, "code", "") != "busy":
            oracle.fail(f"{crash} is told, and it is not known yet whether what it rests on has happened")
        tell(self, crash)

    places: list[tuple[Any, str, Any, Any]] = [
        (CborFraming, "acknowledge", acknowledge, acknowledged),
        (CborFraming, "server_message", message, said),
        (CborFraming, "snapshot", snapshot, shown),
        (Tentative, "settle", settle, settled),
        (Appends, "hold", hold, held),
        (Appends, "overdue", overdue, late),
        (Flushing, "give_up", give_up, given_up),
        (WaitsForLog, "_hold", wait, waited),
        (Performing, "_tell", tell, told),
    ]
    try:
        for kind, name, _, watching in places:
            setattr(kind, name, watching)
        yield
    finally:
        for kind, name, method, _ in places:
            setattr(kind, name, method)
