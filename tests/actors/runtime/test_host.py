"""The host: the real world as one object, and that actors live in the one that they are given."""

from __future__ import annotations

import threading

import gevent
import pytest
from support.hosts import AtTime

from nuphar.actors import Actor, Ref
from nuphar.actors.runtime.future import Future
from nuphar.actors.runtime.host import GEVENT, GeventHost
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.supervision import Supervisor, worker

LIMIT = 10.0
"""Seconds that any wait here may take."""


class Stranger(GeventHost):
    """Another world, to be told from the real one."""


class Echo(Actor):
    def handle(self, message: object) -> object:
        return self.host if message == "host" else message


@pytest.fixture
def stranger() -> Stranger:
    return Stranger()


def ended(ref: Ref[Echo]) -> None:
    ref.stop()
    assert ref.wait_down(LIMIT) is not None


def test_an_actor_lives_in_the_real_world_unless_told_otherwise() -> None:
    ref = Echo.start_link()
    assert ref.ask("host") is GEVENT
    ended(ref)


def test_an_actor_lives_where_its_mailbox_does(stranger: Stranger) -> None:
    ref = Echo.start_link(mailbox=Mailbox(host=stranger))
    assert ref.ask("host") is stranger
    ended(ref)


def test_a_child_lives_where_its_supervisor_does(stranger: Stranger) -> None:
    top = Supervisor.start_link([worker("a", Echo)], host=stranger)
    (child,) = top._actor_weakref().links  # type: ignore[union-attr]
    assert child.ask("host") is stranger
    ended(top)  # type: ignore[arg-type]


def test_the_clock_that_is_given_is_asked(stranger: Stranger) -> None:
    host = AtTime(lambda: 7.0)
    ref = Echo.start_link(host=host)
    assert ref.host.clock() == 7.0
    ended(ref)


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_wait_ends_with_the_answer_in_a_greenlet_and_in_a_plain_thread(in_a_thread: bool) -> None:
    future = Future()
    seen: list[bool] = []

    def wait() -> None:
        seen.append(GEVENT.wait(future, LIMIT))

    if in_a_thread:
        thread = threading.Thread(target=wait)
        thread.start()
        future.set(1)
        thread.join(LIMIT)
    else:
        waiting = gevent.spawn(wait)
        gevent.idle()
        future.set(1)
        waiting.get(timeout=LIMIT)
    assert seen == [True]


def test_a_wait_has_a_limit() -> None:
    assert GEVENT.wait(Future(), 0.01) is False


def test_secrets_are_of_the_size_that_is_asked_for_and_differ() -> None:
    assert len(GEVENT.secret(4)) == 8
    assert GEVENT.secret(16) != GEVENT.secret(16)
    assert GEVENT.token(16) != GEVENT.token(16)
