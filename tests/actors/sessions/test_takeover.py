"""A session goes on with another connection: what it takes along, and what nobody has begun."""

from __future__ import annotations

from support.kept import Kept

from nuphar.actors.runtime.hooks import ServerHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.answers import Fate
from nuphar.actors.sessions.membership_table import Grant
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.takeover import restore, supersede
from nuphar.actors.targets.messages import Leave, Post, Request
from nuphar.transport.server.framing import BARE

T, U = "topic:t", "topic:u"


class Two:
    """A session's older connection and its newer one, and a router that nobody serves."""

    def __init__(self) -> None:
        self.router = Mailbox()
        self.sent: list[bytes] = []
        self.older = Session("c", BARE, Kept(self.sent), self.router, ServerHooks())
        self.newer = Session("c", BARE, Kept([]), self.router, ServerHooks(), answers=self.older.answers)

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
    restore(two.newer, {T: ("e", 3)}, two.router, True)
    membership = two.newer.memberships[T]
    assert two.router.drain() == [Request(two.newer, None, T, ("e", 3), None, False, membership.number)]


def test_one_that_had_no_time_to_take_over_passes_its_predecessor_on() -> None:
    two = Two()
    two.admit(T)
    supersede(two.older, two.newer)
    third = Session("c", BARE, Kept([]), two.router, ServerHooks(), answers=two.older.answers)
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
    assert two.newer.answers.begin(2, T) is Fate.KNOWN
    assert two.newer.answers.begin(4, U) is Fate.NEW


def test_messages_wait_behind_the_join_of_the_newer_one() -> None:
    two = Two()
    mailbox = two.admit(T)
    supersede(two.older, two.newer)
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
    restore(two.newer, {}, two.router, True)
    membership = two.newer.memberships[T]
    assert two.router.drain() == [Request(two.newer, None, T, None, None, True, membership.number)]
