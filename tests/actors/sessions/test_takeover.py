"""A session goes on with another connection: what it takes along, and what nobody has begun."""

from __future__ import annotations

from support.kept import Kept

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.answers import RefFate
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.membership_table import Grant, PutOut
from nuphar.actors.sessions.messages import Request
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.takeover import end_naming, restore, resync, supersede
from nuphar.actors.targets.messages import Leave, Post, Why
from nuphar.actors.words.target_names import Cursor
from nuphar.transport import frames as f
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import read

T, U, V = "topic:t", "topic:u", "topic:v"


class Two:
    """A session's older connection and its newer one, and a router that nobody serves."""

    def __init__(self) -> None:
        self.router = Mailbox()
        self.sent: list[bytes] = []
        self.older = Session("c", BARE, Kept(self.sent), self.router, Kinds())
        self.newer = Session("c", BARE, Kept([]), self.router, Kinds(), answers=self.older.answers)

    def admit(self, target: str) -> Mailbox:
        """Have the older one in ``target``, and return the target's mailbox."""
        mailbox = Mailbox()
        self.older.subscribe(1, target, None)
        self.older.step(target, Grant(mailbox, None))
        self.router.drain()
        return mailbox


def test_the_older_one_is_mute_and_closed_at_once() -> None:
    two = Two()
    supersede(two.older, two.newer)
    two.older.reject(0, None, "malformed", "nobody hears this")
    BARE.deliver([two.older.sink], [b"nor this"])
    assert two.sent == []
    assert two.older.closed
    assert two.older.successor is two.newer


def test_it_takes_along_what_it_is_in_and_not_what_it_asked_for() -> None:
    two = Two()
    two.admit(T)
    two.older.subscribe(2, U, None)
    two.router.drain()
    supersede(two.older, two.newer)
    assert list(two.newer.memberships) == [T]
    assert two.newer.memberships[T].replaces is two.older
    restore(two.newer, {T: ("e", 3)}, True, 0.0, False)
    membership = two.newer.memberships[T]
    assert two.router.drain() == [Request(two.newer, None, T, ("e", 3), None, False, membership.number, nth=1)]


def test_one_that_had_no_time_to_take_over_passes_its_predecessor_on() -> None:
    two = Two()
    two.admit(T)
    supersede(two.older, two.newer)
    third = Session("c", BARE, Kept([]), two.router, Kinds(), answers=two.older.answers)
    supersede(two.newer, third)
    assert third.memberships[T].replaces is two.older


def test_what_it_held_counts_as_new_and_what_is_in_a_mailbox_does_not() -> None:
    two = Two()
    mailbox = two.admit(T)
    two.older.post(2, T, "x", b"\x61x")
    two.older.subscribe(3, U, None)
    two.older.post(4, U, "y", b"\x61y")
    two.older.unsubscribe(5, U)
    supersede(two.older, two.newer)
    assert mailbox.drain() == [Post(two.older, 2, "x", b"\x61x")]
    assert two.newer.answers.begin(2, T) is RefFate.KNOWN
    assert two.newer.answers.begin(4, U) is RefFate.NEW


def test_messages_wait_behind_the_join_of_the_newer_one() -> None:
    two = Two()
    mailbox = two.admit(T)
    supersede(two.older, two.newer)
    restore(two.newer, {}, True, 0.0, False)
    two.newer.post(2, T, "x", b"\x61x")
    two.newer.unsubscribe(3, T)
    assert mailbox.drain() == []
    two.newer.step(T, Grant(mailbox, None))
    assert mailbox.drain() == [Post(two.newer, 2, "x", b"\x61x"), Leave(two.newer, 3)]


def test_what_the_server_trusted_it_still_trusts() -> None:
    two = Two()
    two.admit(T)
    two.older.ask_trusted(T)
    supersede(two.older, two.newer)
    restore(two.newer, {}, True, 0.0, False)
    membership = two.newer.memberships[T]
    assert two.router.drain() == [Request(two.newer, None, T, None, None, True, membership.number, nth=1)]


class Three(Two):
    """A session in three targets that comes back, and says that ``more`` will be named."""

    def __init__(self, cursors: dict[str, Cursor]) -> None:
        super().__init__()
        self.heard: list[bytes] = []
        self.newer.connect(Kept(self.heard))
        self.mailboxes = {target: self.admit(target) for target in (T, U, V)}
        supersede(self.older, self.newer)
        restore(self.newer, cursors, True, 0.0, True)

    def asked(self) -> dict[str, Cursor | None]:
        """Return for what the router was asked since, and from where on."""
        return {request.target: request.since for request in self.router.drain()}

    def outs(self) -> list[str]:
        """Return of what the client has heard that it is out."""
        frames = [read(frame) for frame in self.heard]
        assert all(isinstance(frame, f.Out) for frame in frames)
        return [frame.target for frame in frames if isinstance(frame, f.Out)]


def test_what_is_not_named_waits_until_a_resync_names_it() -> None:
    three = Three({T: ("e", 1)})
    assert three.asked() == {T: ("e", 1)}
    resync(three.newer, {V: ("e", 3)})
    assert three.asked() == {V: ("e", 3)}
    resync(three.newer, {U: None})
    assert three.asked() == {U: None}
    assert all(membership.requests == 1 for membership in three.newer.memberships.values())
    assert three.heard == []


def test_an_empty_resync_ends_the_waiting() -> None:
    three = Three({T: ("e", 1)})
    three.router.drain()
    resync(three.newer, {})
    assert three.asked() == {U: None, V: None}
    assert three.newer.unnamed is None
    resync(three.newer, {})
    assert three.asked() == {}


def test_a_hello_that_names_nothing_does_not_end_it() -> None:
    three = Three({})
    assert three.asked() == {}
    resync(three.newer, {U: ("e", 2)})
    assert three.asked() == {U: ("e", 2)}


def test_named_late_is_as_named_in_hello_for_what_the_session_is_out_of() -> None:
    three = Three({"topic:x": ("e", 1)})
    resync(three.newer, {"topic:y": ("e", 1), U: ("e", 2)})
    assert three.outs() == ["topic:x", "topic:y"]
    assert three.asked() == {U: ("e", 2)}
    assert "topic:y" not in three.newer.memberships


def test_when_the_waiting_is_over_a_resync_subscribes_as_any() -> None:
    three = Three({})
    resync(three.newer, {})
    three.router.drain()
    resync(three.newer, {"topic:y": ("e", 1)})
    assert three.asked() == {"topic:y": ("e", 1)}
    assert three.outs() == []


def test_a_message_to_a_target_that_waits_is_behind_its_catch_up_and_does_not_wait_for_its_name() -> None:
    three = Three({})
    three.newer.post(2, T, "x", b"\x61x")
    assert three.asked() == {T: None}
    three.newer.post(3, T, "y", b"\x61y")
    resync(three.newer, {})
    assert three.asked() == {U: None, V: None}
    three.newer.step(T, Grant(three.mailboxes[T], None))
    assert [message.ref for message in three.mailboxes[T].drain()] == [2, 3]


def test_so_does_no_unsubscribe_no_repeat_and_nothing_of_the_server() -> None:
    three = Three({})
    three.newer.unsubscribe(2, T)
    assert three.asked() == {T: None}
    three.newer.answers.begin(3, U)
    three.newer.post(3, U, "x", b"\x61x")
    assert three.asked() == {U: None}
    three.newer.step(V, PutOut(Leave(three.newer, None, Why("denied", "out", 0))))
    assert three.asked() == {V: None}


def test_a_subscribe_names_its_target() -> None:
    three = Three({})
    three.newer.subscribe(2, T, ("e", 5))
    requests = three.router.drain()
    assert [(request.ref, request.since) for request in requests] == [(None, ("e", 5)), (2, ("e", 5))]
    assert three.newer.memberships[T].requests == 2


def test_one_that_is_superseded_while_it_waits_asks_for_nothing_more() -> None:
    three = Three({T: ("e", 1)})
    three.router.drain()
    third = Session("c", BARE, Kept([]), three.router, Kinds(), answers=three.older.answers)
    supersede(three.newer, third)
    end_naming(three.newer)
    assert three.asked() == {}
    restore(third, {U: ("e", 2)}, True, 0.0, False)
    assert three.asked() == {T: None, U: ("e", 2), V: None}
    assert {membership.replaces for membership in third.memberships.values()} == {three.older}


def test_a_session_that_has_ended_asks_for_nothing_more() -> None:
    three = Three({})
    three.newer.closed = True
    end_naming(three.newer)
    three.newer.step(T, PutOut(Leave(three.newer, None)))
    assert three.asked() == {}


def test_in_a_fresh_session_the_cursors_are_a_resync_and_nothing_waits() -> None:
    two = Two()
    restore(two.newer, {T: ("e", 1)}, False, 0.0, True)
    assert [request.since for request in two.router.drain()] == [("e", 1)]
    assert two.newer.unnamed is None
