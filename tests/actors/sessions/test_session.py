"""A session: the way of one client's messages to their targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.kept import Kept

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Call, Kinds, TargetKind
from nuphar.actors.sessions.membership import HELD
from nuphar.actors.sessions.membership_table import Grant, MembershipState
from nuphar.actors.sessions.messages import Request
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.messages import Join, Leave, Post
from nuphar.actors.words.errors import Refused, RemoteProtocolError
from nuphar.actors.words.member import Asked
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import read
from nuphar.transport.wire.frames import Acknowledge, Failure, Frame, Rejected, Reply
from nuphar.transport.wire.strict import pack_cbor


class Alone:
    """A session whose router nobody serves."""

    def __init__(self, *, router: int = 100, subscriptions: int = 100, kinds: Kinds | None = None) -> None:
        self.sent: list[bytes] = []
        self.router = Mailbox(router)
        self.session = Session("c", BARE, Kept(self.sent), self.router, kinds or Kinds(), subscriptions)

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
    asked = Asked({"a": 1}, ("e", 3))
    assert alone.router.drain() == [
        Request(alone.session, 1, "topic:t", ("e", 3), {"a": 1}, False, membership.number, nth=1, asked=asked)
    ]


def test_what_a_subscribe_said_is_known_of_whoever_it_let_in_and_still_when_it_goes() -> None:
    alone, mailbox = Alone(), Mailbox()
    alone.session.subscribe(1, "topic:t", ("e", 3), {"a": 1})
    asked = Asked({"a": 1}, ("e", 3))
    alone.session.step("topic:t", Grant(mailbox, Join(alone.session, 1, ("e", 3), ()), asked=asked))
    alone.router.drain()
    alone.session.subscribe(None, "topic:t", ("e", 5))  # a Resync says nothing
    assert [request.asked for request in alone.router.drain()] == [asked]
    assert alone.session.check("topic:t").asked == asked  # type: ignore[union-attr]
    alone.session.unsubscribe(2, "topic:t")
    assert [message.asked for message in mailbox.drain() if isinstance(message, Leave)] == [asked]


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


class Own(TargetKind):
    is_own = True


def own() -> Kinds:
    """Return kinds among which ``session`` is each session's own."""
    kinds = Kinds()
    kinds.register("session", Own())
    return kinds


def test_the_first_message_to_a_target_of_its_own_starts_it() -> None:
    alone = Alone(kinds=own())
    alone.session.post(1, "session", "a", b"\x61a")
    alone.session.post(2, "session", "b", b"\x61b")
    membership = alone.session.memberships["session"]
    assert alone.router.drain() == [Request(alone.session, None, "session", None, None, True, membership.number, nth=1)]
    assert membership.held_bytes(100) == 204


def test_unsubscribing_from_what_one_is_not_in_is_acknowledged() -> None:
    alone = Alone()
    alone.session.unsubscribe(5, "topic:t")
    assert alone.take() == [Acknowledge("topic:t", 0, [5], False)]


def test_one_does_not_leave_what_is_one_s_own() -> None:
    alone = Alone(kinds=own())
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

    class Hearing(TargetKind):
        def hear(self, session: Any, target: str, message: Any) -> None:
            heard.append((message, target, session.client_id, session.in_hand, len(alone.sent)))

    kinds = Kinds(["somebody"])
    kinds.register("topic:", Hearing())
    alone = Alone(kinds=kinds)
    alone.session.post(1, "topic:t", "a", b"\x61a")
    alone.session.post(2, "page:p", "b", b"\x61b")
    assert heard == [("a", "topic:t", "c", 1, 0)]


def test_nobody_is_asked_as_long_as_there_are_no_listeners() -> None:
    class Deaf(TargetKind):
        def hear(self, session: Any, target: str, message: Any) -> None:
            raise AssertionError

    kinds = Kinds()
    kinds.register("topic:", Deaf())
    alone = Alone(kinds=kinds)
    alone.session.post(1, "topic:t", "a", b"\x61a")
    assert alone.codes() == [(1, "topic:t", "not_subscribed")]


def calls(answer: Callable[[Any, Call], None]) -> Alone:
    """Return a session that may call ``page:…``."""

    class Called(TargetKind):
        def call(self, session: Any, call: Call) -> None:
            answer(session, call)

    kinds = Kinds()
    kinds.register("page:", Called())
    return Alone(kinds=kinds)


def test_a_call_is_answered_by_the_kind_of_its_name() -> None:
    alone = calls(lambda session, call: session.reply(call.ref, pack_cbor([call.name, call.arguments])))
    alone.session.call(7, "page:p", {"a": 1})
    alone.session.call(8, "tree", None)
    reply, failure = alone.take()
    assert reply == Reply(7, ["page:p", {"a": 1}])
    assert isinstance(failure, Failure)
    assert failure[:4] == (8, "not_found", "there is no call 'tree'", None)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("denied", "not you"), ("denied", "not you")),
        (RemoteProtocolError("expected int, got str"), ("malformed", "expected int, got str")),
    ],
)
def test_a_call_may_be_refused(error: Exception, said: tuple[str, str]) -> None:
    def refuse(session: Any, call: Call) -> None:
        raise error

    alone = calls(refuse)
    alone.session.call(7, "page:p", None)
    (failure,) = alone.take()
    assert failure[1:3] == said


def test_a_call_that_crashes_says_a_trace_id_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def crash(session: Any, call: Call) -> None:
        raise ValueError("a secret")

    alone = calls(crash)
    alone.session.call(7, "page:p", None)
    (failure,) = alone.take()
    assert isinstance(failure, Failure)
    assert failure.code == "crashed"
    assert failure.trace_id in caplog.text
    assert "secret" not in failure.text


def test_rights_are_checked_of_who_is_in_or_asks_and_not_of_whom_the_server_put_in() -> None:
    alone = Alone()
    alone.session.subscribe(1, "topic:t", None)
    number = alone.session.memberships["topic:t"].number
    assert alone.session.check("topic:t") == Request(
        alone.session, None, "topic:t", None, None, False, number, is_check=True, nth=2
    )
    assert alone.session.memberships["topic:t"].requests == 2
    alone.session.ask_trusted("topic:u")
    assert alone.session.check("topic:u") is None
