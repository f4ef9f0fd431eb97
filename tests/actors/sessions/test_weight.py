"""What a session weighs."""

from __future__ import annotations

import tracemalloc

from support.kept import Kept

from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.answers import Answers, Refusal
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.membership import Membership
from nuphar.actors.sessions.session import Session
from nuphar.actors.sessions.weight import HELD_OVERHEAD, weigh
from nuphar.actors.targets.messages import Post
from nuphar.transport.server.framing import BARE


def new_session() -> Session:
    return Session("c", BARE, Kept([]), Mailbox(), Kinds())


def test_who_has_only_said_hello_holds_nothing() -> None:
    assert weigh(new_session()) == 0


def test_subscriptions_answers_what_is_held_and_the_own_store_count() -> None:
    session = new_session()
    session.memberships["topic:t"] = joining = Membership()
    subscribed = weigh(session)
    assert subscribed > 0
    joining.put(Post(session, 1, "x", b"x" * 1_000))
    assert weigh(session) == subscribed + HELD_OVERHEAD + 1_000
    session.answers.begin(1, "topic:t")
    answered = weigh(session)
    assert answered > subscribed + HELD_OVERHEAD + 1_000
    session.answers.refuse(1, Refusal("topic:t", "no", "y" * 500, None))
    assert weigh(session) >= answered + 500
    assert weigh(session, 4_000) == weigh(session) + 4_000


def test_a_thousand_answers_weigh_what_they_take() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        answers = Answers()
        for ref in range(1, 5_001):
            answers.begin(ref, "topic:t")
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.8 * taken < answers.size < 1.25 * taken
