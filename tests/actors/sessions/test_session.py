"""A session: the way of one client's messages to their targets."""

from __future__ import annotations

from typing import Any

from support.kept import Kept

from nuphar.actors.runtime.hooks import ServerHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.membership import HELD
from nuphar.actors.sessions.membership_table import Grant, MembershipState
from nuphar.actors.sessions.messages import Request
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.messages import Leave, Post
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import read
from nuphar.transport.wire.frames import Acknowledge, Frame, Rejected


class Alone:
    """A session whose router nobody serves."""

    def __init__(self, *, router: int = 100, subscriptions: int = 100, hooks: ServerHooks | None = None) -> None:
        self.sent: list[bytes] = []
        self.router = Mailbox(router)
        self.session = Session("c", BARE, Kept(self.sent), self.router, hooks or ServerHooks(), subscriptions)

    def admit(self, mailbox: Mailbox) -> None:
        """Grant what it has asked for, without a word to the target."""
        self.session.step("topic:t", Grant(mailbox, None))

    def take(self) -> list[Frame]:
        sent, self.sent[:] = list(self.sent), []
        return [read(frame) for frame in sent]

    def codes(self) -> list[tuple[Any, ...]]:
        rejected = self.take()
        assert all(isinstance(frame, Rejected) for frame in rejected)
        return [frame[:3] for frame in rejected]


def test_a_subscribe_goes_to_the_router() -> None:
    alone = Alone()
    alone.session.subscribe(1, "topic:t", ("e", 3), {"a": 1})
    membership = alone.session.memberships["topic:t"]
    assert alone.router.drain() == [Request(alone.session, 1, "topic:t", ("e", 3), {"a": 1}, False, membership.number)]


def test_messages_are_held_until_the_target_admits_and_then_go_straight_to_it() -> None:
    alone, mailbox = Alone(), Mailbox()
    session = alone.session
    session.subscribe(1, "topic:t", None)
    session.post(2, "topic:t", "a", b"\x61a")
    alone.admit(mailbox)
    session.post(3, "topic:t", "b", b"\x61b")
    assert mailbox.drain() == [Post(session, 2, "a", b"\x61a"), Post(session, 3, "b", b"\x61b")]
    assert alone.take() == []


def test_what_comes_behind_a_held_unsubscribe_stays_held() -> None:
    alone, mailbox = Alone(), Mailbox()
    session = alone.session
    session.subscribe(1, "topic:t", None)
    session.unsubscribe(2, "topic:t")
    session.post(3, "topic:t", "b", b"\x61b")
    session.subscribe(4, "topic:t", None)
    alone.admit(mailbox)
    assert mailbox.drain() == [Leave(session, 2)]
    assert session.memberships["topic:t"].state is MembershipState.ASKING
    alone.admit(mailbox)
    assert mailbox.drain() == [Post(session, 3, "b", b"\x61b")]


def test_a_message_to_a_target_that_one_is_not_in_is_rejected() -> None:
    alone = Alone()
    alone.session.post(3, "topic:t", "a", b"\x61a")
    alone.session.post(4, "page:p", "a", b"\x61a")
    assert alone.codes() == [(3, "topic:t", "not_subscribed"), (4, "page:p", "not_subscribed")]


def test_the_first_message_to_its_own_store_starts_it() -> None:
    alone = Alone()
    alone.session.post(1, "session", "a", b"\x61a")
    alone.session.post(2, "session", "b", b"\x61b")
    membership = alone.session.memberships["session"]
    assert alone.router.drain() == [Request(alone.session, None, "session", None, None, True, membership.number)]
    assert membership.held_bytes(100) == 204


def test_unsubscribing_from_what_one_is_not_in_is_acknowledged() -> None:
    alone = Alone()
    alone.session.unsubscribe(5, "topic:t")
    assert alone.take() == [Acknowledge("topic:t", 0, [5], False)]


def test_one_does_not_leave_oneself() -> None:
    alone = Alone()
    alone.session.post(1, "session", "a", b"\x61a")
    alone.session.unsubscribe(5, "session")
    assert alone.take() == [Acknowledge("session", 0, [5], False)]
    assert "session" in alone.session.memberships


def test_too_many_subscriptions_are_busy_and_an_old_one_may_be_repeated() -> None:
    alone = Alone(subscriptions=1)
    alone.session.subscribe(1, "topic:t", None)
    alone.session.subscribe(2, "topic:u", None)
    alone.session.subscribe(3, "topic:t", None)
    assert alone.codes() == [(2, "topic:u", "busy")]


def test_a_router_that_is_full_is_busy_and_leaves_no_membership() -> None:
    alone = Alone(router=1)
    alone.session.subscribe(1, "topic:t", None)
    alone.session.subscribe(2, "topic:u", None)
    assert alone.codes() == [(2, "topic:u", "busy")]
    assert list(alone.session.memberships) == ["topic:t"]


def test_a_target_that_is_full_is_busy() -> None:
    alone, mailbox = Alone(), Mailbox(1)
    alone.session.subscribe(1, "topic:t", None)
    alone.admit(mailbox)
    alone.session.post(2, "topic:t", "a", b"\x61a")
    alone.session.post(3, "topic:t", "b", b"\x61b")
    assert alone.codes() == [(3, "topic:t", "busy")]
    assert "topic:t" in alone.session.memberships


def test_who_leaves_is_let_out_even_of_a_target_that_is_full() -> None:
    alone, mailbox = Alone(), Mailbox(1)
    alone.session.subscribe(1, "topic:t", None)
    alone.admit(mailbox)
    alone.session.post(2, "topic:t", "a", b"\x61a")
    alone.session.unsubscribe(3, "topic:t")
    assert alone.codes() == []
    assert mailbox.drain()[1:] == [Leave(alone.session, 3)]
    assert "topic:t" not in alone.session.memberships


def test_who_leaves_while_it_joins_is_heard_even_if_too_much_is_held() -> None:
    alone = Alone()
    alone.session.subscribe(1, "topic:t", None)
    for ref in range(2, HELD + 2):
        alone.session.post(ref, "topic:t", "a", b"\x61a")
    alone.session.unsubscribe(HELD + 2, "topic:t")
    assert alone.codes() == []
    alone.session.unsubscribe(HELD + 3, "topic:t")  # it leaves already
    assert alone.codes() == [(HELD + 3, "topic:t", "busy")]
    mailbox = Mailbox()
    alone.admit(mailbox)
    assert mailbox.drain()[-1] == Leave(alone.session, HELD + 2)


def test_the_hook_hears_topic_messages_first_whatever_becomes_of_them() -> None:
    heard: list[Any] = []
    alone = Alone(hooks=ServerHooks(topic_message=[lambda *arguments: heard.append((*arguments, len(alone.sent)))]))
    alone.session.post(1, "topic:t", "a", b"\x61a")
    alone.session.post(2, "session", "b", b"\x61b")
    assert heard == [("a", "t", "c", 0)]
