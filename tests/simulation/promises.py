"""What was promised to one client, beyond that its replicas are right: sessions that last, answers that fit, order."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Any

from nuphar.actors.words.delivery import ALL, All
from nuphar.transport import decode
from nuphar.transport.client.core.events import Answered, Welcomed
from nuphar.transport.wire.frames import Acknowledge, Out, Resync, ServerMessage, Snapshot

from .site import PLAIN, ROOMS

if TYPE_CHECKING:
    from .client import Client

OUT_PATIENCE = 30.0
"""Seconds within which an Out comes that waits for a topic's log."""

ACKNOWLEDGE, SERVER_MESSAGE, SNAPSHOT, OUT = 0x11, 0x13, 0x15, 0x1B


class Promises:
    """Looks on at one client, and fails the run when a promise is broken."""

    def __init__(self, client: Client) -> None:
        self.nonsense: set[tuple[int, str]] = set()
        """Refs with targets that they were not sent to."""
        self.missed_frames = False
        """Whether a frame was taken from it: then the server cannot know how far it is."""
        self._client = client
        self._oracle = client.world.oracle
        self._places: dict[Any, list[tuple[int, int]]] = {}
        self._targets: dict[int, str] = {}
        self._strayed: set[str] = set()
        self._expected: set[int] = set()
        self._resumed: set[str] = set()
        self._since = 0.0
        """When it heard its last Welcome, and sent again what had no answer."""
        self._ask = client.core.replicas._ask
        client.core.replicas._ask = self._asked_again

    def _fail(self, text: str) -> None:
        self._oracle.fail(f"{self._client.name}: {text}")

    # What the program does.

    def dispatched(self, target: str, message: int) -> None:
        """A message begins to wait for its answer."""
        if target in self._client.core.replicas and target not in self._strayed:
            self._expected.add(message)

    def strayed(self, target: str | None) -> None:
        """It has left a target, or was taken out: what it sends there may be refused from now on."""
        if target is not None:
            self._strayed.add(target)

    def knows(self, ref: int) -> bool:
        """Say whether a message of this session had a ref as high as this, and an answer."""
        return ref <= max(self._targets, default=0)

    # What it reads.

    def welcomed(self, event: Welcomed) -> None:
        """A session that is there is given back to who has its newest token."""
        client = self._client
        self._since = client.world.hub.now
        if event.resumed:
            self._resumed = set(client.core.replicas)
            return
        if any(replica.is_subscribed for replica in client.core.replicas.values()):
            self._fail("it believes that a fresh session is subscribed to something")
        self._resumed.clear()
        self._targets.clear()
        self.nonsense.clear()
        is_kept = client.tokens and client.world.site.server.sessions.book.get(client.tokens[-1][0]) is not None
        if is_kept and client.signing.must_be_resumed():
            self._fail("it comes back with its newest token, its session is there, and it gets a fresh one")

    def answered(self, event: Answered) -> None:
        """Answers say what is so, and messages are applied in the order in which they were said."""
        own, refused = event.own, event.refused
        if own.ref and not (refused is not None and refused.code == "unknown_outcome"):
            self._targets[own.ref] = own.target
        if refused is None:
            self._in_order(own)
        elif refused.code == "malformed":
            self._fail(f"message {own.message} for {own.target} is malformed: {refused.text}")
        elif refused.code == "not_subscribed":
            if self._client.naming.holds_back:
                pass  # that it was put out while it was away is the answer to what it keeps back
            elif (
                own.message in self._expected and self._must_be_in(own.target) and refused.text.startswith("subscribe")
            ):
                follows = f"follows {own.target} without a break"
                self._expect_out(own.target, f"message {own.message} is refused, and it {follows}: {refused.text}")
        elif refused.text.startswith("its target ended"):
            if self._is_kept_in() and not self._may_be_stopped(own.target):
                self._fail(f"message {own.message} for {own.target} waits for an answer that nobody gives")
        elif refused.code == "unknown_outcome" and "remember" in refused.text:
            sizes, newest = self._client.world.plan.sizes, self._client.core.requests.ref
            if sizes["in_flight"] < sizes["window"] or own.ref > newest - sizes["window"]:
                self._fail(f"the answer to ref {own.ref} is forgotten, and the newest is {newest}: {refused.text}")
        self._expected.discard(own.message)

    def _expect_out(self, target: str, fault: str) -> None:
        """See that an Out comes: it may wait for a topic's log. Who loses its line may lose it, too."""
        if self._client.world.plan.log is None:
            self._fail(fault)
        client, connection = self._client, self._client.core.exchange.connection

        def check() -> None:
            is_same = client.core.is_live and client.core.exchange.connection == connection
            if is_same and client in client.world.clients and target not in self._strayed:
                self._fail(fault)

        client.world.later(OUT_PATIENCE, check)

    def _must_be_in(self, target: str) -> bool:
        """Say whether nothing has happened that may have put it out, heard or not while connections broke."""
        ends = target == "session" or target.startswith("topic:eph")
        return not (ends or self._may_be_stopped(target) or target in self._strayed or target in self._client.evicted)

    def _may_be_stopped(self, target: str) -> bool:
        """Say whether it may be another one by now: the one before answers what it had while it stops."""
        return "stop_topic" in self._client.world.plan.weights and target != "topic:board"

    def _is_remembered(self, ref: int) -> bool:
        """Say whether a server has to know an own message for one, by its window of refs."""
        return ref > self._client.core.requests.ref - self._client.world.plan.sizes["window"]

    def _is_kept_in(self) -> bool:
        """Say whether no crash can have put it out: a Join may have been set aside, and that be lost with its line."""
        plan = self._client.world.plan
        return not plan.crash and not plan.pause_kill and "kill" not in plan.weights

    def _has_no_lane(self, target: str, replica: Any) -> bool:
        """Say whether its messages never wait by a rule: what a lane owes comes behind what somebody asked for."""
        rules = dict(zip(ROOMS, self._client.world.plan.rules, strict=True))
        return replica.params is None and isinstance(rules.get(target[len("topic:") :], ALL), All)

    def _in_order(self, own: Any) -> None:
        where = self._oracle.applied.get(own.message)
        if where is None:
            return
        reference, place = where
        places = self._places.setdefault(reference, [])
        insort(places, (own.number, place))
        at = places.index((own.number, place))
        if any(a[1] > b[1] for a, b in zip(places[max(0, at - 1) : at + 1], places[at : at + 2], strict=False)):
            self._fail(
                f"message {own.message} has overtaken another in {own.target}: {places[max(0, at - 1) : at + 2]}"
            )

    def hears(self, data: bytes, kind: int) -> None:
        """Take a frame before the client does."""
        if kind == SERVER_MESSAGE and not self.missed_frames and self._is_kept_in():
            frame = decode(data, PLAIN)
            assert isinstance(frame, ServerMessage)
            core, replica = self._client.core, self._client.core.replicas.get(frame.target)
            if replica is None or frame.payload not in self._client.open_messages or not self._must_be_in(frame.target):
                return
            if any(asked.target == frame.target for asked in core.requests.asked.values()):
                return  # a Subscribe that is said again is answered as any other
            own = next((own for own in replica.pending if own.message == frame.payload), None)
            is_known = own is not None and self._is_remembered(own.ref)
            is_new = is_known and own is not None and 0 < own.connection < core.exchange.connection
            if is_new and frame.seq > replica.seq and self._has_no_lane(frame.target, replica):
                self._fail(f"its own message {own.message} comes as somebody else's")
        elif kind == OUT:
            frame = decode(data, PLAIN)
            assert isinstance(frame, Out)
            self.strayed(frame.target)  # even if it asks again already, and so does not mind
        elif kind == ACKNOWLEDGE:
            frame = decode(data, PLAIN)
            assert isinstance(frame, Acknowledge)
            if frame.final:
                self.strayed(frame.target)
            for ref in frame.refs:
                if (ref, frame.target) in self.nonsense and self._targets.get(ref) not in (None, frame.target):
                    self._fail(f"ref {ref} was sent to {self._targets[ref]}, and {frame.target} acknowledges it")

    def heard(self, data: bytes, kind: int, before: dict[str, tuple[str | None, int]]) -> None:
        """Take a frame when the client has."""
        if kind != SNAPSHOT:
            return
        frame = decode(data, PLAIN)
        assert isinstance(frame, Snapshot)
        is_first = frame.target in self._resumed
        self._resumed.discard(frame.target)
        epoch, seq = before.get(frame.target, (None, 0))
        if frame.reason == "behind" and epoch is not None and epoch != frame.epoch:
            self._fail(f"{frame.target} has another epoch, and the reason is {frame.reason}")
        if is_first and frame.reason == "restarted" and epoch == frame.epoch:
            self._fail(f"{frame.target} has the epoch that it had, and the reason is {frame.reason}")
        core, plan = self._client.core, self._client.world.plan
        if frame.reason != "behind" or not is_first or plan.sizes["in_flight"] > plan.sizes["window"]:
            return
        if not self._must_be_in(frame.target) or not self._is_kept_in():
            return
        if any(asked.target == frame.target for asked in core.requests.asked.values()):
            return  # it may be the answer to that
        for own in core.replicas[frame.target].pending if frame.target in core.replicas else ():
            where = self._oracle.applied.get(own.message)
            if where is None or not own.ref or own.connection >= core.exchange.connection:
                continue
            if self._oracle.arrived.get(own.message, self._since) >= self._since:
                continue  # it was lost with its line, and taken while the Snapshot waited: the answer comes behind that
            if where[0].epoch == frame.epoch and seq < where[1] <= frame.seq:
                self._fail(f"the Snapshot of {frame.target} contains message {own.message}, which it still shows")

    def _asked_again(self, resync: Resync) -> None:
        """See that nothing was missing: what a client is sent has no gaps."""
        is_begun = None not in resync.cursors.values()  # else it has nothing yet to go on from
        if is_begun and not self.missed_frames and "garbage" not in self._client.world.plan.weights:
            self._fail(f"there is a gap behind {resync.cursors}")
        self._ask(resync)

    def shown(self, target: str, replica: Any) -> None:
        """See that whatever has no answer is shown."""
        pending = {own.message for own in replica.pending}
        for message, where in self._client.open_messages.items():
            if where == target and message not in pending:
                self._fail(f"{target} does not show message {message}, which has no answer")
